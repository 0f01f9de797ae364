package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"earshot/cache"
	"earshot/node/schedule"
	"earshot/node/swarm"
	"earshot/protocol"
)

// receive takes the chunks of a run as they arrive.
func (f *fetch) receive(ctx context.Context, run *swarm.Run, src *source, id schedule.RequestID) error {
	for i := run.First; i < run.First+run.Count; i++ {
		if err := f.receiveChunk(ctx, run, i, src, id); err != nil {
			return err
		}
	}
	run.End()
	return nil
}

func (f *fetch) receiveChunk(ctx context.Context, run *swarm.Run, i int, src *source, id schedule.RequestID) error {
	c := &piece{data: make([]byte, protocol.ChunkLen(f.s.pieces.header.Size, i))}
	from, told := fromPeers, 0
	sliced := f.s.pieces.sliced(i)
	if src.server {
		from = fromServer
	}
	for n := 0; n < len(c.data); {
		k, err := run.Read(c.data[n:])
		n += k
		f.s.all.arrivals.arrived(k)
		if n-told >= progressGrain || n == len(c.data) {
			bytes := n - told
			told = n
			f.tell(ctx, func(f *fetch, now time.Duration) { f.schedule.Progress(now, id, bytes) })
		}
		if k > 0 && (src.server || sliced) {
			more, wrong := f.s.pieces.arrived(i, c, n, from)
			if wrong != nil {
				src.conn.Corrupt()
				return wrong
			}
			if more {
				f.verified(src)
				f.s.all.config.Swarm.Arrived()
				f.tell(ctx, func(f *fetch, now time.Duration) { f.schedule.Sliced(now, id) })
			}
		}
		if err != nil && n < len(c.data) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("receiving chunk %d: %w", i, err)
		}
	}
	if !src.server && !f.awaitProof(ctx, i) {
		return ctx.Err()
	}
	shared, err := f.s.pieces.complete(i, c.data, from)
	switch {
	case errors.Is(err, errCorrupt):
		src.conn.Corrupt()
		return err
	case errors.Is(err, errNoProof): // of the server: settled when the proof comes
	case err != nil:
		f.s.all.writeFailures.Add(1)
		f.s.all.config.Log.Warn("the cache cannot store a chunk: playing from memory", "err", err)
	}
	if shared {
		f.s.all.config.Swarm.Got(f.s.id, i, 1, f.s.soon(i))
		f.verified(src)
	}
	f.tell(ctx, func(f *fetch, now time.Duration) { f.schedule.Arrived(now, i) })
	return nil
}

// verified ends the race for the start, where it goes on: something of it is here, and
// the track is as long as was said.
func (f *fetch) verified(src *source) {
	if f.s.callOffBeginners != nil {
		f.s.callOffBeginners()
	}
	if src.server {
		return
	}
	if f.s.callOff != nil {
		f.s.callOff()
	}
	f.s.setReady()
}

const (
	// proofLater is when peers are asked for it: what comes sooner is verified by the
	// paths that come with it, and is kept in memory so long.
	proofLater = time.Second
	// proofPause is how often it is looked who might be asked for the proof tree:
	// until it is there nothing can be taken from peers.
	proofPause = 20 * time.Millisecond
	// proofPatience is when the server is asked for it too, which sends it when
	// there is nothing else to do where it knows of others who have it.
	proofPatience = 2 * time.Second
	// proofAgain is when one who did not give it is asked again.
	proofAgain = time.Second
	// maxProofs is how many are asked at once: one may be busy or gone.
	maxProofs = 4
)

