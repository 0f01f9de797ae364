package schedule

import (
	"math"
	"time"

	"earshot/protocol"
)

// SourceID names a source within one State; the caller chooses it.
type SourceID uint32

// RequestID names a request within one State, rising from 1, never used twice.
type RequestID uint32

// Kind says what a source is.
type Kind uint8

// The kinds of source.
const (
	Peer   Kind = iota // holds what it says it holds; costs nobody money
	Server             // holds the whole track; to be spared
)

// Source is what is known of a source before it has delivered anything. Zero
// RTT and Rate mean unknown.
type Source struct {
	Kind   Kind
	RTT    time.Duration // smoothed round trip
	MinRTT time.Duration // the shortest seen, which is how far away it is; zero: RTT
	Rate   float64       // bytes a second it is likely to send us, e.g. as measured on another track
	Key    uint64        // who it is, the same in every listener's State (see Config.Self)
}

// Mode says what the track is wanted for, and so what may be asked of whom.
type Mode uint8

// The modes.
const (
	Idle          Mode = iota // nothing is asked for; what is outstanding goes on
	Playing                   // the playhead moves with time; everything, to the end and then what was skipped
	Paused                    // as Playing, but the playhead stands
	PrefetchPeers             // all of it, in order at first, from peers only
	PrefetchHead              // as PrefetchPeers, and Rules.Head from the playhead on from anyone within Rules.Soon
	HeadOnly                  // Rules.Head from the playhead on, from anyone, nothing else
	Background                // all of it, in no hurry: to fill a cache
)

// Reason says why a request failed.
type Reason uint8

// The reasons, and what a source gets for them.
const (
	Busy         Reason = iota // refused for now: asked again after a backoff
	Timeout                    // silent for too long: a longer backoff
	Disconnected               // the connection broke: the same
	NotFound                   // it lacks these chunks: they are struck from its map
	Unwilling                  // it does not upload: not asked again
	Corrupt                    // it sent wrong bytes: not asked again, also not after RemoveSource and AddSource
	Elsewhere                  // the server sends these chunks to another, who passes them on: asked again when that takes too long
)

// ActionKind says what an Action wants done.
type ActionKind uint8

// The actions.
const (
	Request ActionKind = iota // ask Source for Count chunks from First on
	Cancel                    // reset the request ID: nothing of it is wanted any more
)

// Action is one decision. A request that was cancelled is forgotten: what is
// still reported of it is ignored, except the chunks it brings (Arrived).
type Action struct {
	Kind     ActionKind
	ID       RequestID
	Source   SourceID
	First    int // Request only, as are the two below
	Count    int // 1 to 8
	Priority protocol.Priority
	Within   time.Duration // until First is needed, a millisecond at the least; 0 if no time is set
	Wait     bool          // Source will have First soon (Promise), and may wait for it
}

// Config is what a State starts from.
type Config struct {
	Timeline *Timeline       // of the track; never changed, so that States may share it
	Track    protocol.ID     // so that each track is shared out differently
	Have     protocol.Bitmap // what is there already; nil for nothing. Copied
	// PartFirst and PartCount are what the server says is this listener's to take
	// from it at once, for all who begin now.
	PartFirst, PartCount int
	Others               int    // how many others the server knows to fetch or hold it
	Self                 uint64 // this listener's key for sharing out the server's chunks: the Key under which its peers add it
	Seed                 uint64 // of all randomness: same seed and calls, same actions
	Rules                Rules  // zero fields get their defaults
}

// Never is what Step returns when no time has to pass: only events matter.
const Never = time.Duration(math.MaxInt64)

// Counts is what has happened so far.
type Counts struct {
	Requests  int   // asked for, hedges included
	Hedges    int   // sent to a second source because the first was late
	Asked     int64 // bytes asked for, duplicates included
	Duplicate int64 // bytes asked of a second source while the first still owed them
	Cancelled int   // requests
	Failed    int   // requests
	Missed    int   // chunks that came after their deadline while playing: stutters, unless the player had more in hand
}

