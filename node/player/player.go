package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// PCM is signed 16-bit little-endian, stereo, at 44.1 kHz, from the decoder to
// the output.
const (
	sampleRate = 44100
	sampleSize = 4 // bytes: two channels
	secondSize = sampleRate * sampleSize
)

const (
	// stepSize is how much is decoded and written at once, in bytes: the 1152
	// samples of an MPEG-1 layer III frame, 26 ms. More would delay the first
	// sample; less would only cost more calls.
	stepSize = 1152 * sampleSize

	// ringSize is how much is decoded ahead, in bytes: 1 s. It covers a pause
	// of the scheduler or of a disk. What a network needs is buffered before the
	// decoder, as encoded bytes; more here would make the source's deadlines
	// earlier than they are.
	ringSize = secondSize

	// refill is how much of a full ring is free before more is decoded: waking
	// for each frame would cost as much as decoding it.
	refill = ringSize / 4

	// prefetchPeers and prefetchHead are how much is left of a track when the
	// next one is fetched from peers, and its head from anyone: the rules of
	// Kreitz and Niemela, IEEE P2P 2010, section III-C.
	prefetchPeers = 30 * time.Second
	prefetchHead  = 10 * time.Second

	// openNext is how much is left of a track when the next one is opened. Its
	// head has had 5 s to come by then; and 5 s hold an open with a lost packet
	// or two and a connection made anew.
	openNext = 5 * time.Second

	// newsGrace is how long the last reports may take once playing is over. A
	// node answers in a millisecond; one that hangs must not hold up Ctrl-C.
	newsGrace = 500 * time.Millisecond
)

// Output takes PCM in whole samples. Write blocks while its buffer is full, and
// Drain until what it took has sounded; both end promptly when ctx does. Pause
// stops the sound, or has it go on, within one period of the device, and keeps what is
// buffered; Flush drops that, and what a Write that blocks still holds. Unheard
// tells how much was written and has not sounded. Stutters tells how often, and for
// how long in all, it ran dry between the first sample, or the first one after Flush,
// and Drain. Write and Drain come from one goroutine, the others from any.
type Output interface {
	Write(ctx context.Context, pcm []byte) error
	Drain(ctx context.Context) error
	Pause(paused bool)
	Flush()
	Unheard() time.Duration
	Stutters() (n int, total time.Duration)
}

// Decoder gives the PCM of one track. Read returns whole samples, as soon as it
// has any, and io.EOF at the end; Seek makes it go on with the sample at t.
type Decoder interface {
	Read(pcm []byte) (int, error)
	Seek(t time.Duration) error
}

// Config says what to play, and how.
type Config struct {
	Source control.Source
	Output Output
	Queue  []protocol.ID
	From   time.Duration // where to begin in the first track

	// Started is the moment of the play request, from which the first playback
	// latency counts: the start of the process, say. Zero means now.
	Started time.Time

	// Events is called with what happens, in order, from one goroutine; a slow
	// one misses progress but delays nothing. May be nil.
	Events func(Event)

	// Decode makes a decoder of a track's bytes. It may read and seek in src,
	// whose reads wait until bytes are there.
	Decode func(src io.ReadSeeker, h protocol.Header) (Decoder, error)
}

// Result is how the play of one track went. The JSON names are a contract.
type Result struct {
	ID protocol.ID `json:"id"`
	// LatencyMS is from the play request to the first sample handed to the
	// output; for a track that follows another, from that one's last sample.
	LatencyMS float64 `json:"playback_latency_ms"`
	Stutters  int     `json:"stutters"`
	StutterMS float64 `json:"stutter_ms"`
	control.Shares
	SecondsPlayed float64 `json:"seconds_played"`

	Err error `json:"-"` // why it ended early, if it did
}

// EventKind says what happened.
type EventKind int

// The kinds of event. A track is EventStarted once it sounds, and then
// EventEnded or EventFailed; one that never sounds is EventFailed alone.
const (
	EventStarted  EventKind = iota // the first sample was handed over
	EventProgress                  // another second was
	EventWaiting                   // nothing that can be reached holds the rest; Err says more
	EventResumed                   // something does again
	EventEnded                     // played to its end, or to the end of the context
	EventFailed                    // cannot be played, or not on; Err says why
)

// Event tells of one track.
type Event struct {
	Kind     EventKind
	Index    int            // in the queue
	Track    protocol.Track // the ID alone where it could not be opened
	Position time.Duration  // of what was heard, in the track
	Result   Result         // so far; zero unless the track sounds
	Err      error
}

// Play plays the queue and returns how each track that sounded went, in order.
// It returns early, with ctx's error, when ctx ends, and when the output fails.
// Tracks that fail are passed over; it is an error only if all do. The output
// stays open.
func Play(ctx context.Context, cfg Config) ([]Result, error) {
	if cfg.Started.IsZero() {
		cfg.Started = time.Now()
	}
	if len(cfg.Queue) == 0 {
		return nil, errors.New("nothing to play")
	}
	play, cancel := context.WithCancel(ctx)
	defer cancel()
	p := newPlayback(ctx, cfg)
	p.work.Go(func() { p.decode(play) })
	err := p.sound(play)
	cancel()
	p.work.Wait()
	p.finish()

	switch {
	case ctx.Err() != nil:
		return p.results, ctx.Err()
	case err != nil:
		return p.results, err
	case len(p.failures) == len(cfg.Queue) && len(cfg.Queue) == 1:
		return p.results, p.failures[0]
	case len(p.failures) == len(cfg.Queue):
		return p.results, fmt.Errorf("none of the %d tracks played to its end; the first: %w", len(cfg.Queue), p.failures[0])
	}
	return p.results, nil
}
