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

	// discardPeriod is how often Discard takes sound: as an ordinary sound card
	// does (1024 samples), and what a ring starts with. At half of it, waking costs a
	// third of what decoding does.
	discardPeriod = startTime
)

// Ring hands PCM from a writer, who waits, to a reader, who never waits for late
// sound: an output that something else reads at its own pace, such as a sound
// card. It holds 100 ms. Where sound is late the reader gets silence, and that is
// a stutter.
type Ring struct {
	changed chan struct{} // for the writer: there is room, or an end
	sounds  chan struct{} // for Next: there may be sound, or an end

	mu       sync.Mutex
	buf      []byte
	start, n int
	flushes  int // a Write that began before the last one is void
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
	return &Ring{
		changed: make(chan struct{}, 1), sounds: make(chan struct{}, 1),
		buf: make([]byte, soundBytes(ringTime)),
	}
}

// Write is as in Output.
func (r *Ring) Write(ctx context.Context, pcm []byte) error {
	if len(pcm)%sampleSize != 0 {
		return errHalfSample
	}
	r.mu.Lock()
	flushes := r.flushes
	r.mu.Unlock()
	for {
		n, err := r.put(pcm, flushes)
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

// put takes what there is room for; all, and throws it away, where there was a
// flush since so many.
func (r *Ring) put(pcm []byte, flushes int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	if r.flushes != flushes {
		return len(pcm), nil
	}
	r.ended = false
	n := 0
	for n < len(pcm) && r.n < len(r.buf) {
		end := (r.start + r.n) % len(r.buf)
		m := copy(r.buf[end:min(len(r.buf), end+len(r.buf)-r.n)], pcm[n:])
		r.n += m
		n += m
	}
	if r.state == idle && r.ready() {
		signal(r.sounds)
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
		signal(r.changed)
	}
}

// signal wakes the one who waits for c, now or when it next does.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
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
		signal(r.sounds) // for a sound shorter than startTime
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
	r.read(p)
	return len(p), nil
}

// Next is Read for a reader that wants no silence where none is due: it waits where
// nothing is to sound (before the first Write, in a pause, behind Drain and
// Flush), and so does not miss what comes next by what it has read ahead. It returns how
// much of p is sound; the rest is silence, for sound that is late. It returns
// false when the ring has ended, or ctx has.
func (r *Ring) Next(ctx context.Context, p []byte) (sound int, ok bool) {
	for {
		r.mu.Lock()
		if r.err != nil || ctx.Err() != nil {
			r.mu.Unlock()
			return 0, false
		}
		if r.state != idle && !r.paused || r.ready() {
			sound = r.read(p)
			if sound > 0 || r.state != idle {
				r.mu.Unlock()
				return sound, true
			}
		}
		r.mu.Unlock()
		select {
		case <-r.sounds:
		case <-ctx.Done():
		}
	}
}

// Discard reads at the pace of a sound card, and throws the sound away, until ctx ends.
// In a pause its clock stands: a program that waits for its user costs nothing.
func (r *Ring) Discard(ctx context.Context) {
	tick := time.NewTicker(discardPeriod)
	defer tick.Stop()
	begin, taken := time.Now(), int64(0)
	buf := make([]byte, soundBytes(ringTime))
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if r.rest(ctx) {
			begin, taken = time.Now(), 0
			continue
		}
		due := soundBytes(time.Since(begin)) - taken
		if most := int64(len(buf) / 2); due > most {
			// This clock was not run for so long that the writer, who waited
			// for it, could not have kept up either. It is set back.
			begin = begin.Add(soundTime(due - most))
			due = most
		}
		r.Read(buf[:due])
		taken += due
	}
}

// rest waits for the end of a pause, or of ctx. It reports whether there was a pause.
func (r *Ring) rest(ctx context.Context) (paused bool) {
	for {
		r.mu.Lock()
		now := r.paused && r.err == nil
		r.mu.Unlock()
		if !now {
			return paused
		}
		paused = true
		select {
		case <-r.sounds:
		case <-ctx.Done():
			return true
		}
	}
}

// read fills p and returns how much of it is sound. Hold mu.
func (r *Ring) read(p []byte) (sound int) {
	if r.ready() {
		sound = r.take(p)
		r.release()
	}
	clear(p[sound:])
	r.account(int64(len(p) - sound))
	return sound
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

// Pause is as in Output. The silence of a pause is no stutter.
func (r *Ring) Pause(paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = paused
	signal(r.sounds)
}

// Flush is as in Output: a Write or Drain that waits returns at once.
func (r *Ring) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n, r.state = 0, idle
	r.flushes++
	signal(r.changed)
}

// Unheard is as in Output: what the reader has not taken.
func (r *Ring) Unheard() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return soundTime(int64(r.n))
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
		signal(r.changed)
		signal(r.sounds)
	}
}
