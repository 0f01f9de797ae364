package schedule

import "time"

const (
	// idleHead is the head where no peer can help and nobody else is being sent
	// one: long enough that the asker measures its rates and asks the server for
	// more in peace, and has something to give to who comes next. Spotify's
	// client took as much (Kreitz and Niemelä, section III).
	idleHead = 15 * time.Second

	// sharedHead is the head where peers hold the track: what plays while they
	// are dialled and say what they hold, which takes three round trips.
	sharedHead = 3 * time.Second

	// LeastHead is the head on a crowded uplink: as little as the start needs, a
	// chunk at 192 kbit/s. Who starts together with others has them for the rest.
	LeastHead = 500 * time.Millisecond

	// ScreenHead is the head of a track that someone may play: its first second,
	// so that there is sound while all else is asked for.
	ScreenHead = time.Second
)

// Head returns how much of a track a server sends unasked to someone who can turn
// to so many peers, while so many other heads are under way: half as much for
// each of those. So of those who come at once the first gets one to share, and
// all of them together cost little more than two.
func Head(peers, crowd int) time.Duration {
	length := idleHead
	if peers > 0 {
		length = sharedHead
	}
	return max(length>>min(crowd, 8), LeastHead)
}

// shareHead takes back the head that one who began alone is sent, where others on the
// LAN have begun with it: behind their own heads they take that from the server too, each
// its part, and what they have they pass on at once. So it goes when they do (Settle), or
// as soon as what it brings next is not needed sooner than the second in line for it
// would take it.
func (s *State) shareHead(now time.Duration) {
	if s.mode != Playing {
		return
	}
	for k := range s.requests {
		r := &s.requests[k]
		next := r.delivered()
		if !r.head || s.sources[r.src].kind != Server || int(r.first+r.count)-next < runChunks || !s.beginsNear(r) {
			continue
		}
		if at := s.born + s.rules.Settle; now < at {
			s.wake(now, at)
		} else if s.slack(now, next) > s.rules.Urgent/2 {
			s.cancel(now, k)
		}
		return
	}
}

// beginsNear reports whether someone on the LAN takes its part of what must come from
// the server, and holds no more than who has begun with this head.
func (s *State) beginsNear(head *request) bool {
	for _, slot := range s.order {
		src := &s.sources[slot]
		if src.minRTT > nearEnough {
			break
		}
		if s.shares(src) && src.holding <= int(head.count) {
			return true
		}
	}
	return false
}
