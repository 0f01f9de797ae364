package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestNodesWhoseClocksAreADayApartHearEachOther: the server's clock is ahead of the
// nodes' or behind, as where a time zone is wrong.
func TestNodesWhoseClocksAreADayApartHearEachOther(t *testing.T) {
	track := newLabTrack(1, 20*time.Second, 192_000)
	for name, ahead := range map[string]time.Duration{"ahead": 23*time.Hour + 59*time.Minute, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, serverLine)
				t.Cleanup(l.close)
				l.server.close()
				socket := l.roaming("198.51.100.7", serverLine)
				defer socket.end()
				l.clock, l.dir = ahead, ""
				l.serve(socket, track)
				var nodes []*Node
				for range 2 {
					n := l.hostOf("198.51.100.7:4433", homeLine).start()
					defer n.Close()
					nodes = append(nodes, n)
				}
				noStutter(t, []heard{nodes[0].play(context.Background(), track, 0)})
				h := nodes[1].play(context.Background(), track, 0)
				noStutter(t, []heard{h})
				if h.shares.Peers == 0 {
					t.Errorf("the second takes nothing from the first: %+v", h.shares)
				}
			})
		})
	}
}
