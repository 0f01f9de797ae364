package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

func TestAFetchIsWholeAndPinnedAndTakesHalfOfTheServersLine(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	thin := line{up: 2e6, down: 100e6, delay: 5 * time.Millisecond, site: "server"}
	labWith(thin, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		began := time.Now()
		var told []int64
		err := n.Fetch(t.Context(), track.header.ID, func(have, size int64) { told = append(told, have) })
		if err != nil {
			t.Fatal(err)
		}
		// All of the line would carry it in 6 s.
		if took := time.Since(began); took < 11*time.Second || took > 25*time.Second {
			t.Errorf("60 s of music came in %v", took)
		}
		if last := told[len(told)-1]; last != track.header.Size || len(told) < 10 {
			t.Errorf("told %d times, %d bytes of %d at last", len(told), last, track.header.Size)
		}
		in, ok := n.cache.Lookup(track.header.ID)
		if !ok || !in.Complete || !in.Pinned {
			t.Errorf("cached %v: %+v", ok, in)
		}
		stats, err := n.CacheStats(t.Context())
		if err != nil || stats.Misses != 0 || stats.PlayedFromServer != 0 || stats.Plays != 0 {
			t.Errorf("it counts as a play: %+v, %v", stats, err)
		}
	})
}

func TestAFetchTakesFromPeersWhatTheyHold(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		holder := l.node(homeLine)
		noStutter(t, []heard{holder.play(t.Context(), track, 0)})
		n := l.node(homeLine)
		before := l.server.swarm.Traffic().Uploaded
		began := time.Now()
		if err := n.Fetch(t.Context(), track.header.ID, nil); err != nil {
			t.Fatal(err)
		}
		if sent := l.server.swarm.Traffic().Uploaded - before; sent > track.header.Size/10 {
			t.Errorf("the server sent %d bytes of %d", sent, track.header.Size)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it took %v from a peer", took)
		}
	})
}

func TestAFetchGoesOnWhereItWasCutShort(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := n.Fetch(ctx, track.header.ID, func(have, size int64) {
			if have > size/2 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cut short: %v", err)
		}
		in, _ := n.cache.Lookup(track.header.ID)
		if !in.Pinned || in.Complete || in.Have < 40 {
			t.Errorf("what has come: %+v", in)
		}
		before := l.server.swarm.Traffic().Uploaded
		first := int64(-1)
		err = n.Fetch(t.Context(), track.header.ID, func(have, size int64) {
			if first < 0 {
				first = have
			}
		})
		if err != nil || first < track.header.Size/2 {
			t.Errorf("it went on at %d of %d bytes, %v", first, track.header.Size, err)
		}
		if sent := l.server.swarm.Traffic().Uploaded - before; sent > track.header.Size*6/10 {
			t.Errorf("the server sent %d bytes more", sent)
		}
	})
}

func TestAFetchOfWhatNothingHoldsEnds(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		n := l.node(homeLine)
		if err := n.Fetch(t.Context(), protocol.ID{1, 2, 3}, nil); !errors.Is(err, control.ErrUnknownTrack) {
			t.Errorf("an unknown track: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- n.Fetch(t.Context(), track.header.ID, nil) }()
		time.Sleep(time.Second)
		l.server.close()
		cut := time.Now()
		if err := <-done; !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("the server went: %v", err)
		}
		if took := time.Since(cut); took > 2*time.Minute {
			t.Errorf("it was told after %v", took)
		}
		if err := n.Fetch(t.Context(), protocol.ID{1, 2, 3}, nil); !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("without the server: %v", err)
		}
	})
}

func TestAPlayOvertakesAFetchOfTheSameTrack(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		done := make(chan error, 1)
		go func() { done <- n.Fetch(t.Context(), track.header.ID, nil) }()
		time.Sleep(2 * time.Second)
		h := n.play(t.Context(), track, 30*time.Second)
		noStutter(t, []heard{h})
		if h.latency > time.Second {
			t.Errorf("the play began after %v", h.latency)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
