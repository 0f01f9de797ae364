package schedule

import (
	"slices"
	"time"

	"earshot/protocol"
)

const (
	// runChunks is a run's usual length, 64 KiB, and the grain in which the
	// server's chunks are shared out: long enough that a round trip of 80 ms
	// costs a 10 Mbit/s uplink only half its time, short enough that a run
	// lost costs 3 s of sound at 192 kbit/s.
	runChunks = 4

	// maxRun is the longest run, 128 KiB, for fast sources far ahead.
	maxRun = 8

	// runTime is how long a run may keep a source busy: half a second, so that
	// a slow source holds few chunks at a time.
	runTime = 500 * time.Millisecond

	// maxRequests bounds what is outstanding in all; urgent ones and hedges
	// may pass it by half. 32 runs of 64 KiB fill 160 Mbit/s at 100 ms.
	maxRequests = 32

	// giveUp is by how much a request may be late before it is taken back from
	// a source where another can serve it: two seconds, less than Rules.Urgent,
	// so that what was near is asked of another while there is still time.
	giveUp = 2 * time.Second

	// freeHedge is how much may be asked for twice in any case: two chunks,
	// so that a short track can hedge as well.
	freeHedge = 2 * protocol.ChunkSize
)

// Spread is how much sooner than it is played a part is needed that others take
// from here: time to tell them (package swarm gathers for a while), to be asked,
// and to send it to a few of them, one round trip of 100 ms each.
const Spread = 400 * time.Millisecond

// request is a run that a source owes.
type request struct {
	id    RequestID
	src   int16
	hedge bool // the second request for its chunk
	head  bool // sent unasked (Expect)
	wait  bool // its source had not the first chunk yet
	open  bool // a head so thin that its chunks are asked of peers too
	first int32
	count int32
	bytes int32 // arrived
	size  int32 // in all
	sent  time.Duration
	due   time.Duration // when its next chunk is expected
}

func (r *request) covers(c int) bool { return c >= int(r.first) && c < int(r.first+r.count) }

// delivered returns the first chunk that has not come whole: its end if all
// have. Only a track's last chunk is shorter.
func (r *request) delivered() int {
	if r.bytes >= r.size {
		return int(r.first + r.count)
	}
	return int(r.first + r.bytes/protocol.ChunkSize)
}

// Expect says that a source, the server as a rule, is sending n chunks from
// first on unasked (a head): they are not asked for unless they are late. It
// returns the request that stands for them, 0 if there is nothing to expect.
func (s *State) Expect(now time.Duration, id SourceID, first, n int) RequestID {
	s.begin(now)
	i := s.find(id)
	if i < 0 || first < 0 || first >= s.n || n <= 0 {
		return 0
	}
	n = min(n, s.n-first)
	if n == 1 && s.asked2.has(first) {
		s.yield(now, first)
	}
	for c := first; c < first+n; c++ {
		if s.asked2.has(c) { // two are outstanding already: no account of a third
			n = c - first
		}
	}
	if n <= 0 {
		return 0
	}
	r := s.owe(now, i, first, n)
	r.head, r.wait = true, n == 1 && s.sources[i].kind == Peer
	if r.open = s.others > 0 && !r.wait && s.least(first, n); r.open { // on a crowded uplink it comes as slowly as it is played
		for c := first; c < first+n; c++ {
			s.want.set(c)
		}
	}
	return r.id
}

// yield takes back one of two requests for a chunk that has brought nothing: a third
// source sends it now.
func (s *State) yield(now time.Duration, c int) {
	for k := range s.requests {
		if r := &s.requests[k]; (r.open || r.wait) && r.count == 1 && int(r.first) == c && r.bytes == 0 {
			s.cancel(now, k)
			return
		}
	}
}

// least reports whether n chunks from first on are the least that a server sends of a
// track: its uplink is crowded.
func (s *State) least(first, n int) bool {
	return s.line.at(first+n-1)-max(s.line.at(first), s.pos) < LeastHead // the last one begins within it
}

