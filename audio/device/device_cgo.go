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

	// periodSize is ALSA's period as oto sets it: 1024 samples, 23 ms. Half of it
	// would spare a key press 12 ms on its way to the ear, and turn an ordinary
	// delay of a busy machine into a stutter.
	periodSize = 1024 * sampleSize

	// playerBuffer is how much oto holds ready of the ring, in bytes: the next
	// period. With less it would put silence into each; more would delay what
	// follows a pause or a flush. Its own default is 500 ms.
	playerBuffer = periodSize

	// cardTime is how much the card holds: oto gives ALSA two periods, and keeps
	// them filled.
	cardTime = 2 * 1024 * time.Second / sampleRate

	// tail is what a sound server may add to that: PipeWire's usual period, twice.
	tail = 50 * time.Millisecond

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
	source  *source
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
	d := &Device{Ring: ring, context: card, source: &source{ring: ring, silent: playerBuffer}, stop: make(chan struct{})}
	d.source.player = card.NewPlayer(d.source)
	d.source.player.SetBufferSize(playerBuffer)
	d.source.player.Play()
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

// Unheard adds what oto and the card hold.
func (d *Device) Unheard() time.Duration { return d.Ring.Unheard() + d.source.unheard() }

// Drain returns when the last sample has sounded.
func (d *Device) Drain(ctx context.Context) error {
	if err := d.Ring.Drain(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(d.source.unheard() + tail)
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
	return d.Ring.Close()
}
