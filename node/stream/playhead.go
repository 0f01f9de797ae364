package stream

import (
	"math"
	"slices"
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

// playhead is where one reader of a track is, and what is known of its clock. The
// stream's mu guards it.
type playhead struct {
	place   int64     // byte offset
	next    int64     // where the last read ended
	waiting bool      // it waits at its place
	jumped  bool      // it has gone elsewhere, and the clock is not set anew yet
	clock   time.Time // when the track's beginning would have been heard
	hold    hold

	dry     time.Time     // since when nothing reachable holds what it waits for
	none    chan struct{} // closed while that is so for long
	noneSet bool
}

func newPlayhead(place int64) *playhead { return &playhead{place: place, none: make(chan struct{})} }

const (
	// mostAhead is how far a reader may be ahead of what is heard and have jumped a
	// little: the second that a player decodes ahead (package player), and what an
	// output and a decoder hold. Farther, it has gone elsewhere.
	mostAhead = 2 * time.Second
	// readAhead is how far ahead of what is heard one that reads on is taken to play:
	// what the schedule calls near (schedule.Rules.Near). A program that reads all it
	// can get, as players do by HTTP, has that much in hand; what it reads beyond is
	// fetched in no hurry, until the clock comes near its place.
	readAhead = 15 * time.Second
	// soonest is how far ahead of a reader a chunk is needed soon: what the schedule
	// calls urgent (schedule.Rules.Urgent). Who began together with us needs it then.
	soonest = 3 * time.Second
)

// read takes note of a read of n bytes at an offset; none while the reader waits. It
// returns whether anything has changed that matters to the schedule.
func (h *playhead) read(header *protocol.Header, now time.Time, offset int64, n int) (moved bool) {
	t, waiting := header.TimeAt(offset), n == 0
	moved = h.place/protocol.ChunkSize != offset/protocol.ChunkSize || h.waiting != waiting
	h.jumped = h.jumped || offset != h.next
	h.place, h.next, h.waiting = offset, offset+int64(n), waiting
	if heard := h.clock.Add(t); !waiting {
		if now.After(heard) || h.jumped && heard.Sub(now) > mostAhead {
			h.clock, moved = now.Add(-t), true // it begins, goes on after a pause, or elsewhere
		}
		h.jumped = false
	}
	return moved
}

// ahead is how long until the reader's place is heard: what a player has in hand;
// nothing where the reader has just gone elsewhere.
func (h *playhead) ahead(header *protocol.Header, now time.Time) time.Duration {
	ahead := h.clock.Add(header.TimeAt(h.place)).Sub(now)
	if h.jumped && ahead > mostAhead {
		return 0
	}
	return max(ahead, 0)
}

func (h *playhead) chunk() int { return int(h.place / protocol.ChunkSize) }

// setUnavailable says whether what it waits for is not to be had.
func (h *playhead) setUnavailable(none bool) {
	if none == h.noneSet {
		return
	}
	h.noneSet = none
	if none {
		close(h.none)
	} else {
		h.none = make(chan struct{})
	}
}

// Of a track that several read, the schedule follows one: who will have nothing to
// read soonest. It takes what it had asked for another back where that is not needed
// soon, so that it is not to go to and fro.
const (
	// apart is by how much sooner another must be in need, and half of that again.
	apart = 500 * time.Millisecond
	// heldNeed is when one is taken to be in need that is held back (start): nothing
	// sounds there, so it is behind those whose sound would end.
	heldNeed = soonest
	// plenty is with how much in hand one is left to itself while another waits, however
	// far that is ahead of its clock: more than readAhead, so that a lead lasts a while.
	plenty = 20 * time.Second
	// noNeed is the need of one that has plenty, or can read to the end.
	noNeed = time.Duration(math.MaxInt64)
)

// follow returns whom the schedule follows. s.mu is held.
func (s *Stream) follow(now time.Time) *playhead {
	switch len(s.heads) {
	case 0:
		s.led = s.own
		return s.led
	case 1:
		s.led = s.heads[0]
		return s.led
	}
	have, _ := s.pieces.there(0)
	var first *playhead
	least, led := noNeed, noNeed
	for _, h := range s.heads {
		n := s.need(h, have, now)
		if first == nil || n < least {
			first, least = h, n
		}
		if h == s.led {
			led = n
		}
	}
	if !slices.Contains(s.heads, s.led) || least < noNeed && least+least/2+apart < led {
		s.led = first
	}
	return s.led
}

// need is when a reader will have nothing to read, where have is there.
func (s *Stream) need(h *playhead, have protocol.Bitmap, now time.Time) time.Duration {
	header := &s.pieces.header
	c, n := h.chunk(), protocol.Chunks(header.Size)
	for c < n && have.Has(c) {
		c++
	}
	if c >= n || !h.dry.IsZero() { // there is all, or nothing that would help
		return noNeed
	}
	need := h.ahead(header, now) + max(header.TimeAt(int64(c)*protocol.ChunkSize)-header.TimeAt(h.place), 0)
	switch {
	case h.hold.on:
		return min(need, heldNeed)
	case !h.waiting && need >= plenty:
		return noNeed
	}
	return min(need, plenty)
}

// enter adds a reader that begins at a place.
func (s *Stream) enter(place int64) *playhead {
	h := newPlayhead(place)
	s.mu.Lock()
	s.heads = append(s.heads, h)
	s.mu.Unlock()
	s.nudge()
	return h
}

// exit takes a reader out.
func (s *Stream) exit(h *playhead) {
	s.mu.Lock()
	s.heads = slices.DeleteFunc(s.heads, func(other *playhead) bool { return other == h })
	s.own.place = h.place // what is wanted of the track still is wanted here
	s.mu.Unlock()
	s.nudge()
}

// at tells where a reader is, and how many bytes it was given there; none while it
// waits.
func (s *Stream) at(h *playhead, offset int64, n int) {
	s.mu.Lock()
	moved := h.read(&s.pieces.header, time.Now(), offset, n)
	s.mu.Unlock()
	if moved {
		s.nudge()
	}
}

// inHand reports whether what was read before a reader's place is still to be heard.
func (s *Stream) inHand(h *playhead) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.ahead(&s.pieces.header, time.Now()) > 0
}

