package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"earshot/cache"
	"earshot/node/schedule"
	"earshot/node/swarm"
	"earshot/protocol"
)

// ahead fetches the first second of tracks that someone looks at, so that one of
// them sounds at once if it is played: from a neighbour that has it, else from
// the server if that has nothing else to do; never while what plays here is
// urgent, and so little in all that it does not matter who looks at what.
type ahead struct {
	all *Streams

	mu       sync.Mutex
	closed   bool
	wishes   []protocol.ID // the oldest first
	working  int
	fetching map[protocol.ID]context.CancelFunc
	held     []heldHead // what it has brought that nobody has played yet, the oldest first
	bytes    int64      // of those
	shy      time.Time  // until then the server is left alone
}

// heldHead is what the cache holds of a track that may be played.
type heldHead struct {
	id     protocol.ID
	chunks int
	bytes  int64
}

const (
	// maxAhead bounds the tracks wished for, and the heads held: three screens of
	// a large terminal.
	maxAhead = 64
	// maxAheadBytes bounds the heads held: maxAhead of 64 KiB, which is two
	// chunks and a proof tree at 192 kbit/s, less than one track.
	maxAheadBytes = maxAhead * 64 << 10
	// maxAheadHead bounds one: a second of uncompressed sound would be more.
	maxAheadHead = 128 << 10
	// aheadWorkers is how many are fetched at once: a screen of 20 takes 10
	// round trips, and no more than two heads are on a line that someone
	// else may need the next moment.
	aheadWorkers = 2
	// aheadNeighbours is how many neighbours are asked, one after another,
	// before the server: the nearest, who share what is liked here.
	aheadNeighbours = 3
	// aheadPatience is how long one may take: it is in nobody's way.
	aheadPatience = 10 * time.Second
	// aheadPause is how long a server that has others to see to is left alone:
	// as long as a head of 15 s may take it.
	aheadPause = 5 * time.Second
	// aheadTries is how often it is asked for one head.
	aheadTries = 3
)

func (a *ahead) init(all *Streams) { a.all, a.fetching = all, map[protocol.ID]context.CancelFunc{} }

// close ends the fetching; Streams waits for its goroutines.
func (a *ahead) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed, a.wishes = true, nil
	for _, cancel := range a.fetching {
		cancel()
	}
}

// wish makes a track the one to be fetched next.
func (a *ahead) wish(id protocol.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.fetching[id] != nil {
		return
	}
	a.wishes = slices.DeleteFunc(a.wishes, func(w protocol.ID) bool { return w == id })
	a.wishes = append(a.wishes, id)
	a.wishes = a.wishes[max(0, len(a.wishes)-maxAhead):]
	if i := slices.IndexFunc(a.held, func(h heldHead) bool { return h.id == id }); i >= 0 { // still looked at
		h := a.held[i]
		a.held = append(slices.Delete(a.held, i, i+1), h)
	}
	if a.working < aheadWorkers {
		a.working++
		a.all.wg.Go(a.work)
	}
}

// overtaken ends what is done for a track: it is played, or will be.
func (a *ahead) overtaken(id protocol.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wishes = slices.DeleteFunc(a.wishes, func(w protocol.ID) bool { return w == id })
	if cancel := a.fetching[id]; cancel != nil {
		cancel()
	}
	a.let(id)
}

// let takes a track out of those whose heads are held. a.mu is held.
func (a *ahead) let(id protocol.ID) {
	a.held = slices.DeleteFunc(a.held, func(h heldHead) bool {
		if h.id == id {
			a.bytes -= h.bytes
		}
		return h.id == id
	})
}

// work fetches what is wished for, the newest first, until nothing is.
func (a *ahead) work() {
	for {
		ctx, cancel := context.WithCancel(context.Background()) // close cancels it
		a.mu.Lock()
		n := len(a.wishes)
		if n == 0 {
			a.working--
			a.mu.Unlock()
			cancel()
			return
		}
		id := a.wishes[n-1]
		a.wishes = a.wishes[:n-1]
		a.fetching[id] = cancel
		a.mu.Unlock()

		head, err := a.fetch(ctx, id)

		a.mu.Lock()
		delete(a.fetching, id)
		if head.chunks > 0 && ctx.Err() == nil { // nobody plays it yet
			a.held = append(a.held, head)
			a.bytes += head.bytes
		}
		a.mu.Unlock()
		cancel()
		if err != nil {
			a.all.config.Log.Debug("a head was not fetched ahead of need", "track", id.Short(), "err", err)
		}
		a.trim()
	}
}

