//go:build cgo

package device

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ebitengine/oto/v3"
)

const (
	sampleRate = 44100
	sampleSize = 4 // bytes

	// playerBuffer is how much oto holds ready of the ring, at least, in bytes: two
	// of ALSA's periods of 1024 samples, 46 ms. A card may take two in a row, and
	// with less oto would put silence between them. Its own 500 ms would delay the
	// first sound, and what is paused or ended would go on as long.
	playerBuffer = 2 * 1024 * sampleSize

	// tail is how long the last sample takes from the ring to the ear: oto holds
	// up to two of its buffers (93 ms), ALSA two periods (46 ms), and a sound
	// server some more.
	tail = 200 * time.Millisecond

	// lossPeriod is how often the device is checked for having been lost. Nobody
	// tells, and a listener should hear of it before wondering.
	lossPeriod = 250 * time.Millisecond

	// openTime bounds the opening of the device. A sound card opens in some 10 ms;
	// a sound server that hangs never does.
	openTime = 5 * time.Second
)

// Device is an open sound card with its ring.
type Device struct {
	Ring
	context *oto.Context
	player  *oto.Player
	stop    chan struct{}
	once    sync.Once
	work    sync.WaitGroup
}

// Open opens the sound card and sounds what is written to the ring. It can be
// called once in the life of a process: oto has one context, whatever comes of
// it. While it runs, what the process writes to stderr is lost, as ALSA would say
// there that it found no card. The error is ErrNoDevice if there is none.
func Open(ctx context.Context, ring Ring) (*Device, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	quiet, err := silenceStderr()
	if err != nil {
		return nil, fmt.Errorf("opening the sound card: %w", err)
	}
	defer quiet()
	card, ready, err := oto.NewContext(&oto.NewContextOptions{
		SampleRate: sampleRate, ChannelCount: 2, Format: oto.FormatSignedInt16LE,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the sound card: %w", err)
	}
	select {
	case <-ready:
	case <-ctx.Done():
		return nil, fmt.Errorf("opening the sound card: %w", ctx.Err())
	}
	if err := card.Err(); err != nil {
		return nil, &noCardError{err}
	}
	d := &Device{Ring: ring, context: card, player: card.NewPlayer(ring), stop: make(chan struct{})}
	d.player.SetBufferSize(playerBuffer)
	d.player.Play()
	d.work.Go(d.watch)
	return d, nil
}

// noCardError keeps what the system says, half a screen of device names, out of
// the words for people.
type noCardError struct{ cause error }

func (e *noCardError) Error() string { return ErrNoDevice.Error() + ": there is no sound card" }

func (e *noCardError) Unwrap() []error { return []error{ErrNoDevice, e.cause} }

// watch ends the ring when the device is lost.
func (d *Device) watch() {
	tick := time.NewTicker(lossPeriod)
	defer tick.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-tick.C:
		}
		if err := d.context.Err(); err != nil {
			d.Fail(fmt.Errorf("the sound card is gone: %w", err))
			return
		}
	}
}

// Drain returns when the last sample has sounded.
func (d *Device) Drain(ctx context.Context) error {
	if err := d.Ring.Drain(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(tail)
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
	d.once.Do(func() { close(d.stop) })
	d.work.Wait()
	d.player.Pause()
	return d.Ring.Close()
}
