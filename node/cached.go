package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"earshot/cache"
	"earshot/node/control"
	"earshot/protocol"
)

// OpenCached opens a track that the cache holds all of, beside all streams: nothing is
// fetched, nobody is told, and it is no play.
func (n *Node) OpenCached(ctx context.Context, id protocol.ID) (control.Track, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if in, ok := n.cache.Lookup(id); !ok || !in.Complete {
		return nil, control.ErrUnavailable
	}
	t, ok := n.cache.Peek(id)
	if !ok {
		return nil, control.ErrUnavailable
	}
	h := t.Header()
	return &cachedTrack{section: io.NewSectionReader(&heldPart{track: t, size: h.Size}, 0, h.Size), held: t, header: h}, nil
}

// cachedTrack is a cached track being read. A chunk that is damaged on disk is
// missing; a stream would fetch it anew.
type cachedTrack struct {
	section *io.SectionReader
	held    *cache.Track
	header  protocol.Header
	read    atomic.Int64
	closed  atomic.Bool
}

func (t *cachedTrack) Header() protocol.Header { return t.header }

func (t *cachedTrack) Read(b []byte) (int, error) {
	if t.closed.Load() {
		return 0, fs.ErrClosed
	}
	n, err := t.section.Read(b)
	t.read.Add(int64(n))
	if errors.Is(err, cache.ErrMissing) || errors.Is(err, cache.ErrBadChunk) {
		err = fmt.Errorf("%w: %w", control.ErrUnavailable, err)
	}
	return n, err
}

func (t *cachedTrack) Seek(offset int64, whence int) (int64, error) {
	return t.section.Seek(offset, whence)
}

func (t *cachedTrack) Shares() control.Shares { return control.Shares{Cache: t.read.Load()} }

// Close may be called again, and from any goroutine: a read of a lease that is
// released fails.
func (t *cachedTrack) Close() error {
	if !t.closed.Swap(true) {
		t.held.Release()
	}
	return nil
}
