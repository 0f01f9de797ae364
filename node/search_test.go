package node

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

func TestWhatWasFoundOnceIsFoundWhileTheServerIsAway(t *testing.T) {
	tracks := []labTrack{newLabTrack(1, 10*time.Second, 192_000), newLabTrack(2, 10*time.Second, 192_000), newLabTrack(3, 10*time.Second, 192_000)}
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, tracks...)
		defer l.net.Close()
		host := l.host(homeLine)
		n := host.start()
		if _, err := n.Search(t.Context(), protocol.Query{Text: "track"}); err != nil {
			t.Fatal(err)
		}
		n.Close()
		l.server.close()
		n = host.start()
		defer n.Close()
		for _, q := range []protocol.Query{
			{Text: "track 2"},
			{Kind: protocol.QueryPrefix, Text: tracks[1].header.ID.String()[:10]},
			{Kind: protocol.QueryTracks, Offset: 1, Limit: 1},
		} {
			r, err := n.Search(t.Context(), q)
			if err != nil || len(r.Tracks) != 1 || r.Tracks[0].ID != tracks[1].header.ID || r.Tracks[0].Duration != 10*time.Second {
				t.Errorf("%+v: %+v, %v", q, r, err)
			}
		}
		if _, err := n.Search(t.Context(), protocol.Query{Text: "never seen"}); !errors.Is(err, control.ErrServerAway) {
			t.Errorf("what was never seen: %v; want ErrServerAway", err)
		}
	})
}

func TestWhatWasPlayedOnceIsFoundWhileTheServerIsAway(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		n := l.node(homeLine)
		noStutter(t, []heard{n.play(t.Context(), track, 0)})
		l.server.close()
		asked := time.Now()
		r, err := n.Search(t.Context(), protocol.Query{Text: "track"})
		if err != nil || r.Total != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		if took := time.Since(asked); took > 2*searchPatience {
			t.Errorf("it took %v: an answer was at hand", took)
		}
		if err := n.Remove(t.Context(), track.header.ID); err != nil {
			t.Fatal(err)
		}
		if r, err := n.Search(t.Context(), protocol.Query{Text: "track"}); err != nil || r.Total != 1 {
			t.Errorf("after it left the cache: %+v, %v", r, err)
		}
	})
}

// begins is a question for what an ID begins with.
func begins(track labTrack, digits int) protocol.Query {
	return protocol.Query{Kind: protocol.QueryPrefix, Text: track.header.ID.String()[:digits]}
}

// finds is how long a search takes that finds so many tracks; of none it is told that
// the server is away.
func finds(t *testing.T, n *Node, q protocol.Query, want int) time.Duration {
	t.Helper()
	asked := time.Now()
	r, err := n.Search(t.Context(), q)
	if r.Total != want || len(r.Tracks) != want || want > 0 && err != nil || want == 0 && !errors.Is(err, control.ErrServerAway) {
		t.Errorf("%+v finds %+v, %v; want %d", q, r, err, want)
	}
	return time.Since(asked)
}

func TestWhatIsAtHandIsNamedAtOnceWithoutTheServer(t *testing.T) {
	cached, seen := newLabTrack(1, 10*time.Second, 192_000), newLabTrack(2, 10*time.Second, 192_000)
	labWith(serverLine, cached, seen).run(t, func(t *testing.T, l *lab) {
		host := l.host(homeLine)
		n := host.start()
		noStutter(t, []heard{n.play(t.Context(), cached, 0)})
		finds(t, n, protocol.Query{Text: "track 2"}, 1)
		n.Close()
		l.server.close()
		n = host.start()
		defer n.Close()
		for _, track := range []labTrack{cached, seen} {
			for _, digits := range []int{protocol.MinPrefix, 64} {
				if took := finds(t, n, begins(track, digits), 1); took > 0 {
					t.Errorf("%s, %d digits: it took %v", track.header.Title, digits, took)
				}
			}
		}
		if h := n.play(t.Context(), cached, 0); h.latency > 0 || h.err != nil {
			t.Errorf("what is cached began after %v, %v", h.latency, h.err)
		}
		// Words are the server's to answer, as far as it does.
		if took := finds(t, n, protocol.Query{Text: "track"}, 2); took > searchPatience {
			t.Errorf("by words, not knowing that the server is away, it took %v", took)
		}
		time.Sleep(time.Minute)
		if took := finds(t, n, protocol.Query{Text: "track"}, 2); took > 0 {
			t.Errorf("by words, knowing that the server is away, it took %v", took)
		}
	})
}

func TestThatNothingIsFoundIsToldSoon(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		l.server.close()
		n := l.node(homeLine)
		for _, q := range []protocol.Query{{Text: "never seen"}, begins(track, 8), {Kind: protocol.QueryAlbums}} {
			if took := finds(t, n, q, 0); took > searchLong {
				t.Errorf("%+v: it took %v", q, took)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestTheBeginningOfAnIDMeansWhatIsAtHand where the server knows another track that
// begins so, until that is at hand as well.
func TestTheBeginningOfAnIDMeansWhatIsAtHand(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	twin := track
	twin.header.ID[31] ^= 1
	labWith(serverLine, track, twin).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		noStutter(t, []heard{n.play(t.Context(), track, 0)})
		asked := time.Now()
		if r, err := n.Search(t.Context(), begins(track, 12)); err != nil || r.Total != 1 || r.Tracks[0] != track.header.Track || time.Since(asked) > 0 {
			t.Errorf("after %v: %+v, %v", time.Since(asked), r, err)
		}
		time.Sleep(time.Second) // the server is asked
		finds(t, n, begins(track, 12), 2)
		finds(t, n, begins(track, 64), 1)
		finds(t, n, begins(twin, 64), 1)
		l.server.close()
		time.Sleep(time.Minute)
		finds(t, n, begins(track, 12), 2)
	})
}

func TestAServerThatIsSlowButThereIsWaitedFor(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	track.found = 4 * searchLong
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		time.Sleep(time.Second)
		finds(t, n, protocol.Query{Text: "track"}, 1)
		if took := finds(t, n, protocol.Query{Text: "track"}, 1); took > searchPatience {
			t.Errorf("what was seen before is found after %v", took)
		}
	})
}

func TestABlipIsNoReasonToGiveASearchUp(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	for _, long := range []time.Duration{300 * time.Millisecond, time.Second, 1500 * time.Millisecond} {
		labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
			n := l.node(homeLine)
			time.Sleep(time.Second)
			l.lines[n].setLoss(1)
			time.AfterFunc(long, func() { l.lines[n].setLoss(0) })
			if took := finds(t, n, protocol.Query{Text: "track"}, 1); took < long || took > long+searchLong {
				t.Errorf("of %v: it took %v", long, took)
			}
		})
	}
}
