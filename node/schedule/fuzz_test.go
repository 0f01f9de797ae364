package schedule

import (
	"testing"
	"time"

	"earshot/protocol"
)

// FuzzState drives a State with any sequence of events, sensible or not: it
// must stay sound, ask nothing of who lacks it, and never panic.
func FuzzState(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 1, 1, 2, 1, 255, 10, 0, 1, 12, 5, 0, 6, 1, 16, 7, 0, 12, 9, 8, 1, 12, 30})
	f.Add([]byte("0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
	f.Add([]byte{0, 1, 0, 1, 2, 3, 10, 2, 1, 12, 9, 9, 0, 0, 9, 1, 5, 12, 200, 9, 2, 3, 12, 100, 12, 100, 11, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		in = in[:min(len(in), 3*500)]
		line := NewTimeline(header(192_000, 60*time.Second+time.Duration(len(in)%7)*time.Second))
		s := New(Config{Timeline: line, Seed: 3, Have: protocol.NewBitmap(line.Chunks())})
		n := line.Chunks()
		var now time.Duration
		live := map[RequestID]Action{}
		next := func() int {
			if len(in) == 0 {
				return 0
			}
			b := in[0]
			in = in[1:]
			return int(b)
		}
		for len(in) > 0 {
			switch op, x, y := next()%15, next(), next(); op {
			case 0:
				s.AddSource(now, SourceID(x%12), Source{Kind: Kind(y % 2), RTT: time.Duration(y) * time.Millisecond, Rate: float64(x) * 1e4, Key: uint64(x)})
			case 1:
				s.RemoveSource(now, SourceID(x%12))
				for id, a := range live {
					if a.Source == SourceID(x%12) {
						delete(live, id)
					}
				}
			case 2:
				s.SetHave(now, SourceID(x%12), protocol.FullBitmap(n-(y+1)%2))
			case 3:
				s.Got(now, SourceID(x%12), y-3, x)
			case 4:
				s.Lost(now, SourceID(x%12))
			case 5:
				s.Listening(now, SourceID(x%12), y%2 == 0)
			case 6:
				s.Progress(now, RequestID(x), y*256)
			case 7:
				s.Arrived(now, x-2)
			case 8:
				s.Finished(now, RequestID(x))
				delete(live, RequestID(x))
			case 9:
				s.Failed(now, RequestID(x), Reason(y%7))
				delete(live, RequestID(x))
			case 10:
				s.Playhead(now, int64(x-1)*protocol.ChunkSize+int64(y), 0, Mode(y%8))
			case 11:
				s.Expect(now, SourceID(x%12), y, x)
			case 12:
				s.Missing(now, x-1, y)
			case 13:
				now += time.Duration(x*y) * time.Millisecond
			case 14:
				s.Promise(now, SourceID(x%12), y-3, x)
			}
			actions, at := s.Step(now)
			if at <= now {
				t.Fatalf("at %v: come back at %v", now, at)
			}
			if err := sound(s); err != nil {
				t.Fatal(err)
			}
			for _, a := range actions {
				if a.Kind == Cancel {
					delete(live, a.ID)
					continue
				}
				src := &s.sources[s.find(a.Source)]
				if a.Count < 1 || a.Count > maxRun || a.First < 0 || a.First+a.Count > n || src.unwilling {
					t.Fatalf("%+v of %+v", a, src)
				}
				for c := a.First; c < a.First+a.Count; c++ {
					if !src.holds(c) || s.have.has(c) {
						t.Fatalf("%+v: chunk %d, held %v, have %v", a, c, src.holds(c), s.have.has(c))
					}
				}
				if _, twice := live[a.ID]; twice {
					t.Fatalf("request %d twice", a.ID)
				}
				live[a.ID] = a
			}
			covered := make([]int, n)
			for _, a := range live {
				for c := a.First; c < a.First+a.Count; c++ {
					if covered[c]++; covered[c] > 2 {
						t.Fatalf("chunk %d asked for three times", c)
					}
				}
			}
		}
	})
}
