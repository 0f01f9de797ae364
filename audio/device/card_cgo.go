//go:build cgo

package device

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ebitengine/oto/v3"
)

const (
	sampleRate = 44100
	sampleSize = 4 // bytes

	// playerBuffer is how much oto holds ready of the ring, in bytes: ALSA's next
	// period as oto sets it, 1024 samples, 23 ms. With less it would put silence into each; more
	// would delay what follows a pause or a flush. Its own default is 500 ms.
	playerBuffer = 1024 * sampleSize

	// cardTime is how much the card holds: oto gives ALSA two periods, and keeps
	// them filled. Half of it would spare a key press 23 ms on its way to the ear,
	// and turn an ordinary delay of a busy machine into a stutter.
	cardTime = 2 * 1024 * time.Second / sampleRate

	// lossPeriod is how often the card is checked for having been lost. Nobody
	// tells, and a listener should hear of it before wondering.
	lossPeriod = 250 * time.Millisecond

	// restAfter is how long nothing sounds before the card is given no more silence either:
	// longer than a skip takes, so that what a key asks for finds it running.
	restAfter = 250 * time.Millisecond

	// openTime bounds the opening of the card. A sound card opens in some 10 ms;
	// a sound server that hangs never does.
	openTime = 5 * time.Second
)

// card is oto's one context.
type card struct {
	context *oto.Context
	source  *source
}

// openCard opens the sound card of a name. While it runs, what the process writes to
// stderr is lost, as ALSA would say there that it found no card. It is for once in the
// life of a process.
func openCard(ctx context.Context, name string) (*card, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	quiet, err := silenceStderr()
	if err != nil {
		return nil, fmt.Errorf("opening the sound card: %w", err)
	}
	defer quiet()
	hush()
	if name != "" {
		forget, err := choose(name)
		if err != nil {
			return nil, err
		}
		defer forget()
	}
	c, ready, err := oto.NewContext(&oto.NewContextOptions{
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
	if err := c.Err(); err != nil {
		return nil, &noCardError{err}
	}
	return &card{context: c}, nil
}

// play has the card sound what next gives, until next gives no more.
func (c *card) play(next func(p []byte) bool) {
	c.source = &source{next: next, context: c.context, silent: playerBuffer}
	c.source.idle = time.AfterFunc(restAfter, c.source.rest)
	c.source.idle.Stop()
	c.source.player = c.context.NewPlayer(c.source)
	c.source.player.SetBufferSize(playerBuffer)
	c.source.player.Play()
}

// lost returns why the card was lost, once it is; nil where ctx ends before.
func (c *card) lost(ctx context.Context) error {
	tick := time.NewTicker(lossPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := c.context.Err(); err != nil {
			return fmt.Errorf("the sound card is gone: %w", err)
		}
	}
}

// noCardError keeps what the system says, half a screen of device names, out of
// the words for people.
type noCardError struct{ cause error }

func (e *noCardError) Error() string { return ErrNoDevice.Error() + ": there is no sound card" }

func (e *noCardError) Unwrap() []error { return []error{ErrNoDevice, e.cause} }

// source is what oto reads: no further ahead than the next period. Where nothing is to
// sound, next keeps oto's reader waiting. oto then gives the card silence by
// itself, and has none at hand that the next sound would have to wait for.
// As there is one player, nothing else waits with it.
//
// After a while the card rests, as giving it silence costs as much as sound: it runs dry, and
// ALSA starts it again with the next sound.
type source struct {
	next    func(p []byte) bool // fills p; false: there is no more
	player  *oto.Player
	context *oto.Context
	silent  int         // bytes of silence that are still to be read first
	idle    *time.Timer // runs while next is waited for

	mu      sync.Mutex
	waiting bool // for next
	resting bool // the card does
}

// rest has the card rest, if there is still nothing to sound.
func (s *source) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting && !s.resting {
		s.resting = s.context.Suspend() == nil
	}
}

// await has next fill p, and the card sound it.
func (s *source) await(p []byte) bool {
	s.wait(true)
	s.idle.Reset(restAfter)
	ok := s.next(p)
	s.idle.Stop()
	s.wait(false)
	return ok
}

func (s *source) wait(waiting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = waiting
	if !waiting && s.resting {
		s.resting = false
		_ = s.context.Resume() // what a lost card says, lost tells
	}
}

// Read is called by oto's one reader.
func (s *source) Read(p []byte) (int, error) {
	if s.silent > 0 {
		// Play fills oto's buffer before it has its reader take part. That both
		// read at once would mix up what they read, so there is no sound in it.
		n := min(len(p), s.silent)
		s.silent -= n
		clear(p[:n])
		return n, nil
	}
	room := max(sampleSize, playerBuffer-s.player.BufferedSize())
	p = p[:min(len(p), room)]
	if !s.await(p) {
		return 0, io.EOF
	}
	return len(p), nil
}
