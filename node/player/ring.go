package player

import (
	"context"
	"sync"
)

// ring holds the PCM of a deck between the goroutine that decodes it and the
// one that sounds it. Both work in its memory: nothing is copied and nothing
// allocated.
type ring struct {
	freed  signal // for the writer
	filled signal // for the reader: PCM came, or the end

	mu    sync.Mutex
	buf   []byte
	start int // of the oldest byte
	n     int // bytes held
	ended bool
	err   error // why it ended early
}

// signal wakes one goroutine that waits for a change.
type signal chan struct{}

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

func (s signal) wait(ctx context.Context) error {
	select {
	case <-s:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newRing() *ring {
	return &ring{buf: make([]byte, ringSize), freed: make(signal, 1), filled: make(signal, 1)}
}

// fill puts PCM into a ring that is empty and not in use yet: no more than it holds.
func (r *ring) fill(pcm []byte) { r.n = copy(r.buf, pcm) }

// room returns some room, stepSize bytes at most. Where the ring is full it
// waits until there is enough to be worth waking for.
func (r *ring) room(ctx context.Context) ([]byte, error) {
	for {
		r.mu.Lock()
		end := (r.start + r.n) % len(r.buf)
		free := min(len(r.buf)-r.n, len(r.buf)-end, stepSize)
		r.mu.Unlock()
		if free > 0 {
			return r.buf[end : end+free], nil
		}
		if err := r.freed.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// add says that the first n bytes of the last room are PCM now.
func (r *ring) add(n int) {
	r.mu.Lock()
	r.n += n
	r.mu.Unlock()
	r.filled.raise()
}

// end says that no PCM follows, and why that is too early if it is.
func (r *ring) end(err error) {
	r.mu.Lock()
	r.ended, r.err = true, err
	r.mu.Unlock()
	r.filled.raise()
}

// next returns what is to be heard next, stepSize bytes at most: none where it
// is not there yet, or where all was taken and the ring has ended.
func (r *ring) next() (pcm []byte, ended bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.n, len(r.buf)-r.start, stepSize)
	return r.buf[r.start : r.start+n], r.ended && r.n == 0, r.err
}

// primed reports whether enough is there that the next step is not what is decoded
// next, or all of it.
func (r *ring) primed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n >= len(r.buf)/2 || r.ended && r.n > 0
}

// took says that n bytes of what next returned were handed over.
func (r *ring) took(n int) {
	r.mu.Lock()
	r.start = (r.start + n) % len(r.buf)
	r.n -= n
	enough := len(r.buf)-r.n >= refill
	r.mu.Unlock()
	if enough {
		r.freed.raise()
	}
}
