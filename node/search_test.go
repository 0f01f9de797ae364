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
		host.ip = "203.0.113.250" // simnet takes an address once
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
