package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	if src.server {
		from = fromServer
	}
	for n := 0; n < len(c.data); {
		k, err := run.Read(c.data[n:])
		n += k
		if src.server && k > 0 {
			f.s.pieces.publish(i, c, n)
		}
		if n-told >= progressGrain || n == len(c.data) {
			bytes := n - told
			told = n
			f.tell(ctx, func(f *fetch, now time.Duration) { f.schedule.Progress(now, id, bytes) })
		}
		if err != nil && n < len(c.data) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("receiving chunk %d: %w", i, err)
		}
	}
	stored, err := f.s.pieces.complete(i, c.data, from)
	switch {
	case errors.Is(err, errCorrupt):
		src.conn.Corrupt()
		return err
	case errors.Is(err, errNoProof): // of the server: settled when the proof comes
	case err != nil:
		f.s.all.writeFailures.Add(1)
		f.s.all.config.Log.Warn("the cache cannot store a chunk: playing from memory", "err", err)
	}
	if stored {
		f.s.all.config.Swarm.Got(f.s.id, i, 1)
	}
	f.tell(ctx, func(f *fetch, now time.Duration) { f.schedule.Arrived(now, i) })
	return nil
}

// proofPause is how long to wait before whoever is there now is asked for the
// proof tree again.
const proofPause = time.Second

// findProof gets the proof tree: behind the server's answer to *open*, else
// from anyone, as it proves itself.
func (f *fetch) findProof(ctx context.Context, first *opened) {
	if f.s.pieces.proven() {
		return
	}
	if first != nil {
		if tree, err := first.Proof(ctx); err == nil && f.prove(ctx, first.conn, tree) {
			return
		}
	}
	for ctx.Err() == nil {
		for _, c := range f.s.all.config.Swarm.Neighbours() {
			if !c.Trusted() {
				continue
			}
			if tree, err := c.GetProof(ctx, f.s.id); err == nil && f.prove(ctx, c, tree) {
				return
			}
		}
		select {
		case <-time.After(proofPause):
		case <-ctx.Done():
		}
	}
}

// prove takes a proof tree that c sent; false if it is not the track's.
func (f *fetch) prove(ctx context.Context, c *swarm.Conn, tree []byte) bool {
	stored, wrong, err := f.s.pieces.prove(tree)
	if errors.Is(err, cache.ErrBadProof) {
		c.Corrupt()
		return false
	}
	if err != nil {
		f.s.all.config.Log.Warn("the cache cannot store a proof tree", "err", err)
		return false
	}
	for _, i := range stored {
		f.s.all.config.Swarm.Got(f.s.id, i, 1)
	}
	f.tell(ctx, func(f *fetch, now time.Duration) {
		f.proven = true
		for _, i := range wrong {
			f.schedule.Missing(now, i, 1)
			for _, src := range f.sources {
				if src.server { // only the server's chunks are kept unproven
					src.conn.Corrupt()
				}
			}
		}
		for _, src := range f.sources {
			f.offer(now, src)
		}
	})
	return true
}
