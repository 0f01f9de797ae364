package player

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// fakeOutput sounds in virtual time from a buffer of outputBuffer, and keeps
// what was heard of what it was given.
type fakeOutput struct {
	fails error

	mu      sync.Mutex
	got     []byte
	buffer  int       // bytes of got that have not sounded, at since
	since   time.Time // when the buffer was counted
	first   time.Time // when sound came first
	idle    bool      // drained or flushed: running dry is right
	paused  bool
	flushes int
	changed chan struct{} // closed when paused or flushes change
	dryAt   time.Time     // when it ran dry
	last    time.Time     // when the newest sound came

	stutters int
	stutter  time.Duration
}

const outputBuffer = 50 * time.Millisecond

// tick counts what has sounded by now. Hold mu.
func (o *fakeOutput) tick() {
	now := time.Now()
	if o.changed == nil {
		o.changed, o.idle = make(chan struct{}), true
	}
	if !o.paused && o.buffer > 0 {
		n := min(o.buffer, int(float64(now.Sub(o.since))*secondSize/float64(time.Second)+0.5))
		if n == o.buffer {
			o.dryAt = o.since.Add(soundTime(int64(n)))
		}
		o.buffer -= n
	}
	o.since = now
}

func (o *fakeOutput) Write(ctx context.Context, pcm []byte) error {
	if o.fails != nil {
		return o.fails
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	o.mu.Lock()
	o.tick()
	now := time.Now()
	if o.first.IsZero() {
		o.first = now
	}
	if o.buffer == 0 && !o.idle && now.After(o.dryAt) {
		o.stutters++
		o.stutter += now.Sub(o.dryAt)
	}
	o.idle, o.last = false, now
	o.got = append(o.got, pcm...)
	o.buffer += len(pcm)
	o.mu.Unlock()
	err := o.wait(ctx, outputBuffer)
	if err != nil { // then none of it counts
		o.mu.Lock()
		o.got = o.got[:len(o.got)-len(pcm)]
		o.mu.Unlock()
	}
	return err
}

// wait waits until no more than so much has not sounded, or a flush.
func (o *fakeOutput) wait(ctx context.Context, left time.Duration) error {
	for flushes := -1; ; {
		o.mu.Lock()
		o.tick()
		if flushes < 0 {
			flushes = o.flushes
		}
		wait, changed := soundTime(int64(o.buffer))-left, o.changed
		if wait <= 0 || o.flushes != flushes {
			o.mu.Unlock()
			return nil
		}
		if o.paused {
			wait = 24 * time.Hour
		}
		o.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

func (o *fakeOutput) Drain(ctx context.Context) error {
	o.mu.Lock()
	o.tick()
	o.idle = true
	o.mu.Unlock()
	return o.wait(ctx, 0)
}

func (o *fakeOutput) Stutters() (int, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stutters, o.stutter
}

func (o *fakeOutput) Pause(paused bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	o.paused = paused
	o.signal()
}

func (o *fakeOutput) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	o.got = o.got[:len(o.got)-o.buffer]
	o.buffer, o.idle = 0, true
	o.flushes++
	o.signal()
}

// signal wakes who waits. Hold mu.
func (o *fakeOutput) signal() {
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *fakeOutput) Unheard() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	return soundTime(int64(o.buffer))
}

// heard returns what has sounded.
func (o *fakeOutput) heard() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick()
	return bytes.Clone(o.got[:len(o.got)-o.buffer])
}
