package stream

import (
	"context"
	"sync"
	"time"

	"earshot/node/swarm"
	"earshot/protocol"
)

// Stream is one track in the making. Its goroutine owns the schedule; readers
// and neighbours tell it what happens through the kick and the events.
type Stream struct {
	all     *Streams
	id      protocol.ID
	cancel  context.CancelFunc
	ready   chan struct{} // closed when pieces, or err, are set for good
	readied sync.Once     // closes ready
	done    chan struct{} // closed when run has ended
	pieces  *pieces
	late    chan answer // those that come behind the first
	err     error

	// Of the race for the start; nil where there was none.
	coming           map[protocol.NodeID]*swarm.Conn // those who were asked for what comes to them
	callOffBeginners context.CancelFunc              // ends that
	callOff          context.CancelFunc              // ends what was asked of the server, if that is to be
	told             chan protocol.Header            // one slot: what the server told behind a neighbour

	events chan func(f *fetch, now time.Duration)
	kick   chan struct{} // one slot: look at the fields below

	urgent bool // as the calm has it; of run's goroutine
	busy   bool // as the arrivals have it; the same

	mu       sync.Mutex
	ended    bool
	wishes   [wishes]int
	from     time.Duration // where playing is to begin
	heads    []*playhead   // of the readers
	own      *playhead     // of what is fetched while there are none
	led      *playhead     // whom the schedule follows: one of those
	lacking  []int         // chunks found damaged on disk
	buffered time.Duration // ahead of that one
	company  bool          // others than the server bring the track, or will
}

// wish is what someone wants of a stream.
type wish int

const (
	wishPlay  wish = iota // all of it, in time
	wishHead              // the first seconds
	wishPeers             // all that peers hold
	wishFetch             // all of it, in no hurry
	wishProof             // what has come is to be verified, nothing more
	wishes
)

// maxEvents bounds what has happened and was not looked at yet; whoever has
// more to tell waits.
const maxEvents = 256

func newStream(all *Streams, id protocol.ID, from time.Duration, w wish, cancel context.CancelFunc) *Stream {
	s := &Stream{
		all: all, id: id, cancel: cancel, from: from,
		late: make(chan answer), told: make(chan protocol.Header, 1), ready: make(chan struct{}), done: make(chan struct{}), own: newPlayhead(0),
		events: make(chan func(*fetch, time.Duration), maxEvents), kick: make(chan struct{}, 1),
	}
	s.wishes[w], s.led = 1, s.own
	return s
}

// join adds a wish; false if the stream has ended.
func (s *Stream) join(w wish) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.wishes[w]++
	s.nudge()
	return true
}

// leave takes a wish back; with the last one the stream ends.
func (s *Stream) leave(w wish) {
	s.mu.Lock()
	s.wishes[w]--
	last := s.wishes == [wishes]int{}
	if last {
		s.ended = true
	}
	s.mu.Unlock()
	if last {
		s.cancel()
	} else {
		s.nudge()
	}
}

// leaveLater takes a wish back after a time, or when the stream has ended.
func (s *Stream) leaveLater(w wish, after time.Duration) {
	s.all.wg.Go(func() {
		select {
		case <-time.After(after):
		case <-s.done:
		}
		s.leave(w)
	})
}

// settleTime is how long what was read waits for the proof tree when nobody reads
// any more: several round trips. A program that ends waits as long, at most.
const settleTime = time.Second

// settle keeps a stream until what has come of it is verified and stored: the
// server's chunks may be read ahead of the proof tree.
func (s *Stream) settle() {
	if _, some := s.pieces.unproven(); !some || !s.all.settles() {
		return
	}
	if !s.join(wishProof) {
		s.all.settling.Done()
		return
	}
	s.all.wg.Go(func() {
		defer s.all.settling.Done()
		defer s.leave(wishProof)
		timer := time.NewTimer(settleTime)
		defer timer.Stop()
		for {
			changed, some := s.pieces.unproven()
			if !some {
				return
			}
			select {
			case <-changed:
			case <-timer.C:
				return
			case <-s.done:
				return
			}
		}
	})
}