// findProof gets the proof tree: behind the server's answer to *open*, or from
// whoever holds some of the track, whichever is first; it proves itself.
func (f *fetch) findProof(ctx context.Context, first *opened) {
	if f.s.pieces.proven() {
		return
	}
	asks, cancel := context.WithCancel(ctx) // of those who come second
	defer cancel()
	if first != nil && !first.coming {
		f.wg.Go(func() { f.takeProof(ctx, asks, first) })
	}
	asked := map[*swarm.Conn]time.Time{}
	var asking atomic.Int32
	for ctx.Err() == nil {
		changed := f.s.pieces.change()
		if f.s.pieces.proven() {
			return
		}
		if f.now() < proofLater {
			select {
			case <-changed:
			case <-time.After(proofLater - f.now()):
			case <-ctx.Done():
			}
			continue
		}
		for _, c := range f.holders(ctx, first == nil || f.now() > proofPatience) {
			if asking.Load() >= maxProofs || time.Since(asked[c]) < proofAgain {
				continue
			}
			asked[c] = time.Now()
			asking.Add(1)
			f.wg.Go(func() {
				defer asking.Add(-1)
				f.askProof(ctx, asks, c)
			})
		}
		select {
		case <-changed:
		case <-time.After(proofPause):
		case <-ctx.Done():
		}
	}
}

// askProof asks one node for the proof tree; asks ends the asking.
func (f *fetch) askProof(ctx, asks context.Context, c *swarm.Conn) {
	if tree, err := c.GetProof(asks, f.s.id); err == nil && !f.s.pieces.proven() {
		f.prove(ctx, c, tree)
	}
}

// holders returns the neighbours that hold part of the track, and so its
// proof tree, the nearest first; with the server where it may be asked.
func (f *fetch) holders(ctx context.Context, server bool) []*swarm.Conn {
	answer := make(chan []*swarm.Conn, 1)
	f.tell(ctx, func(f *fetch, _ time.Duration) {
		var all []*swarm.Conn
		for c, src := range f.sources {
			if c.Trusted() && (src.server && server || src.have.Count() > 0 || src.listening) {
				all = append(all, c)
			}
		}
		answer <- all
	})
	select {
	case all := <-answer:
		slices.SortFunc(all, func(a, b *swarm.Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
		return all
	case <-ctx.Done():
		return nil
	}
}

// prove takes a proof tree that c sent; false if it is not the track's.
func (f *fetch) prove(ctx context.Context, c *swarm.Conn, tree []byte) bool {
	shared, wrong, err := f.s.pieces.prove(tree)
	if errors.Is(err, cache.ErrBadProof) {
		c.Corrupt()
		return false
	}
	if err != nil {
		f.s.all.config.Log.Warn("the cache cannot store a proof tree", "err", err)
		return false
	}
	f.s.all.config.Swarm.Arrived()
	f.settle(ctx, shared, wrong)
	f.tell(ctx, func(f *fetch, now time.Duration) {
		for _, src := range f.sources {
			f.offer(now, src)
		}
	})
	return true
}

// learn takes a path of the proof tree that c sent, and the slices of the first of its
// chunks; false if they are not the track's.
func (f *fetch) learn(ctx context.Context, c *swarm.Conn, first, count int, path, slices []byte) bool {
	if !f.learnPath(ctx, c, first, count, path) {
		return false
	}
	for i := first; len(slices) > 0; i++ {
		n := min(protocol.SlicesSize, len(slices))
		more, ok := f.s.pieces.learnSlices(i, slices[:n])
		if !ok {
			c.Corrupt()
			return false
		}
		if more {
			f.s.all.config.Swarm.Arrived()
		}
		slices = slices[n:]
	}
	return true
}

func (f *fetch) learnPath(ctx context.Context, c *swarm.Conn, first, count int, path []byte) bool {
	if len(path) == 0 {
		return true // it comes with the tree
	}
	shared, wrong, whole, ok := f.s.pieces.learn(first, count, path)
	if !ok {
		c.Corrupt()
		return false
	}
	f.settle(ctx, shared, wrong)
	return whole == nil || f.prove(ctx, c, whole)
}

// settle tells of chunks that waited to be verified.
func (f *fetch) settle(ctx context.Context, shared, wrong []int) {
	for _, i := range shared {
		f.s.all.config.Swarm.Got(f.s.id, i, 1, f.s.soon(i))
	}
	if len(wrong) == 0 {
		return
	}
	f.tell(ctx, func(f *fetch, now time.Duration) {
		for _, i := range wrong {
			f.schedule.Missing(now, i, 1)
		}
		for _, src := range f.sources {
			if src.server { // only the server's chunks are kept unproven
				src.conn.Corrupt()
			}
		}
	})
}
