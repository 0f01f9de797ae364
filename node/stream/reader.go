package stream

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"earshot/cache"
	"earshot/protocol"
)

// Shares counts bytes by where they came from.
type Shares struct{ Server, Peers, Cache int64 }

// Reader reads one track. It is for one goroutine; only Close may be called
// from another.
type Reader struct {
	s      *Stream
	head   *playhead
	offset int64
	buffer chunkBuffer
	start  start
	once   sync.Once
	closed chan struct{}

	mu     sync.Mutex
	shares Shares
}

// newReader returns a reader of a track that is to be played from a time on.
func newReader(s *Stream, from time.Duration) *Reader {
	return &Reader{s: s, head: s.enter(s.pieces.header.Begin(from)), start: start{due: true, from: s.pieces.header.OffsetAt(from)}, closed: make(chan struct{})}
}

// Header returns the track's header.
func (r *Reader) Header() protocol.Header { return r.s.pieces.header }

// Shares returns where the bytes read so far came from.
func (r *Reader) Shares() Shares {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shares
}

// Read waits until there is something at the reader's place and returns it. It
// fails with ErrUnavailable while nothing that can be reached holds that, and
// with ErrClosed.
func (r *Reader) Read(b []byte) (int, error) {
	if r.offset >= r.s.pieces.header.Size {
		return 0, io.EOF
	}
	if len(b) == 0 {
		return 0, nil
	}
	for {
		select {
		case <-r.closed:
			return 0, ErrClosed
		default:
		}
		n, from, wait, again, err := r.look(b)
		if err != nil && !errors.Is(err, cache.ErrBadChunk) {
			return 0, fmt.Errorf("reading from the cache: %w", err)
		}
		if err != nil { // damaged on disk, and dropped: fetched anew
			r.s.damaged(int(r.offset / protocol.ChunkSize))
		}
		r.s.at(r.head, r.offset, n)
		if n > 0 {
			r.offset += int64(n)
			r.count(from, int64(n))
			return n, nil
		}
		select {
		case <-wait:
		case <-again:
		case <-r.s.unavailable(r.head):
			if r.start.hold.on { // what there is, is all there will be
				r.begin()
				continue
			}
			return 0, ErrUnavailable
		case <-r.s.done:
			return 0, ErrClosed
		case <-r.closed:
			return 0, ErrClosed
		}
	}
}

func (r *Reader) count(from provider, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch from {
	case fromServer:
		r.shares.Server += n
	case fromPeers:
		r.shares.Peers += n
	default:
		r.shares.Cache += n
	}
}

// Seek sets the place of the next Read, within the track.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.s.pieces.header.Size
	default:
		return 0, errors.New("seeking in a track: no such whence")
	}
	if offset < 0 {
		return 0, errors.New("seeking before the beginning of a track")
	}
	r.offset = offset
	return offset, nil
}

// Close ends the reading; a Read under way returns.
func (r *Reader) Close() error {
	r.once.Do(func() {
		close(r.closed)
		r.s.settle()
		r.s.exit(r.head)
		r.s.leave(wishPlay)
	})
	return nil
}