// owe enters a request for chunks that at most one other covers.
func (s *State) owe(now time.Duration, i, first, n int) *request {
	src := &s.sources[i]
	size := 0
	for c := first; c < first+n; c++ {
		if s.asked.has(c) {
			s.asked2.set(c)
		}
		s.asked.set(c)
		s.want.clear(c)
		size += protocol.ChunkLen(s.line.size, c)
	}
	s.lastID++
	s.requests = append(s.requests, request{
		id: s.lastID, src: int16(i), first: int32(first), count: int32(n), size: int32(size), sent: now,
		due: now + max(src.wait, src.transfer(src.owed)) + src.transfer(min(size, protocol.ChunkSize)),
	})
	r := &s.requests[len(s.requests)-1]
	if slack := s.slack(now, first); src.promises(first) && slack != Never { // it may not have it yet
		r.due = max(r.due, now+slack-lastCall)
	}
	src.owed += size
	src.requests++
	return &s.requests[len(s.requests)-1]
}

// ask sends a request.
func (s *State) ask(now time.Duration, i, first, n int, priority protocol.Priority) *request {
	r := s.owe(now, i, first, n)
	r.wait = s.sources[i].promises(first)
	s.counts.Requests++
	s.counts.Asked += int64(r.size)
	a := Action{Kind: Request, ID: r.id, Source: s.sources[i].id, First: first, Count: n, Priority: priority, Wait: r.wait}
	if slack := s.slack(now, first); slack != Never {
		if s.inPart(first) { // others need it from here
			slack -= Spread
		}
		a.Within = max(slack, time.Millisecond)
	}
	s.actions = append(s.actions, a)
	return r
}

// forget takes request k out; what it covered and has not come is free again.
func (s *State) forget(now time.Duration, k int) {
	r := s.requests[k]
	s.requests = append(s.requests[:k], s.requests[k+1:]...)
	for c := int(r.first); c < int(r.first+r.count); c++ {
		if s.asked2.has(c) {
			s.asked2.clear(c)
			if s.isOpen(c) && !s.have.has(c) {
				s.want.set(c)
			}
			continue
		}
		s.asked.clear(c)
		if !s.have.has(c) {
			s.want.set(c)
		}
	}
	src := &s.sources[r.src]
	src.owed -= int(r.size - r.bytes)
	if src.requests--; src.requests == 0 {
		src.rest(now)
	}
	s.wet()
}

// isOpen reports whether a chunk of a head is asked of peers too.
func (s *State) isOpen(c int) bool {
	return slices.ContainsFunc(s.requests, func(r request) bool { return r.open && r.covers(c) })
}

// cancel forgets request k and tells the caller at the next Step.
func (s *State) cancel(now time.Duration, k int) {
	s.cancels = append(s.cancels, s.requests[k].id)
	s.counts.Cancelled++
	s.forget(now, k)
}

// drop forgets all that a source owes.
func (s *State) drop(now time.Duration, i int) {
	for k := len(s.requests) - 1; k >= 0; k-- {
		if int(s.requests[k].src) == i {
			s.forget(now, k)
		}
	}
}

// release cancels all that a source owes.
func (s *State) release(now time.Duration, i int) {
	for k := len(s.requests) - 1; k >= 0; k-- {
		if int(s.requests[k].src) == i {
			s.cancel(now, k)
		}
	}
}

// request returns the place of a request, or -1.
func (s *State) request(id RequestID) int {
	for k := range s.requests {
		if s.requests[k].id == id {
			return k
		}
	}
	return -1
}

// Progress says that n more bytes of a request have arrived. The finer the
// better the measured rates; at the least tell each chunk.
func (s *State) Progress(now time.Duration, id RequestID, n int) {
	s.begin(now)
	k := s.request(id)
	if k < 0 || n <= 0 {
		return
	}
	r := &s.requests[k]
	n = min(n, int(r.size-r.bytes))
	before := r.delivered()
	r.bytes += int32(n)
	src := &s.sources[r.src]
	src.owed -= n
	src.delivered(now, r.sent, n)
	if r.delivered() == before {
		return
	}
	src.punctual(now - r.due)
	s.redeem(src)
	// Requests at one source share its rate.
	r.due = now + src.transfer(protocol.ChunkSize*max(src.requests, 1))
}

