package schedule

import (
	"slices"
	"testing"
	"time"

	"earshot/protocol"
)

// A server that sends less than the track takes is asked for the next before it has sent
// the last: the line is never idle for a round trip.
func TestAThinLineIsNotIdleBetweenRequests(t *testing.T) {
	const (
		rtt  = 50 * time.Millisecond
		step = 5 * time.Millisecond
	)
	for _, times := range []float64{0.5, 0.8, 1.1} { // the bitrate
		line := NewTimeline(header(192_000, 60*time.Second))
		s := New(Config{Timeline: line, Seed: 1})
		s.AddSource(0, theServer, Source{Kind: Server, RTT: rtt})
		s.Playhead(0, 0, 0, Playing)
		s.Thin(true)
		type asked struct {
			id         RequestID
			first, end int
			got        int // of the first
			at         time.Duration
		}
		var queue []asked
		idle, sent, now := time.Duration(0), 0.0, time.Duration(0)
		for ; !s.Done(); now += step {
			actions, _ := s.Step(now)
			for _, a := range actions {
				if a.Kind == Cancel {
					queue = slices.DeleteFunc(queue, func(r asked) bool { return r.id == a.ID })
					continue
				}
				queue = append(queue, asked{id: a.ID, first: a.First, end: a.First + a.Count, at: now + rtt})
			}
			if len(queue) == 0 || queue[0].at > now {
				idle += step
				continue
			}
			for sent += times * line.rate * step.Seconds(); sent >= 1 && len(queue) > 0; {
				r := &queue[0]
				size := protocol.ChunkLen(line.size, r.first)
				n := min(int(sent), size-r.got)
				sent, r.got = sent-float64(n), r.got+n
				s.Progress(now, r.id, n)
				if r.got == size {
					s.Arrived(now, r.first)
					r.first, r.got = r.first+1, 0
				}
				if r.first == r.end {
					s.Finished(now, r.id)
					queue = queue[1:]
				}
			}
		}
		if idle > now/50 {
			t.Errorf("at %v times the bitrate the line is idle for %v of %v", times, idle, now)
		}
	}
}
