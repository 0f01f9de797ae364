package stream

import (
	"math/rand/v2"
	"sync"
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

// arrivals is how many bytes arrive, for all streams together: they share a line.
type arrivals struct {
	began time.Time

	mu         sync.Mutex
	throughput schedule.Throughput
	busy       int // streams whose reader needs all that can be had
}

func (a *arrivals) init() { a.began = time.Now() }

func (a *arrivals) arrived(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.throughput.Arrived(time.Since(a.began), n)
}

// add counts a stream that asks for all it can get, or with -1 no longer does.
func (a *arrivals) add(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy += n
	a.throughput.Busy(time.Since(a.began), a.busy > 0)
}

// anew says that all that was asked for has been taken back, and other things asked for:
// that nothing comes for a round trip says nothing of the line.
func (a *arrivals) anew() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Since(a.began); a.busy == 1 { // no other stream has its bytes under way
		a.throughput.Busy(now, false)
		a.throughput.Busy(now, true)
	}
}

func (a *arrivals) thin(line *schedule.Timeline) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.throughput.Thin(time.Since(a.began), line)
}

func (a *arrivals) wait(r schedule.Rest, seed uint64) (wait, sound time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.throughput.Wait(time.Since(a.began), r, seed)
}

// hold is why a reader is given nothing though there is something: it would soon run
// dry. The zero value is that it is given all.
type hold struct {
	on    bool
	since time.Time
	sound time.Duration // how much more is to come before it begins; 0: not known
	until time.Time     // when it is likely to begin
	again time.Time     // when to look again, and before that only where sound is not known
}

// left is how long the hold is likely to last.
func (h *hold) left(now time.Time) time.Duration {
	if h.sound == 0 {
		return 0
	}
	return max(h.until.Sub(now), 0)
}

// start is whether a Reader is at a place where playing begins, or goes on after it
// ran dry. Of the reader's goroutine.
type start struct {
	from   int64 // the byte to begin at; what a decoder looks at before is no start
	due    bool  // playing begins here
	waited bool  // the last read found nothing
	hold   hold
}

const (
	// lookAgain is the part of a wait, past or to come, after which it is computed
	// anew: as soon as what was measured since may change it.
	lookAgain = 8
	// lookLeast and lookMost bound that: a sample of the throughput takes as long as
	// the one, and a person looks at a screen that does not change for the other.
	lookLeast = 100 * time.Millisecond
	lookMost  = time.Second
)

// look reads what there is at the reader's place, unless it is better to wait for
// more. wait is closed, or sends, when to look again.
func (r *Reader) look(b []byte) (n int, from provider, wait <-chan struct{}, again <-chan time.Time, err error) {
	p, st := r.s.pieces, &r.start
	var changed <-chan struct{}
	if st.due || st.waited {
		changed = p.change() // before it is looked at what there is
	}
	n, from, wait, err = p.read(b, r.offset, &r.buffer)
	switch {
	case n == 0:
		st.waited = true
		return n, from, wait, nil, err
	case r.offset < st.from && st.due || !st.due && !st.waited:
		return n, from, nil, nil, nil
	case !st.due && r.s.inHand(r.head): // it waited, and was not dry yet
		st.waited = false
		return n, from, nil, nil, nil
	}
	st.due = true
	st.hold = r.s.holds(r.head, st.hold, r.offset)
	if !st.hold.on {
		st.due, st.waited = false, false
		return n, from, nil, nil, nil
	}
	if st.hold.sound > 0 {
		changed = nil // a chunk more changes little
	}
	return 0, from, changed, time.After(time.Until(st.hold.again)), nil
}

// begin has the reader begin with what there is.
func (r *Reader) begin() {
	r.start = start{from: r.start.from}
	r.s.setHold(r.head, hold{})
}

// holds returns whether a reader that is to begin at a place waits longer; h is what
// it was told last.
func (s *Stream) holds(head *playhead, h hold, place int64) hold {
	now := time.Now()
	if h.on && h.sound > 0 && now.Before(h.again) {
		return h
	}
	h = hold{since: h.since}
	if h.since.IsZero() {
		h.since = now
	}
	if !s.pieces.track.Complete() && !s.pieces.crowded() {
		s.mu.Lock()
		alone := !s.company
		s.mu.Unlock()
		have, partly := s.pieces.there(int(place / protocol.ChunkSize))
		wait, sound := s.all.arrivals.wait(schedule.Rest{
			Line: s.pieces.line(), Have: have, Place: place, Partly: partly, Alone: alone,
		}, rand.Uint64())
		again := max(min(wait/lookAgain, now.Sub(h.since)/lookAgain, lookMost), lookLeast)
		h.on, h.sound, h.until, h.again = wait > 0, sound, now.Add(wait), now.Add(again)
	}
	s.setHold(head, h)
	return h
}

func (s *Stream) setHold(head *playhead, h hold) {
	s.mu.Lock()
	changed := head.hold.on != h.on
	head.hold = h
	s.mu.Unlock()
	if changed {
		s.nudge()
	}
}

// setCompany notes that others than the server bring the track, or will.
func (s *Stream) setCompany() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.company = true
}

// noteCompany does where an answer to *open* tells so. Of those the server counts one
// may be the asker.
func (s *Stream) noteCompany(o *opened) {
	if o != nil && (!o.conn.Server() || o.Listeners > 1 || len(o.Peers) > 0) {
		s.setCompany()
	}
}

// setBusy says whether what plays here asks for all that it can get.
func (s *Stream) setBusy(busy bool) {
	if busy == s.busy {
		return
	}
	s.busy = busy
	if busy {
		s.all.arrivals.add(1)
	} else {
		s.all.arrivals.add(-1)
	}
}

// measuredTo is how much may be buffered while what arrives from the server alone is
// measured: less than the schedule calls near, below which it asks for all it can get.
const measuredTo = 10 * time.Second

// lookAtRate has what arrives measured while all that can be had is needed, and the
// schedule fetch as far ahead as it can where that is little.
func (f *fetch) lookAtRate(playing bool, buffered time.Duration) {
	s := f.s
	s.mu.Lock()
	held, alone := playing && s.led.hold.on, !s.company
	s.mu.Unlock()
	thin := held || playing && alone && s.all.arrivals.thin(s.pieces.line())
	f.schedule.Thin(thin)
	s.setUrgent(playing && (held || buffered < urgentBelow))
	s.setBusy(playing && (thin || len(f.requests) > 0 && (buffered < urgentBelow || alone && buffered < measuredTo)))
}

// there returns which chunks can be read, and how many bytes of the first from a chunk
// on that cannot be read whole.
func (p *pieces) there(from int) (have protocol.Bitmap, partly int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	have = p.track.Have()
	for i, m := range p.memory {
		if m.n == len(m.data) {
			have.Set(i)
		}
	}
	for i := from; i < protocol.Chunks(p.header.Size); i++ {
		if !have.Has(i) {
			if m := p.memory[i]; m != nil {
				partly = m.n
			}
			break
		}
	}
	return have, partly
}

// crowded reports whether memory holds all that it may.
func (p *pieces) crowded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.memory) >= maxMemory
}
