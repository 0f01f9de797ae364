package stream

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"earshot/node/schedule"
	"earshot/node/swarm"
	"earshot/protocol"
)

// fetch brings the missing chunks of a track: it tells the schedule what
// happens and does what that decides. Only its loop touches its fields.
type fetch struct {
	s        *Stream
	start    time.Time
	schedule *schedule.State
	wg       sync.WaitGroup

	sources  map[*swarm.Conn]*source
	byID     map[schedule.SourceID]*source
	lastID   schedule.SourceID
	requests map[schedule.RequestID]context.CancelFunc
	coming   map[protocol.NodeID]*swarm.Conn // who has not answered yet to what it was asked in the race
	starter  promise
	truth    *opened // the server's answer, where the header that was believed is a lie
}

const (
	// tick is how often the schedule is told where the reader is though it has
	// not moved: it may be paused.
	tick = time.Second
	// dryAfter is how long a reader waits before it is told that nothing holds
	// what it needs: time to find peers anew once.
	dryAfter = 3 * time.Second
	// progressGrain is how many bytes arrive before the schedule hears of them.
	progressGrain = 4 << 10
)

func (s *Stream) newFetch(first *opened) *fetch {
	p := s.pieces
	c := schedule.Config{
		Timeline: p.line(),
		Track:    s.id, Have: p.track.Have(), Self: key(s.all.config.Swarm.Self()), Seed: rand.Uint64(),
	}
	switch { // of who else listens, and what to take for them, the server's word counts
	case first != nil && first.conn.Server():
		c.Others, c.PartFirst, c.PartCount = first.Listeners, first.PartFirst, first.PartCount
	case first != nil && first.coming:
		c.Others = 1 // at the least
	}
	coming := maps.Clone(s.coming)
	if first != nil {
		delete(coming, first.conn.Node())
	}
	return &fetch{
		s: s, start: time.Now(), schedule: schedule.New(c),
		sources:  map[*swarm.Conn]*source{},
		byID:     map[schedule.SourceID]*source{},
		requests: map[schedule.RequestID]context.CancelFunc{},
		coming:   coming,
	}
}

// key is a node's place in sharing out the server's chunks, the same for all.
func key(n protocol.NodeID) uint64 { return binary.BigEndian.Uint64(n[:8]) }

