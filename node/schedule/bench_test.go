package schedule

import (
	"testing"
	"time"

	"earshot/protocol"
)

// crowd is a State of 700 chunks (8 min at 192 kbit/s) with a server and 10
// peers that hold half of it each.
func crowd() *State {
	line := NewTimeline(header(192_000, 478*time.Second))
	s := New(Config{Timeline: line, Seed: 1})
	s.AddSource(0, 0, Source{Kind: Server, RTT: 50 * time.Millisecond})
	for id := SourceID(1); id <= 10; id++ {
		have := protocol.NewBitmap(s.n)
		for c := range s.n {
			if s.random()%2 == 0 {
				have.Set(c)
			}
		}
		s.AddSource(0, id, Source{RTT: time.Duration(id) * 10 * time.Millisecond, Key: uint64(id)})
		s.SetHave(0, id, have)
		s.Listening(0, id, true)
	}
	s.Playhead(0, 0, 0, Playing)
	return s
}

// BenchmarkStepIdle is a Step at which nothing is to be decided: all windows
// are full.
func BenchmarkStepIdle(b *testing.B) {
	s := crowd()
	s.Step(0)
	b.ReportAllocs()
	for b.Loop() {
		s.Step(time.Millisecond)
	}
}

// BenchmarkChunk is all that one chunk costs: its share of the requests, its
// progress in four parts, its arrival, a peer's announcement, and a Step after
// each of these.
func BenchmarkChunk(b *testing.B) {
	s := crowd()
	var now time.Duration
	chunks := 0
	s.Step(now)
	b.ReportAllocs()
	for b.Loop() {
		if len(s.requests) == 0 || s.Done() {
			b.StopTimer()
			s = crowd()
			s.Step(now)
			b.StartTimer()
		}
		r := s.requests[0]
		c := r.delivered()
		for range 4 {
			now += 4 * time.Millisecond
			s.Progress(now, r.id, protocol.ChunkSize/4)
			s.Step(now)
		}
		s.Arrived(now, c)
		s.Step(now)
		s.Got(now, 3, (c+1)%s.n, 1)
		if c+1 >= int(r.first+r.count) {
			s.Finished(now, r.id)
		}
		s.Step(now)
		chunks++
	}
}

// BenchmarkState is the memory of one State with ten peers: what a simulator
// holds for each node that listens.
func BenchmarkState(b *testing.B) {
	line := track()
	full := protocol.FullBitmap(line.Chunks())
	b.ReportAllocs()
	for b.Loop() {
		s := New(Config{Timeline: line})
		for id := range SourceID(10) {
			s.AddSource(0, id, Source{})
			s.SetHave(0, id, full)
		}
		s.Playhead(0, 0, 0, Playing)
		s.Step(0)
	}
}
