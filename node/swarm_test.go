package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/control"
)

// hearAll has listeners play a track, each after the one before it by apart,
// and returns what they heard and how many copies the server sent.
func (l *lab) hearAll(nodes []*Node, track labTrack, apart time.Duration) (all []heard, copies float64) {
	before := l.server.swarm.Traffic().Uploaded
	all = make([]heard, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * apart)
			all[i] = n.play(context.Background(), track, 0)
		})
	}
	wg.Wait()
	return all, float64(l.server.swarm.Traffic().Uploaded-before) / float64(len(track.data))
}

func (l *lab) start(n int, at line) (nodes []*Node) {
	for range n {
		nodes = append(nodes, l.host(at).start())
	}
	return nodes
}

func closeAll(nodes []*Node) {
	for _, n := range nodes {
		n.Close()
	}
}

func noStutter(t *testing.T, all []heard) {
	t.Helper()
	for i, h := range all {
		if h.err != nil || h.stutters > 0 {
			t.Errorf("listener %d: %+v", i, h)
		}
	}
}

func TestAnUncachedTrackBeginsInOneRoundTripOnceTheServerIsKnown(t *testing.T) {
	track := newLabTrack(1, 20*time.Second, 192_000)
	labWith(serverLine, track, newLabTrack(2, 20*time.Second, 192_000)).run(t, func(t *testing.T, l *lab) {
		host := l.host(homeLine)
		n := host.start()
		first := n.play(context.Background(), track, 0)
		noStutter(t, []heard{first})
		second := n.play(context.Background(), newLabTrack(2, 20*time.Second, 192_000), 0)
		noStutter(t, []heard{second})
		n.Close()
		if roundTrip := 50 * time.Millisecond; second.latency > roundTrip+15*time.Millisecond {
			t.Errorf("with the connection up it takes %v", second.latency)
		}
	})
}

func TestANewProcessBeginsInOneRoundTrip(t *testing.T) {
	tracks := []labTrack{newLabTrack(1, 10*time.Second, 192_000), newLabTrack(2, 10*time.Second, 192_000)}
	labWith(serverLine, tracks...).run(t, func(t *testing.T, l *lab) {
		host := l.host(homeLine)
		n := host.start()
		noStutter(t, []heard{n.play(context.Background(), tracks[0], 0)})
		n.Close()
		n = host.start()
		h := n.play(context.Background(), tracks[1], 0)
		n.Close()
		noStutter(t, []heard{h})
		if roundTrip := 50 * time.Millisecond; h.latency > roundTrip+15*time.Millisecond {
			t.Errorf("a new process takes %v", h.latency)
		}
	})
}

func TestACachedTrackPlaysWithoutTheServer(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		n := l.node(homeLine)
		noStutter(t, []heard{n.play(context.Background(), track, 0)})
		l.server.close()
		h := n.play(context.Background(), track, 0)
		noStutter(t, []heard{h})
		if h.latency > time.Millisecond || h.shares.Cache != int64(len(track.data)) {
			t.Errorf("%+v", h)
		}
	})
}

func TestListenersWhoStartTogetherCostTheServerLittleMoreThanOneCopy(t *testing.T) {
	track := newLabTrack(1, 120*time.Second, 192_000)
	for name, apart := range map[string]time.Duration{"at once": 0, "10 s apart": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
				nodes := l.nodesAt(5, homeLine)
				all, copies := l.hearAll(nodes, track, apart)
				noStutter(t, all)
				if copies > 1.5 {
					t.Errorf("the server sent %.2f copies", copies)
				}
				t.Logf("the server sent %.2f copies", copies)
			})
		})
	}
}

func TestASwarmOfThirtyWithLossAndADeathHearsNoGap(t *testing.T) {
	track := newLabTrack(1, 20*time.Second, 128_000) // 320 KB
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		lossyLine := homeLine
		lossyLine.loss = 0.01
		nodes := l.start(30, lossyLine)
		defer closeAll(nodes[1:])
		var wg sync.WaitGroup
		all := make([]heard, len(nodes))
		ctx, kill := context.WithCancel(context.Background())
		for i, n := range nodes {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				if i == 0 { // it dies while others take from it
					all[i] = n.play(ctx, track, 0)
					return
				}
				all[i] = n.play(context.Background(), track, 0)
			})
		}
		time.Sleep(8 * time.Second)
		kill()
		nodes[0].Close()
		wg.Wait()
		noStutter(t, all[1:])
		copies := float64(l.server.swarm.Traffic().Uploaded) / float64(len(track.data))
		t.Logf("the server sent %.2f copies to 30", copies)
		if copies > 12 { // 5 s of 20 are heads; the rest is shared
			t.Errorf("the server sent %.2f copies", copies)
		}
	})
}

func TestWhatTheSwarmHoldsPlaysOnWhenTheServerIsGone(t *testing.T) {
	track := newLabTrack(1, 30*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		nodes := l.nodesAt(2, homeLine)
		noStutter(t, []heard{nodes[0].play(context.Background(), track, 0)})
		var wg sync.WaitGroup
		var h heard
		wg.Go(func() { h = nodes[1].play(context.Background(), track, 0) })
		time.Sleep(4 * time.Second)
		l.server.close()
		wg.Wait()
		noStutter(t, []heard{h})
		if h.shares.Peers == 0 {
			t.Errorf("%+v", h)
		}
	})
}

func TestAListenerIsToldWhenNothingHoldsTheRest(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		n := l.node(homeLine)
		var wg sync.WaitGroup
		var h heard
		wg.Go(func() { h = n.play(context.Background(), track, 0) })
		time.Sleep(2 * time.Second)
		l.server.close()
		wg.Wait()
		if !errors.Is(h.err, control.ErrUnavailable) {
			t.Errorf("%+v", h)
		}
	})
}

func TestPlayingGoesOnWhenTheServerIsBack(t *testing.T) {
	track := newLabTrack(1, 90*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		r, err := n.Open(t.Context(), track.header.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		time.Sleep(time.Second)
		line := l.server.packet
		line.setLoss(1)
		var got []byte
		buf := make([]byte, 4096)
		waits := 0
		for len(got) < len(track.data) && waits < 100 {
			k, err := r.Read(buf)
			got = append(got, buf[:k]...)
			switch {
			case errors.Is(err, control.ErrUnavailable):
				if waits++; waits == 3 {
					line.setLoss(0)
				}
				time.Sleep(time.Second)
			case err != nil && err != io.EOF:
				t.Fatal(err)
			}
		}
		if waits < 3 || !bytes.Equal(got, track.data) {
			t.Errorf("after %d waits %d bytes came, right or wrong", waits, len(got))
		}
	})
}

// What the server sends is read before it can be verified; a track that was read
// to its end is kept all the same.
func TestATrackReadToItsEndIsKeptThoughItsProofComesLater(t *testing.T) {
	track := newLabTrack(1, 8*time.Second, 192_000)
	track.late = 500 * time.Millisecond
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		r, err := n.Open(t.Context(), track.header.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, track.data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		n.streams.Close()
		if in, ok := n.cache.Lookup(track.header.ID); !ok || !in.Complete {
			t.Errorf("it is cached: %v, %+v", ok, in)
		}
	})
}

func TestClosingATrackInItsMiddleIsPrompt(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	track.late = time.Minute
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		r, err := n.Open(t.Context(), track.header.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 100_000)); err != nil {
			t.Error(err)
		}
		closing := time.Now()
		r.Close()
		if took := time.Since(closing); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}