// fetch brings the rest of the track; it returns when all is stored, or with ctx.
// Where a peer's header turns out to be none of the track, it returns the server's
// answer.
func (s *Stream) fetch(ctx context.Context, first *opened) (truth *opened) {
	f := s.newFetch(first)
	ctx, cancel := context.WithCancel(ctx)
	defer f.wg.Wait()
	defer cancel()
	stopWatching := s.all.config.Swarm.Watch(s.id, watch{s, s.pieces})
	defer func() {
		stopWatching()
		if s.pieces.track.Complete() {
			s.all.config.Holding(s.id, true)
		}
	}()
	if first != nil {
		f.begin(ctx, first)
	}
	if first != nil && first.Starter && first.conn.Server() {
		f.wg.Go(func() { f.awaitStarter(ctx, first) })
	}
	f.wg.Go(func() { f.findHelp(ctx, first) })
	f.wg.Go(func() { f.findProof(ctx, first) })
	f.wg.Go(func() { f.watchServer(ctx) })
	if s.callOffBeginners != nil {
		f.wg.Go(func() { f.joinLate(ctx, first) })
	}

	timer := time.NewTimer(0)
	defer timer.Stop()
	for !s.pieces.track.Complete() {
		select {
		case event := <-s.events:
			event(f, f.now())
			for more := true; more; { // all that has happened before the next decision
				select {
				case event = <-s.events:
					event(f, f.now())
				default:
					more = false
				}
			}
		case <-s.kick:
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		if f.truth != nil {
			return f.truth
		}
		f.look()
		timer.Reset(f.act(ctx))
	}
	return nil
}

func (f *fetch) now() time.Duration { return time.Since(f.start) }

// tell has the loop take note of something.
func (f *fetch) tell(ctx context.Context, event func(f *fetch, now time.Duration)) {
	select {
	case f.s.events <- event:
	case <-ctx.Done():
	}
}

// begin takes an answer to *open*: the head is on its way.
func (f *fetch) begin(ctx context.Context, o *opened) {
	now := f.now()
	src := f.source(o.conn)
	if o.conn.Server() {
		f.addServer(now, o.conn)
	} else if !src.added {
		f.addPeer(now, src)
	}
	if o.HeadCount == 0 || o.HeadCount == 1 && f.s.pieces.begun(o.HeadFirst) {
		o.Head.Close()
		return
	}
	id := f.schedule.Expect(now, src.id, o.HeadFirst, o.HeadCount)
	f.requests[id] = o.close
	f.wg.Go(func() {
		defer o.close()
		if !f.learn(ctx, o.conn, o.HeadFirst, o.Proven, o.Path, o.Slices) {
			f.end(ctx, id, src, errCorrupt)
			return
		}
		if !src.server && !f.awaitProof(ctx, o.HeadFirst) {
			return
		}
		f.end(ctx, id, src, f.receive(ctx, o.Head, src, id))
	})
}

// awaitProof waits until chunk i can be verified: a peer's is nothing before.
func (f *fetch) awaitProof(ctx context.Context, i int) bool {
	for {
		changed := f.s.pieces.change()
		if f.s.pieces.provable(i) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// look tells the schedule where the reader is that needs most, and what is wished for.
func (f *fetch) look() {
	s, now := f.s, f.now()
	s.mu.Lock()
	led := s.follow(time.Now())
	place, ahead, lacking := led.place, led.ahead(&s.pieces.header, time.Now()), s.lacking
	behind := led.chunk() // what all readers have read
	for _, h := range s.heads {
		behind = min(behind, h.chunk())
	}
	s.lacking = nil
	mode, reading := s.mode(ahead)
	fetching := s.wishes[wishFetch] > 0
	s.mu.Unlock()
	for _, i := range append(lacking, s.pieces.forget(behind)...) {
		f.schedule.Missing(now, i, 1)
	}
	f.schedule.Playhead(now, place, ahead, mode)
	buffered := f.schedule.Buffered(now)
	f.lookAtRate(mode == schedule.Playing, buffered)
	s.mu.Lock()
	s.buffered = buffered
	s.mu.Unlock()
	f.checkDry(fetching && !reading)
}

// act does what the schedule decides, and returns when to ask it again.
func (f *fetch) act(ctx context.Context) time.Duration {
	now := f.now()
	actions, next := f.schedule.Step(now)
	before, taken := len(f.requests), 0
	asked := map[*source]<-chan struct{}{} // closed when the last request to it is on its way
	for _, a := range actions {
		switch a.Kind {
		case schedule.Cancel:
			if cancel := f.requests[a.ID]; cancel != nil {
				cancel()
				delete(f.requests, a.ID)
				taken++
			}
		case schedule.Request:
			src := f.byID[a.Source]
			request, cancel := context.WithCancel(ctx)
			f.requests[a.ID] = cancel
			m := &protocol.Get{
				ID: f.s.id, First: a.First, Count: a.Count, Priority: a.Priority, Within: a.Within,
				Prove: !f.s.pieces.proven(), Wait: a.Wait,
			}
			first, next := asked[src], make(chan struct{})
			asked[src] = next
			f.wg.Go(func() {
				defer cancel()
				f.get(request, ctx, m, a.ID, src, first, next)
			})
		}
	}
	if taken > 0 && taken == before {
		f.s.all.arrivals.anew()
	}
	if next == schedule.Never {
		return tick
	}
	return min(max(next-now, 0), tick)
}

// get asks for one run and takes what comes, behind the request to the same source that
// was decided first, if there is one: it is needed sooner. request ends when the schedule
// cancels it, ctx with the fetch.
func (f *fetch) get(request, ctx context.Context, m *protocol.Get, id schedule.RequestID, src *source, first <-chan struct{}, asked chan<- struct{}) {
	if first != nil {
		select {
		case <-first:
		case <-request.Done():
		}
	}
	run, err := src.conn.Get(request, m, func() { close(asked) })
	if err == nil {
		err = errCorrupt
		if f.learn(ctx, src.conn, run.First, run.Count, run.Path, run.Slices) {
			err = f.receive(request, run, src, id)
		}
		run.Close()
	}
	f.end(ctx, id, src, err)
}

// end tells the schedule how a request ended; one that it cancelled itself it
// has forgotten.
func (f *fetch) end(ctx context.Context, id schedule.RequestID, src *source, err error) {
	f.tell(ctx, func(f *fetch, now time.Duration) {
		delete(f.requests, id)
		f.measure(now, src)
		if err == nil {
			f.schedule.Finished(now, id)
		} else {
			f.schedule.Failed(now, id, reason(err))
		}
	})
}

// reason says to the schedule why a request failed.
func reason(err error) schedule.Reason {
	var refused *protocol.Refused
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errCorrupt):
		return schedule.Corrupt
	case errors.As(err, &refused):
		switch refused.Code {
		case protocol.CodeNotFound:
			return schedule.NotFound
		case protocol.CodeNotSharing:
			return schedule.Unwilling
		case protocol.CodeElsewhere:
			return schedule.Elsewhere
		}
		return schedule.Busy
	case errors.As(err, &timeout) && timeout.Timeout():
		return schedule.Timeout
	}
	return schedule.Disconnected
}