// Sliced says that what has come of a peer's chunk can be played before it is whole. A
// thin head that brings the same, and has brought less, is taken back: the server's line
// is for those who have nothing.
func (s *State) Sliced(now time.Duration, id RequestID) {
	s.begin(now)
	k := s.request(id)
	if k < 0 || s.sources[s.requests[k].src].kind != Peer {
		return
	}
	r := s.requests[k]
	for k := len(s.requests) - 1; k >= 0; k-- {
		if o := &s.requests[k]; (o.open || o.wait) && o.id != id && o.first == r.first && o.count == 1 && o.bytes <= r.bytes {
			s.cancel(now, k)
		}
	}
}

// settle cancels what a chunk's arrival has made needless: a request that has
// nothing more to bring, and the one that lost a race for the chunk.
func (s *State) settle(now time.Duration, c int) {
	raced := s.asked2.has(c)
	for k := len(s.requests) - 1; k >= 0; k-- {
		r := &s.requests[k]
		if !r.covers(c) || r.delivered() > c {
			continue // it has brought the chunk itself
		}
		i, due := int(r.src), r.due
		lost := raced && !r.hedge && r.delivered() == c && now >= s.lateAt(r)
		if !lost && s.have.nextClear(r.delivered(), int(r.first+r.count)) < int(r.first+r.count) {
			continue // it will bring others
		}
		s.cancel(now, k)
		if lost {
			s.sources[i].punctual(now - due)
			s.beaten(now, i)
			s.fail(now, i, busyBackoff, busyMax, 1)
			return // others of its requests may have gone too
		}
	}
}

// beaten takes from a source that lost a race, or fell silent, what else it
// owes late.
func (s *State) beaten(now time.Duration, i int) {
	for k := len(s.requests) - 1; k >= 0; k-- {
		if r := &s.requests[k]; int(r.src) == i && now >= s.lateAt(r) && !r.hedge {
			s.cancel(now, k)
		}
	}
}

// Finished says that a request has ended in order. Tell Arrived of its chunks
// first: what has not come by now is taken for not held.
func (s *State) Finished(now time.Duration, id RequestID) {
	s.begin(now)
	k := s.request(id)
	if k < 0 {
		return
	}
	r := s.requests[k]
	i := int(r.src)
	src := &s.sources[i]
	late := now > s.lateAt(&r)
	s.forget(now, k)
	if s.have.nextClear(int(r.first), int(r.first+r.count)) < int(r.first+r.count) {
		s.strike(now, i, r, NotFound)
		return
	}
	if !late {
		src.widen()
	}
}

// Failed says that a request has ended without all its chunks. What it has not
// brought is asked of others at the next Step, and its source backed off.
func (s *State) Failed(now time.Duration, id RequestID, why Reason) {
	s.begin(now)
	k := s.request(id)
	if k < 0 {
		return
	}
	r := s.requests[k]
	s.forget(now, k)
	s.counts.Failed++
	s.strike(now, int(r.src), r, why)
}

// strike gives a source what a failure deserves.
func (s *State) strike(now time.Duration, i int, r request, why Reason) {
	src := &s.sources[i]
	switch why {
	case Busy:
		s.fail(now, i, busyBackoff, busyMax, 1)
	case NotFound:
		if src.have != nil {
			for c := int(r.first); c < int(r.first+r.count); c++ {
				if !s.have.has(c) && src.have.has(c) {
					src.have.clear(c)
					src.holding--
					if src.counted() {
						s.less(c)
					}
				}
			}
		}
		s.fail(now, i, busyBackoff, failMax, 1)
	case Elsewhere:
		s.passes(now, int(r.first), int(r.count))
	case Unwilling:
		s.release(now, i)
		s.exclude(i)
	case Corrupt:
		s.release(now, i)
		s.exclude(i)
		s.banned = append(s.banned, src.id)
	case Disconnected:
		s.release(now, i)
		s.fail(now, i, failBackoff, failMax, 2)
	default:
		s.beaten(now, i)
		s.fail(now, i, failBackoff, failMax, 2)
	}
}

// lateAt is when a request is later than its source's usual.
func (s *State) lateAt(r *request) time.Duration {
	src := &s.sources[r.src]
	return r.due + max(src.late, 0) + src.margin()
}