// soon reports whether a chunk is played soon, or was just now.
func (s *Stream) soon(i int) bool {
	t := s.pieces.header.TimeAt(int64(i) * protocol.ChunkSize)
	near := func(h *playhead) bool { return (t - s.pieces.header.TimeAt(h.place)).Abs() < soonest }
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.heads) == 0 && near(s.own) || slices.ContainsFunc(s.heads, near)
}

// unavailable is closed while nothing that can be reached holds what a reader waits
// for.
func (s *Stream) unavailable(h *playhead) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.none
}

// checkDry tells waiting readers, and who fetches all, when nothing that can be reached
// holds what they need, and when something does again.
func (f *fetch) checkDry(fetching bool) {
	s := f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.heads {
		c, waiting := h.chunk(), h.waiting
		if h.hold.on { // it waits for more than its place
			c, waiting = s.pieces.nextMissing(c), true
		}
		f.checkDryAt(h, c, waiting && !s.pieces.has(c))
	}
	f.checkDryAt(s.own, s.pieces.firstMissing(), fetching) // what it waits for is whatever is missing
}

func (f *fetch) checkDryAt(h *playhead, chunk int, waiting bool) {
	held := false
	for c, src := range f.sources {
		held = held || c.Trusted() && (src.server || src.have.Has(chunk))
	}
	switch {
	case !waiting || held:
		h.dry = time.Time{}
	case h.dry.IsZero():
		h.dry = time.Now()
	}
	h.setUnavailable(!h.dry.IsZero() && time.Since(h.dry) >= dryAfter)
}

// mode is what the track is wanted for, by a reader that is so far ahead if there is
// one. s.mu is held.
func (s *Stream) mode(ahead time.Duration) (mode schedule.Mode, reading bool) {
	reading = s.wishes[wishPlay] > 0
	switch {
	case reading && ahead > readAhead:
		return schedule.Background, true
	case reading:
		return schedule.Playing, true
	case s.wishes[wishHead] > 0:
		return schedule.PrefetchHead, false
	case s.wishes[wishPeers] > 0:
		return schedule.PrefetchPeers, false
	case s.wishes[wishFetch] > 0:
		return schedule.Background, false
	}
	return schedule.Idle, false
}
