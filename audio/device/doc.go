// Package device sounds PCM on the machine's sound card, through
// github.com/ebitengine/oto. It is a package of its own since oto needs cgo and,
// on Linux, ALSA: without cgo the program builds all the same, and [Open] says
// that there is no sound output.
//
// oto reads from one goroutine and stops all sound while a read waits. So it is
// given a ring (audio.Ring) that lets it wait for nothing but the end of a pause;
// everything else, gapless playing and stutters included, happens at the ring's other end.
//
// What the card has been given cannot be called back: a pause or a flush is heard
// 46 ms later, and up to 23 more for what oto has read ahead.
//
// Where nothing sounds for a quarter of a second the card rests: silence costs as much as sound.
//
// # A card that goes away
//
// oto has one context for the life of a process, which ends with its card. So where a
// card is lost (a plug is pulled, a sound server ends), sound goes nowhere at the pace of
// a card, and every few seconds a process of this program is started, which
// opens what card there is ([Serve]). Once one has, it reads the same ring through two pipes.
package device

import (
	"context"
	"errors"
	"os/exec"
	"time"
)

// ErrNoDevice means that there is nothing to sound on: no sound card, or a
// program that was built without sound output.
var ErrNoDevice = errors.New("no sound output")

// Options say what to open, and how.
type Options struct {
	// Name is that of an ALSA device ("hw:1,0", "plughw:CARD=USB"; `aplay -L` lists them);
	// empty: the system's default.
	Name string

	// Tell is called with why the card was lost, and with nil when there is one again, from
	// one goroutine. May be nil.
	Tell func(lost error)

	// Helper makes the command that calls Serve, without its pipes, which ends when ctx does.
	// nil: a lost card does not come back.
	Helper func(ctx context.Context) *exec.Cmd
}

// Ring is where a device takes PCM from, signed 16-bit little-endian, stereo, at
// 44.1 kHz. Next fills p, waits only where nothing is to sound, tells how much of it is
// sound, and false once the ring or ctx has ended. Discard reads at the pace of a card until ctx ends.
// *audio.Ring is one.
type Ring interface {
	Next(ctx context.Context, p []byte) (sound int, ok bool)
	Discard(ctx context.Context)
	Write(ctx context.Context, pcm []byte) error
	Drain(ctx context.Context) error
	Pause(paused bool)
	Flush()
	Unheard() time.Duration
	Stutters() (n int, silence time.Duration)
	Close() error
}
