package schedule

import (
	"time"

	"earshot/protocol"
)

const (
	// First backoffs and their limits. A busy peer has four slots that each
	// turn over in a fraction of a second; a silent or broken one is rather
	// gone for good, but a laptop comes back from a change of network.
	busyBackoff = 100 * time.Millisecond
	busyMax     = 3 * time.Second
	failBackoff = 500 * time.Millisecond
	failMax     = 30 * time.Second

	// distrustAt is how many strikes in a row make a peer's map count for
	// nothing: what only it claims to hold is taken from the server. A busy
	// answer is one strike, a failure two.
	distrustAt = 6
)

// source is what is known of a source, and what is asked of it.
type source struct {
	id         SourceID
	kind       Kind
	used       bool // the slot is taken
	listening  bool
	unwilling  bool // never asked again
	distrusted bool // its map is not counted in State.avail
	dry        bool // nothing to ask it far ahead until something changes
	key        uint64
	have       bitset // a peer's; nil for the server and for a peer not heard of yet
	holding    int    // chunks in it
	soon       [2]int // the first chunk, and the one behind the last, that it will have soon

	rtt    time.Duration
	minRTT time.Duration // how far away it is
	rate   float64       // bytes a second while it delivers, EWMA
	wait   time.Duration // from asking an idle source to its first byte, EWMA
	late   time.Duration // by how much it misses its expected times, EWMA
	dev    time.Duration // mean deviation of that, EWMA
	proven bool          // its rate has been measured

	requests  int // outstanding
	owed      int // bytes outstanding
	window    int // requests that it may have outstanding, from 1 up: slow start
	backoff   time.Duration
	until     time.Duration // not asked before
	strikes   int           // failures in a row
	flowing   bool
	flowSince time.Duration // start of the rate's sample
	flowBytes int
}

// AddSource adds a source, or brings the round trips of one that is there up to
// date. A peer is asked for nothing before SetHave or Got.
func (s *State) AddSource(now time.Duration, id SourceID, src Source) {
	s.begin(now)
	if src.MinRTT <= 0 {
		src.MinRTT = src.RTT
	}
	if i := s.find(id); i >= 0 {
		if src.RTT > 0 {
			s.sources[i].rtt, s.sources[i].minRTT = src.RTT, src.MinRTT
			s.sort()
		}
		return
	}
	p := source{id: id, kind: src.Kind, used: true, key: src.Key, rtt: src.RTT, minRTT: src.MinRTT, rate: src.Rate, window: 1}
	if p.kind == Server {
		p.window = serverWindow
	}
	if p.rtt <= 0 {
		p.rtt, p.minRTT = guessRTT, guessRTT
	}
	if !(p.rate >= minRate) { // also NaN
		p.rate = guessRate
	}
	p.wait, p.dev = p.rtt, p.rtt/2 // RFC 6298, 2.2
	for _, b := range s.banned {
		p.unwilling = p.unwilling || b == id
	}
	s.order = append(s.order, int16(s.place(p)))
	s.sort()
	s.wet()
}

// place puts a source in a free slot.
func (s *State) place(p source) int {
	for i := range s.sources {
		if !s.sources[i].used {
			s.sources[i] = p
			return i
		}
	}
	s.sources = append(s.sources, p)
	return len(s.sources) - 1
}

// sort keeps the order by distance; insertion sort, as it is nearly sorted.
func (s *State) sort() {
	for i := 1; i < len(s.order); i++ {
		for j := i; j > 0 && s.sources[s.order[j]].minRTT < s.sources[s.order[j-1]].minRTT; j-- {
			s.order[j], s.order[j-1] = s.order[j-1], s.order[j]
		}
	}
}

// RemoveSource takes a source away. What it still owed is asked of others at
// the next Step; there is no Cancel for it.
func (s *State) RemoveSource(now time.Duration, id SourceID) {
	s.begin(now)
	i := s.find(id)
	if i < 0 {
		return
	}
	s.drop(now, i)
	s.uncount(&s.sources[i])
	s.sources[i] = source{}
	for k, slot := range s.order {
		if int(slot) == i {
			s.order = append(s.order[:k], s.order[k+1:]...)
			break
		}
	}
	s.wet()
}

// find returns the slot of a source, or -1.
func (s *State) find(id SourceID) int {
	for i := range s.sources {
		if s.sources[i].used && s.sources[i].id == id {
			return i
		}
	}
	return -1
}

func (s *State) peer(id SourceID) *source {
	if i := s.find(id); i >= 0 && s.sources[i].kind == Peer {
		return &s.sources[i]
	}
	return nil
}

