package node

import (
	"context"
	"errors"
	"fmt"
	"io"

	"earshot/cache"
	"earshot/node/control"
	"earshot/node/library"
	"earshot/protocol"
)

// Cover returns the picture in a track's tags, from what is cached of the
// track alone: nothing is fetched for it, so that no sound waits for a picture.
func (n *Node) Cover(ctx context.Context, id protocol.ID) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, ok := n.cache.AcquireCached(id)
	if !ok {
		return nil, control.ErrUnavailable
	}
	defer t.Release()
	held := &heldPart{track: t, size: t.Header().Size}
	return readCover(held, held.size, id)
}

// Cover returns the picture in a track's tags.
func (s *Server) Cover(ctx context.Context, id protocol.ID) ([]byte, error) {
	t, err := s.Open(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return readCover(t.(*ownTrack).SectionReader, t.Header().Size, id)
}

func readCover(r io.ReaderAt, size int64, id protocol.ID) ([]byte, error) {
	picture, err := library.ReadPicture(r, size)
	if errors.Is(err, cache.ErrMissing) {
		err = control.ErrUnavailable
	}
	if err != nil {
		return nil, fmt.Errorf("the cover of %s: %w", id.Short(), err)
	}
	return picture, nil
}

// heldPart reads what is cached of a track; cache.ErrMissing where that is not.
type heldPart struct {
	track *cache.Track
	size  int64
	buf   [protocol.ChunkSize]byte
	chunk int // in buf, plus one
	n     int
}

// ReadAt implements io.ReaderAt, for one goroutine.
func (h *heldPart) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		if at < 0 || at >= h.size {
			return n, io.EOF
		}
		i := int(at / protocol.ChunkSize)
		if h.chunk != i+1 {
			h.chunk = 0
			if h.n, err = h.track.ReadChunk(i, h.buf[:]); err != nil {
				return n, err
			}
			h.chunk = i + 1
		}
		k := copy(b[n:], h.buf[at%protocol.ChunkSize:h.n])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}
