//go:build figures

package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// guestScenarios are the rows about what a node does beside playing: fetching
// ahead of need, and not standing in anyone's way.
func guestScenarios(t *testing.T) {
	t.Run("screen", func(t *testing.T) { synctest.Test(t, onScreen) })
}

// onScreen: a track is looked at, and then played.
func onScreen(t *testing.T) {
	tracks := labTracksOf(20, 60*time.Second)
	l := newLab(t, serverLine, tracks...)
	defer l.close()
	n := l.host(homeLine).start()
	defer n.Close()
	n.look(t, tracks...)
	time.Sleep(5 * time.Second)
	var worst time.Duration
	for _, track := range tracks[:5] {
		h := n.play(context.Background(), track, 0)
		noStutter(t, []heard{h})
		worst = max(worst, h.latency)
	}
	figure(t, "play of a track on the screen, 50 ms round trip: the network's part, slowest of 5", ms(worst), 15, "ms")
}
