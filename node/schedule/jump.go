package schedule

import (
	"time"

	"earshot/protocol"
)

// leaveBehind cancels what a seek has made less than urgent or near, so that
// the sources' capacity is free for the new place. In no hurry no place is better
// than another.
func (s *State) leaveBehind(now time.Duration) {
	if s.mode == Background {
		return
	}
	for k := len(s.requests) - 1; k >= 0; k-- {
		r := &s.requests[k]
		end := int(r.first + r.count)
		first := min(max(int(r.first), s.ph), end-1) // of one that the playhead is in, what is still to be played
		if s.slack(now, end-1) >= s.rules.Near && s.slack(now, first) >= s.rules.Near {
			s.cancel(now, k)
		}
	}
}

// overtake asks a second source for what a seek has gone to, where the one that was
// asked for it before, for much later, brings it later by more than a timer's grain:
// nothing sounds meanwhile. It looks at what is played within lastCall, as the seek may
// go to the end of a chunk.
func (s *State) overtake(now time.Duration) {
	for c := s.ph; c < s.n && s.line.at(c)-s.pos < lastCall; c++ {
		if r := s.only(c); r != nil {
			if i := s.another(now, r, c); i >= 0 && s.sources[i].arrival(now, protocol.ChunkSize)+slop < s.expected(now, r, c) {
				s.hedge(now, r, c)
			}
		}
	}
}

// only returns the one request outstanding for chunk c, nil if there is none or two.
func (s *State) only(c int) *request {
	if s.have.has(c) || s.asked2.has(c) {
		return nil
	}
	for k := range s.requests {
		if r := &s.requests[k]; r.covers(c) {
			return r
		}
	}
	return nil
}

// expected returns how long until a request brings chunk c.
func (s *State) expected(now time.Duration, r *request, c int) time.Duration {
	src := &s.sources[r.src]
	before := (c - r.delivered()) * protocol.ChunkSize * max(src.requests, 1)
	return max(r.due-now, 0) + src.transfer(before)
}
