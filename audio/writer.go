package audio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// cardTime is what the player at the other end of a pipe is taken to hold: as
// much as a sound card's smallest usual buffer. It starts to sound that long after
// the first sample came, and so misses one that comes by then.
const cardTime = 50 * time.Millisecond

// writer passes PCM on to an io.Writer, unbuffered.
type writer struct {
	gate
	w    io.Writer
	work chan []byte // to the goroutine that writes
	done chan error  // its answer to each
	buf  []byte      // what it works on
	fail error
	hung bool // w did not return by the end of a context

	clock    sync.Mutex
	dry      time.Time // when the other end runs dry; zero: it has not started
	stutters int
	silence  time.Duration
}

// NewWriter returns an output that passes PCM to w as it comes: a pipe, say. It
// goes as fast as w takes it. A stutter is a sample that comes later than a
// sound card of 50 ms would need it that started with the first one; the time
// that w itself takes does not count.
//
// Writes to w cannot be broken off: where a context ends during one, Write
// returns and w is left to a goroutine that ends with it.
func NewWriter(w io.Writer) Output {
	o := &writer{w: w, work: make(chan []byte), done: make(chan error, 1)}
	go o.run() // it ends with Close, which waits for it unless w hangs
	return o
}

func (o *writer) run() {
	defer close(o.done)
	for b := range o.work {
		n, err := o.w.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		o.done <- err
	}
}

func (o *writer) Write(ctx context.Context, pcm []byte) error {
	switch {
	case len(pcm)%sampleSize != 0:
		return errHalfSample
	case o.fail != nil:
		return o.fail
	case len(pcm) == 0:
		return ctx.Err()
	}
	if on, err := o.pass(ctx); !on || err != nil {
		return err
	}
	o.arrive()
	// A copy: the caller's memory is its own again where ctx ends.
	o.buf = append(o.buf[:0], pcm...)
	o.work <- o.buf
	select {
	case err := <-o.done:
		if err != nil {
			o.fail = fmt.Errorf("writing PCM: %w", err)
		}
	case <-ctx.Done():
		o.fail, o.hung = ctx.Err(), true
	}
	o.left(len(pcm))
	return o.fail
}

// arrive counts the stutter that PCM which comes now ends.
func (o *writer) arrive() {
	now := time.Now()
	o.clock.Lock()
	defer o.clock.Unlock()
	if o.dry.IsZero() {
		o.dry = now.Add(cardTime)
	}
	if late := now.Sub(o.dry); late > 0 {
		o.stutters++
		o.silence += late
		o.dry = now.Add(cardTime)
	}
}

// left counts PCM that was passed on.
func (o *writer) left(n int) {
	now := time.Now()
	o.clock.Lock()
	defer o.clock.Unlock()
	o.dry = o.dry.Add(soundTime(int64(n)))
	if now.After(o.dry) {
		o.dry = now.Add(cardTime) // the other end did not want it sooner
	}
}

// Pause has Write wait. What w holds sounds all the same.
func (o *writer) Pause(paused bool) {
	o.gate.Pause(paused)
	o.rest()
}

// Flush cannot call back what w took.
func (o *writer) Flush() {
	o.gate.Flush()
	o.rest()
}

// Unheard is none: what w took counts as heard, as nobody tells how much of it
// waits at the other end.
func (o *writer) Unheard() time.Duration { return 0 }

// rest says that the other end may run dry.
func (o *writer) rest() {
	o.clock.Lock()
	defer o.clock.Unlock()
	o.dry = time.Time{}
}

// Drain has nothing to wait for: all is in the pipe.
func (o *writer) Drain(ctx context.Context) error {
	o.rest()
	if o.fail != nil {
		return o.fail
	}
	return ctx.Err()
}

func (o *writer) Stutters() (int, time.Duration) {
	o.clock.Lock()
	defer o.clock.Unlock()
	return o.stutters, o.silence
}

// Close does not close the io.Writer.
func (o *writer) Close() error {
	if errors.Is(o.fail, errClosed) {
		return nil
	}
	o.fail = errClosed
	close(o.work)
	for !o.hung {
		if _, ok := <-o.done; !ok {
			break
		}
	}
	return nil
}