// State decides which run of one track to ask of which source, and when. It
// does nothing itself: events and the time come in by its methods, requests go
// out as the result of Step. It is not safe for concurrent use.
//
// Time is a duration since any epoch that the caller keeps to; it must not run
// backwards. Calls with sources, requests or chunks that do not exist are
// ignored. After one or more events, and at the latest when the last Step said
// so, call Step.
type State struct {
	rules              Rules
	line               *Timeline
	self               uint64
	others             int
	partFirst, partEnd int
	salt               uint64
	rng                uint64
	n                  int // chunks

	have   bitset   // verified chunks
	want   bitset   // missing chunks that nobody has been asked for
	asked  bitset   // chunks that at least one outstanding request covers
	asked2 bitset   // chunks that two of them cover
	held   bitset   // chunks that at least one trusted peer holds
	avail  []uint16 // per chunk, how many trusted peers hold it
	mask   bitset   // scratch
	left   int      // missing chunks

	sources  []source // a slot is reused when its source is gone
	order    []int16  // slots in use, the nearest first
	banned   []SourceID
	requests []request // in the order they were sent
	passing  []passing // in the order they were told

	mode    Mode
	ph      int           // the chunk under the playhead
	pos     time.Duration // playing time of the playhead, when it was last told
	base    time.Duration // when the track's first sample would have played; while running
	jumped  bool          // the playhead jumped to what is missing
	sought  bool          // by a seek
	started bool          // sound has come since the last jump
	stuck   bool          // the reader waits at ph, and nothing is heard
	thin    bool          // all that can be had is needed (Thin)

	born        time.Duration // when the first event came in, -1 before
	news        time.Duration // last arrival of a chunk, or of a peer's
	nextTrickle time.Duration
	lastID      RequestID
	arrived     int64 // bytes

	cancels []RequestID
	actions []Action
	next    time.Duration
	counts  Counts
}

// New returns the State of a track. Its mode is Idle until Playhead is called.
func New(c Config) *State {
	n := c.Timeline.Chunks()
	words := (n + 63) / 64
	all := make(bitset, 6*words) // one allocation: a simulator holds 100,000 of these
	cut := func(i int) bitset { return all[i*words : (i+1)*words : (i+1)*words] }
	s := &State{
		rules: c.Rules.withDefaults(), line: c.Timeline, self: c.Self, others: c.Others, partFirst: c.PartFirst, partEnd: c.PartFirst + c.PartCount, rng: c.Seed, n: n,
		have: cut(0), want: cut(1), asked: cut(2), asked2: cut(3), held: cut(4), mask: cut(5),
		avail: make([]uint16, n), left: n, born: -1,
	}
	for _, b := range c.Track[:8] {
		s.salt = s.salt<<8 | uint64(b)
	}
	for i := range n {
		if c.Have.Has(i) {
			s.have.set(i)
			s.left--
		} else {
			s.want.set(i)
		}
	}
	return s
}

// Told takes what the server says of those who begin now, where its answer was not the
// first: see Config.
func (s *State) Told(now time.Duration, others, partFirst, partCount int) {
	s.begin(now)
	s.others, s.partFirst, s.partEnd = others, partFirst, partFirst+partCount
}

// Done reports whether every chunk is there.
func (s *State) Done() bool { return s.left == 0 }

// Counts returns what has happened so far.
func (s *State) Counts() Counts { return s.counts }

// Buffered returns how much can be played from the playhead on before the
// first missing chunk.
func (s *State) Buffered(now time.Duration) time.Duration {
	return max(0, s.line.at(s.have.nextClear(s.ph, s.n))-s.position(now))
}

