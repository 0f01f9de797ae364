//go:build cgo

package device

import (
	"context"
	"sync"
	"time"
)

// tail is what a sound server may hold of the last sound, beside what the card does:
// PipeWire's usual period, twice.
const tail = 50 * time.Millisecond

// Device is an open sound card with its ring.
type Device struct {
	Ring
	options Options
	cancel  context.CancelFunc
	work    sync.WaitGroup

	mu    sync.Mutex
	until time.Time // when what was read of the ring has sounded
}

// Open opens the sound card and sounds what is written to the ring. It can be
// called once in the life of a process: oto has one context, whatever comes of
// it. While it runs, what the process writes to stderr is lost, as ALSA would say
// there that it found no card. The error is ErrNoDevice if there is none.
func Open(ctx context.Context, ring Ring, o Options) (*Device, error) {
	c, err := openCard(ctx, o.Name)
	if err != nil {
		return nil, err
	}
	d := &Device{Ring: ring, options: o}
	running, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.work.Go(func() { d.run(running, c) })
	return d, nil
}

// run plays on a card, and on another when that is lost, until ctx ends.
func (d *Device) run(ctx context.Context, c *card) {
	playing, stop := context.WithCancel(ctx)
	c.play(func(p []byte) bool { return d.next(playing, p) })
	lost := c.lost(ctx)
	stop() // oto's reader may still wait for sound
	for lost != nil {
		d.tell(lost)
		h := d.await(ctx)
		if h == nil {
			return
		}
		d.tell(nil)
		lost = h.play(ctx, d.next)
	}
}

// tell passes word on.
func (d *Device) tell(lost error) {
	if d.options.Tell != nil {
		d.options.Tell(lost)
	}
}

// await returns another process that has a card, once there is one; until then sound
// goes nowhere. nil where ctx ends.
func (d *Device) await(ctx context.Context) *helper {
	silent, stop := context.WithCancel(ctx)
	var clock sync.WaitGroup
	clock.Go(func() { d.Discard(silent) })
	defer clock.Wait()
	defer stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-retry.C:
		}
		if d.options.Helper != nil {
			if h, err := startHelper(ctx, d.options.Helper); err == nil {
				return h
			}
		}
		retry.Reset(retryTime)
	}
}

// next reads the ring, and notes when what it read will have sounded: once the card has got
// rid of what it holds.
func (d *Device) next(ctx context.Context, p []byte) bool {
	sound, ok := d.Next(ctx, p)
	if sound == 0 {
		return ok
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if begin := time.Now().Add(cardTime); d.until.Before(begin) {
		d.until = begin
	}
	d.until = d.until.Add(time.Duration(sound/sampleSize) * time.Second / sampleRate)
	return ok
}

// held tells how much of what was read has not sounded.
func (d *Device) held() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(0, time.Until(d.until))
}

// Unheard adds what oto and the card hold.
func (d *Device) Unheard() time.Duration { return d.Ring.Unheard() + d.held() }

// Drain returns when the last sample has sounded.
func (d *Device) Drain(ctx context.Context) error {
	if err := d.Ring.Drain(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(d.held() + tail)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the sound. oto keeps the card, silent, until the process ends.
func (d *Device) Close() error {
	err := d.Ring.Close()
	d.cancel()
	d.work.Wait()
	return err
}
