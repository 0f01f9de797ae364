package schedule

import (
	"testing"
	"time"

	"earshot/protocol"
)

// TestHowFarAPeerIsIsItsShortestRoundTrip: a near peer's smoothed round trip is
// long, as at a handshake's end or behind a queue of its own, and still what it can
// carry is left to it; of two about as near, both are asked.
func TestHowFarAPeerIsIsItsShortestRoundTrip(t *testing.T) {
	const at, behind = time.Millisecond, 20 * time.Millisecond // how far; smoothed over a queue
	for _, c := range []struct {
		name         string
		near, far    Source
		farther, now bool // it is so at first; once the near one has been measured again
	}{
		{"by its shortest", Source{RTT: behind, MinRTT: at}, Source{RTT: 5 * at, MinRTT: 5 * at}, true, true},
		{"measured later", Source{RTT: 2 * at}, Source{RTT: 5 * at, MinRTT: 5 * at}, false, true},
		{"about as near", Source{RTT: at, MinRTT: at}, Source{RTT: behind, MinRTT: 3 * at}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Config{Timeline: track(), Seed: 1})
			s.Playhead(0, 0, 0, Background) // all of it is far ahead
			for i, src := range []Source{c.near, c.far} {
				src.Rate, src.Key = 1e6, uint64(i)
				s.AddSource(0, peerA+SourceID(i), src)
				s.SetHave(0, peerA+SourceID(i), protocol.FullBitmap(s.n))
			}
			b := &bench{t, s, time.Second}
			b.sources[b.find(peerA)].proven = true
			if asked := len(of(b.step(0), Request, peerB)) > 0; asked == c.farther {
				t.Errorf("at first the farther peer is asked: %v", asked)
			}
			b.release(b.now, b.find(peerB))
			b.AddSource(b.now, peerA, Source{RTT: behind, MinRTT: at})
			if asked := len(of(b.step(time.Millisecond), Request, peerB)) > 0; asked == c.now {
				t.Errorf("later the farther peer is asked: %v", asked)
			}
		})
	}
}
