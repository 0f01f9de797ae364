package node

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnUncachedTrackPlaysFromTheServer(t *testing.T) {
	track := newLabTrack(1, 20*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.close()
		n := l.host(homeLine).start()
		defer n.Close()
		h := n.play(context.Background(), track, 0)
		if h.err != nil || h.stutters > 0 {
			t.Errorf("%+v", h)
		}
		t.Logf("%+v", h)
	})
}

func TestListenersWhoStartTogetherShareOneCopy(t *testing.T) {
	track := newLabTrack(1, 120*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.close()
		var wg sync.WaitGroup
		for range 5 {
			n := l.host(homeLine).start()
			defer n.Close()
			wg.Go(func() {
				h := n.play(context.Background(), track, 0)
				t.Logf("%+v", h)
				if h.err != nil || h.stutters > 0 {
					t.Errorf("%+v", h)
				}
			})
		}
		wg.Wait()
		copies := float64(l.server.swarm.Traffic().Uploaded) / float64(len(track.data))
		t.Logf("the server sent %.2f copies", copies)
		if copies > 2 {
			t.Errorf("the server sent %.2f copies", copies)
		}
	})
}
