package audio

import (
	"context"
	"sync"
	"time"
)

const (
	// ringTime is how much sound a Ring holds: a sound card's reader and its
	// writer may be kept waiting by the scheduler or the garbage collector for
	// that long. It is played late by as much after a pause, so no longer.
	ringTime = 100 * time.Millisecond

	// startTime is how much there must be before sound starts, and starts again
	// after a stutter: the second frame, which may come some milliseconds behind
	// the first. A longer time would delay the first sound.
	startTime = 20 * time.Millisecond
)

// Ring hands PCM from a writer, who waits, to a reader, who never does: an output
// that something else reads at its own pace, such as a sound card. It holds 100 ms.
// Where sound is late the reader gets silence, and that is a stutter.
type Ring struct {
	changed chan struct{} // for the writer: there is room, or an end

	mu       sync.Mutex
	buf      []byte
	start, n int
	state    ringState
	ended    bool // Drain was called: running dry is right
	paused   bool
	err      error

	stutters int
	silence  int64 // bytes of it
}

type ringState int

const (
	idle    ringState = iota // nothing was written, or all was drained
	playing                  // the reader gets sound
	dry                      // the reader gets silence, which is a stutter
)

// NewRing returns an empty ring.
func NewRing() *Ring {
	return &Ring{changed: make(chan struct{}, 1), buf: make([]byte, soundBytes(ringTime))}
}

// Write is as in Output.
func (r *Ring) Write(ctx context.Context, pcm []byte) error {
	if len(pcm)%sampleSize != 0 {
		return errHalfSample
	}
	for {
		n, err := r.put(pcm)
		if err != nil {
			return err
		}
		if pcm = pcm[n:]; len(pcm) == 0 {
			return ctx.Err()
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
}

// put takes what there is room for.
func (r *Ring) put(pcm []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	r.ended = false
	n := 0
	for n < len(pcm) && r.n < len(r.buf) {
		end := (r.start + r.n) % len(r.buf)
		m := copy(r.buf[end:min(len(r.buf), end+len(r.buf)-r.n)], pcm[n:])
		r.n += m
		n += m
	}
	return n, nil
}

// wait waits until the reader took something or the ring was closed.
func (r *Ring) wait(ctx context.Context) error {
	select {
	case <-r.changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release wakes the writer when half of the ring is free, or all of it where it
// drains. Waking it for each read of a sound card would cost more than decoding.
func (r *Ring) release() {
	if r.n == 0 || !r.ended && r.n <= len(r.buf)/2 {
		r.signal()
	}
}

func (r *Ring) signal() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Drain is as in Output: it returns when the reader has taken everything.
func (r *Ring) Drain(ctx context.Context) error {
	for {
		r.mu.Lock()
		r.ended = true
		n, err := r.n, r.err
		r.mu.Unlock()
		if err != nil || n == 0 {
			return err
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
}

// Read fills p, at once and always: with silence where there is no sound.
func (r *Ring) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	if r.ready() {
		n = r.take(p)
		r.release()
	}
	clear(p[n:])
	r.account(int64(len(p) - n))
	return len(p), nil
}

// ready reports whether the reader gets sound.
func (r *Ring) ready() bool {
	if r.paused || r.n == 0 {
		return false
	}
	return r.state == playing || r.ended || r.n >= int(soundBytes(startTime))
}

func (r *Ring) take(p []byte) (n int) {
	r.state = playing
	for n < len(p) && r.n > 0 {
		m := copy(p[n:], r.buf[r.start:min(len(r.buf), r.start+r.n)])
		r.start = (r.start + m) % len(r.buf)
		r.n -= m
		n += m
	}
	return n
}

// account counts bytes of silence given.
func (r *Ring) account(silence int64) {
	if r.ended && r.n == 0 {
		r.state = idle
	}
	if silence == 0 || r.paused || r.state == idle {
		return
	}
	if r.state == playing {
		r.state = dry
		r.stutters++
	}
	r.silence += silence
}

// Stutters is as in Output.
func (r *Ring) Stutters() (int, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stutters, soundTime(r.silence)
}

// SetPaused stops the sound, or has it go on with the next sample. The silence
// of a pause is no stutter.
func (r *Ring) SetPaused(paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = paused
}

// Close is as in Output: the reader gets silence from now on.
func (r *Ring) Close() error {
	r.Fail(errClosed)
	return nil
}

// Fail ends the ring: Write and Drain return err. Only the first call counts.
func (r *Ring) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
		r.n, r.ended = 0, true
		r.signal()
	}
}
