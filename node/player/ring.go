package player

import (
	"context"
	"sync"
)

// ring holds PCM between the decoding and the sounding goroutine, and knows
// which item each part of it belongs to. It has one writer and one reader,
// which work in its memory: nothing is copied and nothing allocated.
type ring struct {
	freed  signal // for the writer
	filled signal // for the reader: PCM came, or an end

	mu    sync.Mutex
	buf   []byte
	start int    // of the oldest byte
	n     int    // bytes held
	parts []part // oldest first
	over  bool   // no part follows
}

// part is the PCM of one item.
type part struct {
	item  *item
	n     int  // bytes held of it
	ended bool // none follows
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

// add says that the first n bytes of the last room are now it's.
func (r *ring) add(it *item, n int) {
	r.mu.Lock()
	r.n += n
	r.part(it).n += n
	r.mu.Unlock()
	r.filled.raise()
}

// end says that it has no more PCM.
func (r *ring) end(it *item) {
	r.mu.Lock()
	r.part(it).ended = true
	r.mu.Unlock()
	r.filled.raise()
}

// finish says that no item follows.
func (r *ring) finish() {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	r.filled.raise()
}

// part returns the part of it, the newest. Hold mu.
func (r *ring) part(it *item) *part {
	if k := len(r.parts); k == 0 || r.parts[k-1].item != it {
		r.parts = append(r.parts, part{item: it})
	}
	return &r.parts[len(r.parts)-1]
}

// next waits for what is to be heard next and returns it, stepSize bytes at
// most; no PCM where the item has ended; no item where all have.
func (r *ring) next(ctx context.Context) (it *item, pcm []byte, err error) {
	for {
		r.mu.Lock()
		if len(r.parts) > 0 {
			p := r.parts[0]
			if p.n > 0 {
				n := min(p.n, len(r.buf)-r.start, stepSize)
				pcm = r.buf[r.start : r.start+n]
				r.mu.Unlock()
				return p.item, pcm, nil
			}
			if p.ended {
				r.parts = append(r.parts[:0], r.parts[1:]...)
				r.mu.Unlock()
				return p.item, nil, nil
			}
		} else if r.over {
			r.mu.Unlock()
			return nil, nil, nil
		}
		r.mu.Unlock()
		if err := r.filled.wait(ctx); err != nil {
			return nil, nil, err
		}
	}
}

// took says that n bytes of what next returned were handed over.
func (r *ring) took(n int) {
	r.mu.Lock()
	r.start = (r.start + n) % len(r.buf)
	r.n -= n
	r.parts[0].n -= n
	enough := len(r.buf)-r.n >= refill
	r.mu.Unlock()
	if enough {
		r.freed.raise()
	}
}
