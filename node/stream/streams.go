package stream

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"earshot/cache"
	"earshot/node/swarm"
	"earshot/protocol"
)

// The errors of opening and reading.
var (
	// ErrUnknownTrack: the server knows no such track.
	ErrUnknownTrack = errors.New("no such track")
	// ErrUnavailable: nothing that can be reached holds what is needed. Reading
	// may be tried again: fetching goes on when something does.
	ErrUnavailable = errors.New("nothing that can be reached holds this track")
	// ErrFull: the cache cannot store what was fetched.
	ErrFull = errors.New("the cache has no room for it")
	// ErrClosed: the reader or the node was closed.
	ErrClosed = errors.New("closed")
)

// Config is what Streams is made of.
type Config struct {
	Swarm *swarm.Swarm
	Cache *cache.Cache
	// Holding is called when a track begins to be held, and when it is
	// complete; it must not block.
	Holding func(id protocol.ID, complete bool)
	Log     *slog.Logger // nil: none
}

// Streams are the tracks in the making.
type Streams struct {
	config   Config
	wg       sync.WaitGroup
	settling sync.WaitGroup // streams that wait for their proof tree only
	ahead    ahead
	calm     calm
	arrivals arrivals

	mu     sync.Mutex
	closed bool
	active map[protocol.ID]*Stream

	writeFailures atomic.Int64 // chunks that the cache could not store
}

// linger is how long a stream that nobody reads is kept: from the prefetch of
// the next track to its play, at most half a minute before the end of this one,
// with as much again for a pause.
const linger = 60 * time.Second

// New makes Streams. Close ends them.
func New(c Config) *Streams {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Holding == nil {
		c.Holding = func(protocol.ID, bool) {}
	}
	ss := &Streams{config: c, active: map[protocol.ID]*Stream{}}
	ss.ahead.init(ss)
	ss.calm.init(c.Swarm.StandBack)
	ss.arrivals.init()
	return ss
}

// settles counts one more stream that settles; false when all end.
func (ss *Streams) settles() bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if !ss.closed {
		ss.settling.Add(1)
	}
	return !ss.closed
}

// Close ends all streams, those that settle when they have, and waits for them.
func (ss *Streams) Close() {
	ss.mu.Lock()
	ss.closed = true
	ss.mu.Unlock()
	ss.ahead.close()
	ss.settling.Wait()
	ss.mu.Lock()
	for _, s := range ss.active {
		s.cancel()
	}
	ss.mu.Unlock()
	ss.wg.Wait()
}

// Open begins to fetch a track, for playing from a place on, and returns when
// its header is known.
func (ss *Streams) Open(ctx context.Context, id protocol.ID, from time.Duration) (*Reader, error) {
	s, err := ss.get(id, from, wishPlay)
	if err != nil {
		return nil, err
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		s.leave(wishPlay)
		return nil, ctx.Err()
	}
	if s.err != nil {
		s.leave(wishPlay)
		return nil, s.err
	}
	return newReader(s, from), nil
}

// Prefetch fetches what is due of a track that plays next: its head, or all
// that peers have of it.
func (ss *Streams) Prefetch(id protocol.ID, head bool) error {
	wish := wishPeers
	if head {
		wish = wishHead
	}
	s, err := ss.get(id, 0, wish)
	if err != nil {
		return err
	}
	s.leaveLater(wish, linger)
	return nil
}

// Ahead fetches the first second of a track that may be played, when there is
// nothing else to do. It returns at once.
func (ss *Streams) Ahead(id protocol.ID) error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return ErrClosed
	}
	if ss.active[id] == nil {
		ss.ahead.wish(id)
	}
	return nil
}

// get returns the stream of a track, a new one if there is none.
func (ss *Streams) get(id protocol.ID, from time.Duration, wish wish) (*Stream, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return nil, ErrClosed
	}
	ss.ahead.overtaken(id)
	s := ss.active[id]
	if s != nil && s.join(wish) {
		return s, nil
	}
	ctx, cancel := context.WithCancel(context.Background()) // Close cancels it
	s = newStream(ss, id, from, wish, cancel)
	ss.active[id] = s
	ss.wg.Go(func() {
		defer cancel()
		s.run(ctx)
		ss.mu.Lock()
		if ss.active[id] == s {
			delete(ss.active, id)
		}
		ss.mu.Unlock()
	})
	return s, nil
}

// Active tells of the tracks being read or fetched.
func (ss *Streams) Active() []Progress {
	ss.mu.Lock()
	streams := make([]*Stream, 0, len(ss.active))
	for _, s := range ss.active {
		streams = append(streams, s)
	}
	ss.mu.Unlock()
	var all []Progress
	for _, s := range streams {
		if p, ok := s.progress(); ok {
			all = append(all, p)
		}
	}
	return all
}

// WriteFailures returns how many chunks the cache could not store.
func (ss *Streams) WriteFailures() int64 { return ss.writeFailures.Load() }