// Playhead says where the reader is, as the offset of the byte it reads next, how
// long until that is heard (a player decodes ahead), and what the track is wanted
// for. A seek is just a jump. In Playing the playhead is taken to move with time,
// and to wait at a missing chunk: tell it on every change of mode, seek and, say,
// every second. Cheap.
func (s *State) Playhead(now time.Duration, offset int64, ahead time.Duration, mode Mode) {
	s.begin(now)
	offset = min(max(offset, 0), s.line.size)
	ph := min(int(offset/protocol.ChunkSize), s.n)
	changed := mode != s.mode
	waiting := !changed && ph == s.ph && !s.have.hasOrEnd(ph, s.n)
	if changed || ph < s.ph || ph > s.have.nextClear(s.ph, s.n) {
		s.jumped = !s.have.hasOrEnd(ph, s.n)
		s.sought = s.jumped && !changed
		s.started = !s.jumped
		s.wet()
	}
	s.ph, s.mode = ph, mode
	s.pos = s.line.atOffset(offset)
	s.stuck = ahead <= 0 && !s.have.hasOrEnd(ph, s.n)
	switch {
	case mode == Playing && (!waiting || ahead > 0): // a reader that waits is late already
		s.base = now - s.pos + ahead
	case mode == PrefetchHead && changed:
		s.base = now + s.rules.Soon - s.pos
	}
}

// Thin says whether the track arrives so slowly that all that can be had is needed,
// however far ahead of the playhead: then Rules.Lead counts for nothing.
func (s *State) Thin(thin bool) { s.thin = thin }

// begin notes the time of the first event.
func (s *State) begin(now time.Duration) {
	if s.born < 0 {
		s.born, s.news, s.nextTrickle = now, now, now
	}
}

// position returns the playing time that the playhead has reached. It waits
// at a missing chunk.
func (s *State) position(now time.Duration) time.Duration {
	if s.mode != Playing {
		return s.pos
	}
	return max(s.pos, min(now-s.base, s.line.at(s.have.nextClear(s.ph, s.n))))
}

// slack returns how long from now chunk c is needed; negative if it is late.
func (s *State) slack(now time.Duration, c int) time.Duration {
	switch {
	case c < s.ph || s.mode == Background || s.mode == Idle:
		return Never
	case s.mode == Playing || s.mode == PrefetchHead:
		return s.base + s.stall(now) + s.line.at(c) - now
	case s.mode == Paused:
		return s.line.at(c) - s.pos
	}
	return max(s.line.at(c)-s.pos, s.rules.Urgent) // in order, but never urgent
}

// stall is how long nothing has been heard by now, for lack of what the reader
// waits for: what comes behind that is needed as much later.
func (s *State) stall(now time.Duration) time.Duration {
	if !s.stuck || s.mode != Playing {
		return 0
	}
	return max(0, now-s.base-s.pos)
}

// Arrived says that chunk c is there and verified, wherever it came from. Tell
// the Progress of the request that brought it first.
func (s *State) Arrived(now time.Duration, c int) {
	s.begin(now)
	if c < 0 || c >= s.n || s.have.has(c) {
		return
	}
	s.dueAtGap(now, c)
	s.have.set(c)
	s.want.clear(c)
	s.stuck = s.stuck && c != s.ph
	s.left--
	s.arrived += int64(protocol.ChunkLen(s.line.size, c))
	s.news = now
	if s.asked.has(c) {
		s.settle(now, c)
	}
}

// dueAtGap counts a miss when c is what a playing reader waited for, and moves
// the deadlines behind it by as much: the music went on only now.
func (s *State) dueAtGap(now time.Duration, c int) {
	if s.mode != Playing || c != s.have.nextClear(s.ph, s.n) {
		return
	}
	late := now - s.base - s.line.at(c)
	if c == s.ph {
		late = now - s.base - s.pos
	}
	if late > 0 {
		if s.started {
			s.counts.Missed++
		}
		s.base += late
	}
	s.started = true
}

// Missing says that n chunks from first on are not there after all: evicted,
// or found wrong later.
func (s *State) Missing(now time.Duration, first, n int) {
	s.begin(now)
	for c := max(first, 0); c < min(first+n, s.n); c++ {
		if s.have.has(c) {
			s.have.clear(c)
			s.left++
			if !s.asked.has(c) {
				s.want.set(c)
			}
		}
	}
	s.wet()
}

// random returns the next number of a SplitMix64 sequence (Steele, Lea and
// Flood, OOPSLA 2014): 8 bytes of state, where math/rand/v2 has 16 or more.
func (s *State) random() uint64 {
	s.rng += 0x9e3779b97f4a7c15
	return mix(s.rng)
}

// mix is SplitMix64's finalizer: every bit of the input changes about half of
// the output's.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
