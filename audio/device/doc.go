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
package device

import (
	"context"
	"errors"
	"time"
)

// ErrNoDevice means that there is nothing to sound on: no sound card, or a
// program that was built without sound output.
var ErrNoDevice = errors.New("no sound output")

// Ring is where a device takes PCM from, signed 16-bit little-endian, stereo, at
// 44.1 kHz. Next fills p, waits only where nothing is to sound, tells how much of it is
// sound, and false once the ring has ended. Fail makes Write and Drain return the
// error. *audio.Ring is one.
type Ring interface {
	Next(p []byte) (sound int, ok bool)
	Write(ctx context.Context, pcm []byte) error
	Drain(ctx context.Context) error
	Pause(paused bool)
	Flush()
	Unheard() time.Duration
	Stutters() (n int, silence time.Duration)
	Fail(err error)
	Close() error
}