// SetHave replaces a peer's map. One of the wrong length counts as empty. The
// server needs none: it has everything.
func (s *State) SetHave(now time.Duration, id SourceID, have protocol.Bitmap) {
	s.begin(now)
	src := s.peer(id)
	if src == nil {
		return
	}
	s.uncount(src)
	if src.have == nil {
		src.have = make(bitset, len(s.have))
	}
	clear(src.have)
	src.holding = 0
	if have.Valid(s.n) {
		src.holding = have.Count()
		for i, b := range have {
			src.have[i/8] |= uint64(b) << (i % 8 * 8)
		}
	}
	s.recount(src)
	src.dry = false
	s.news = now
}

// Got adds n chunks from first on to a peer's map.
func (s *State) Got(now time.Duration, id SourceID, first, n int) {
	s.begin(now)
	src := s.peer(id)
	if src == nil || first < 0 || first >= s.n || n <= 0 {
		return
	}
	if src.have == nil {
		src.have = make(bitset, len(s.have))
	}
	for c := first; c < first+min(n, s.n-first); c++ {
		if !src.have.has(c) {
			src.have.set(c)
			src.holding++
			if src.counted() {
				s.more(c)
			}
		}
	}
	src.dry = false
	s.news = now
}

// Promise says that a peer will have n chunks from first on soon, if it has not yet: it
// is asked for them now, and answers when it has them (Action.Wait). It is late when
// they are at last call.
func (s *State) Promise(now time.Duration, id SourceID, first, n int) {
	s.Got(now, id, first, n)
	if src := s.peer(id); src != nil && n > 0 {
		src.soon = [2]int{first, first + n}
	}
}

// promises reports whether the source will have chunk c soon, if it has not yet.
func (src *source) promises(c int) bool { return src.soon[0] <= c && c < src.soon[1] }

// Lost empties a peer's map.
func (s *State) Lost(now time.Duration, id SourceID) { s.SetHave(now, id, nil) }

// Listening says whether a peer is itself fetching the track (Playing, Paused
// or Background) and so takes its part of what must come from the server. One
// that holds all of it no longer does.
func (s *State) Listening(now time.Duration, id SourceID, listening bool) {
	s.begin(now)
	if src := s.peer(id); src != nil {
		src.listening = listening
	}
}

// shares reports whether a peer takes its part of what must come from the
// server: it is fetching the track, and not known to fail.
func (s *State) shares(src *source) bool {
	return src.listening && src.counted() && src.holding < s.n
}

// Rate returns what a source has been seen to send, in bytes a second, for use
// as Source.Rate on the next track; 0 if it has not been measured.
func (s *State) Rate(id SourceID) float64 {
	if i := s.find(id); i >= 0 && s.sources[i].proven {
		return s.sources[i].rate
	}
	return 0
}

// counted reports whether the source's map counts in State.avail.
func (src *source) counted() bool {
	return src.kind == Peer && !src.distrusted && !src.unwilling
}

func (s *State) more(c int) {
	if s.avail[c]++; s.avail[c] == 1 {
		s.held.set(c)
	}
}

func (s *State) less(c int) {
	if s.avail[c]--; s.avail[c] == 0 {
		s.held.clear(c)
	}
}

// uncount takes a source's map out of State.avail.
func (s *State) uncount(src *source) {
	if !src.counted() || src.have == nil {
		return
	}
	for c := src.have.next(0, s.n); c < s.n; c = src.have.next(c+1, s.n) {
		s.less(c)
	}
}

// recount puts it back.
func (s *State) recount(src *source) {
	if !src.counted() || src.have == nil {
		return
	}
	for c := src.have.next(0, s.n); c < s.n; c = src.have.next(c+1, s.n) {
		s.more(c)
	}
}

// wet has every source looked at again: chunks have become free to ask for.
func (s *State) wet() {
	for i := range s.sources {
		s.sources[i].dry = false
	}
}

// holds reports whether the source says that it has chunk c.
func (src *source) holds(c int) bool {
	return src.kind == Server || (src.have != nil && src.have.has(c))
}

// fail backs a source off: exponentially, with jitter so that those whom it
// refused together do not come back together ("equal jitter":
// Brooker, "Exponential backoff and jitter", 2015).
func (s *State) fail(now time.Duration, i int, first, most time.Duration, strikes int) {
	src := &s.sources[i]
	src.backoff = min(max(2*src.backoff, first), most)
	half := src.backoff / 2
	src.until = now + half + time.Duration(s.random()%uint64(half+1))
	src.window = 1
	if src.strikes += strikes; src.strikes >= distrustAt && !src.distrusted {
		s.uncount(src)
		src.distrusted = true
	}
	s.wet()
}

// redeem forgives a source that has delivered a chunk.
func (s *State) redeem(src *source) {
	src.strikes, src.backoff = 0, 0
	if src.distrusted {
		src.distrusted = false
		s.recount(src)
	}
}

// exclude has a source never asked again.
func (s *State) exclude(i int) {
	src := &s.sources[i]
	s.uncount(src)
	src.unwilling = true
	s.wet()
}