func (s *Stream) nudge() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// damaged says that a chunk on disk did not verify, and is missing again.
func (s *Stream) damaged(i int) {
	s.mu.Lock()
	s.lacking = append(s.lacking, i)
	s.mu.Unlock()
	s.nudge()
}

// tell has the stream's goroutine take note of something; lost once it has ended.
func (s *Stream) tell(f func(f *fetch, now time.Duration)) {
	select {
	case s.events <- f:
	case <-s.done:
	}
}

// run makes the track, until nobody wishes for it.
func (s *Stream) run(ctx context.Context) {
	defer close(s.done)
	s.mu.Lock()
	playing := s.wishes[wishPlay] > 0
	s.mu.Unlock()
	s.setUrgent(playing)
	defer s.setUrgent(false)
	s.setBusy(playing)
	defer s.setBusy(false)
	first, err := s.open(ctx)
	if err != nil {
		s.fail(err)
		return
	}
	defer func() { s.pieces.track.Release() }()
	s.mu.Lock()
	s.own.place = s.pieces.header.Begin(s.from) // until there is a reader, which will begin there
	s.mu.Unlock()
	s.noteCompany(first)
	s.all.config.Holding(s.id, s.pieces.track.Complete())
	if t := s.pieces.track; first == nil && !s.pieces.header.Loudness.Known() {
		s.all.wg.Go(func() { s.learnLoudness(ctx, t) })
	}
	if first == nil || first.conn.Server() {
		s.setReady()
	} else {
		from, told := first.conn, first.Header
		s.all.wg.Go(func() { s.checkHeader(ctx, from, &told) })
	}
	for ctx.Err() == nil {
		if !s.pieces.track.Complete() {
			first = s.fetch(ctx, first)
			if first != nil {
				if err := s.believe(first.Header); err != nil {
					first.close()
					s.fail(err)
					return
				}
			}
			continue
		}
		s.setReady()
		s.setUrgent(false)
		s.setBusy(false)
		select {
		case <-s.kick: // a chunk may have been found damaged
		case <-s.events: // of a fetch that is over
		case <-ctx.Done():
		}
	}
	s.fail(ErrClosed)
}

// setReady says that the header is the track's, as far as can be told.
func (s *Stream) setReady() { s.readied.Do(func() { close(s.ready) }) }

// fail ends a stream, for whoever waits for it to be ready, and for who would join it.
func (s *Stream) fail(err error) {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.readied.Do(func() {
		s.err = err
		close(s.ready)
	})
}

// setUrgent tells others whether what plays here needs all there is.
func (s *Stream) setUrgent(urgent bool) {
	if urgent == s.urgent {
		return
	}
	s.urgent = urgent
	if urgent {
		s.all.calm.add(1)
	} else {
		s.all.calm.add(-1)
	}
}

// Progress is what a stream is doing.
type Progress struct {
	Header   protocol.Header
	Place    time.Duration // of the reader
	Buffered time.Duration // ahead of it
	Have     int           // chunks
	Playing  bool          // someone reads it
	Parts    string        // where its parts came from, see parts

	// Where the reader is given nothing, as it would soon run dry: how much more
	// sound is to come before, and how long that is likely to take; 0 where it is
	// not known yet.
	Waiting        bool
	Lacks, Awaited time.Duration
}

func (s *Stream) progress() (p Progress, ok bool) {
	select {
	case <-s.ready:
	default:
		return p, false
	}
	if s.err != nil {
		return p, false
	}
	h := s.pieces.header
	parts := s.pieces.parts()
	s.mu.Lock()
	defer s.mu.Unlock()
	p = Progress{Header: h, Parts: parts, Place: h.TimeAt(s.led.place), Buffered: s.buffered, Playing: s.wishes[wishPlay] > 0}
	if held := &s.led.hold; held.on && p.Playing {
		p.Waiting, p.Lacks, p.Awaited = true, held.sound, held.left(time.Now())
	}
	p.Have = s.pieces.track.Have().Count()
	if s.pieces.track.Complete() {
		p.Buffered = h.Duration - p.Place
	}
	return p, true
}