// trim lets go of the oldest heads beyond the bounds that nobody has played.
func (a *ahead) trim() {
	for {
		a.mu.Lock()
		if len(a.held) <= maxAhead && a.bytes <= maxAheadBytes {
			a.mu.Unlock()
			return
		}
		oldest := a.held[0]
		a.let(oldest.id)
		a.mu.Unlock()
		if in, ok := a.all.config.Cache.Lookup(oldest.id); ok && in.Have <= oldest.chunks && !in.Complete && !in.Pinned {
			a.all.config.Cache.Remove(oldest.id) // gone already: as well
		}
	}
}

// fetch brings one head. Nothing is held afterwards where something was before.
func (a *ahead) fetch(ctx context.Context, id protocol.ID) (heldHead, error) {
	if _, ok := a.all.config.Cache.Lookup(id); ok {
		return heldHead{}, nil
	}
	if err := a.all.calm.wait(ctx); err != nil {
		return heldHead{}, err
	}
	for _, c := range a.neighbours() {
		if head, err := a.fetchFrom(ctx, c, id); err == nil || ctx.Err() != nil {
			return head, err
		}
	}
	for try := 1; ; try++ {
		if err := a.waitForServer(ctx); err != nil {
			return heldHead{}, err
		}
		server, err := a.all.config.Swarm.Server(ctx)
		if err != nil {
			return heldHead{}, err
		}
		head, err := a.fetchFrom(ctx, server, id)
		if !errors.Is(err, &protocol.Refused{Code: protocol.CodeBusy}) || try == aheadTries {
			return head, err
		}
		a.mu.Lock()
		a.shy = time.Now().Add(aheadPause)
		a.mu.Unlock()
	}
}

// waitForServer returns when the server may be asked and nothing is urgent here.
func (a *ahead) waitForServer(ctx context.Context) error {
	a.mu.Lock()
	pause := time.Until(a.shy)
	a.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return a.all.calm.wait(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// neighbours returns those to ask, the nearest first; who was dialled and has not answered
// yet may be gone.
func (a *ahead) neighbours() []*swarm.Conn {
	near := slices.DeleteFunc(a.all.neighbours(), func(c *swarm.Conn) bool { return !c.IsConfirmed() })
	return near[:min(len(near), aheadNeighbours)]
}

// fetchFrom asks one node, and stores what it sends.
func (a *ahead) fetchFrom(ctx context.Context, c *swarm.Conn, id protocol.ID) (heldHead, error) {
	ctx, cancel := context.WithTimeout(ctx, aheadPatience)
	defer cancel()
	o, err := c.Open(ctx, &protocol.Open{ID: id, Head: schedule.ScreenHead, Priority: protocol.PriorityBackground})
	if err != nil {
		return heldHead{}, err
	}
	defer o.Head.Close()
	if o.HeadCount == 0 || o.HeadCount*protocol.ChunkSize > maxAheadHead {
		return heldHead{}, fmt.Errorf("a head of %d chunks", o.HeadCount)
	}
	chunks := make([][]byte, o.HeadCount)
	for i := range chunks {
		chunks[i] = make([]byte, protocol.ChunkLen(o.Header.Size, o.HeadFirst+i))
		if _, err := io.ReadFull(o.Head, chunks[i]); err != nil {
			return heldHead{}, fmt.Errorf("receiving a head: %w", err)
		}
	}
	o.Head.End()
	tree, err := o.Proof(ctx)
	if err != nil {
		return heldHead{}, fmt.Errorf("receiving a proof tree: %w", err)
	}
	if err := a.store(ctx, &o.Header, tree, o.HeadFirst, chunks); err != nil {
		if errors.Is(err, cache.ErrBadChunk) || errors.Is(err, cache.ErrBadProof) {
			c.Corrupt()
		}
		return heldHead{}, err
	}
	head := heldHead{id: id, chunks: len(chunks)}
	if in, ok := a.all.config.Cache.Lookup(id); ok {
		head.bytes = in.Bytes
	}
	return head, nil
}

// store verifies a head and puts it in the cache.
func (a *ahead) store(ctx context.Context, h *protocol.Header, tree []byte, first int, chunks [][]byte) error {
	if ctx.Err() != nil { // played meanwhile: its stream stores it
		return ctx.Err()
	}
	t, err := a.all.config.Cache.Acquire(*h)
	if err != nil {
		return err
	}
	defer t.Release()
	if err := t.SetProof(tree); err != nil {
		return err
	}
	for i, data := range chunks {
		if err := t.Put(first+i, data); err != nil {
			return err
		}
	}
	return nil
}
