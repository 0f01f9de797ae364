// Package device sounds PCM on the machine's sound card, through
// github.com/ebitengine/oto. It is a package of its own since oto needs cgo and,
// on Linux, ALSA: without cgo the program builds all the same, and [Open] says
// that there is no sound output.
//
// oto reads from one goroutine and stops all sound while a read waits. So it is
// given a ring (audio.Ring) that never lets it wait; everything else, gapless
// playing and stutters included, happens at the ring's other end.
package device

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrNoDevice means that there is nothing to sound on: no sound card, or a
// program that was built without sound output.
var ErrNoDevice = errors.New("no sound output")

// Ring is where a device takes PCM from, signed 16-bit little-endian, stereo, at
// 44.1 kHz. Read never waits. Fail makes Write and Drain return the error.
// *audio.Ring is one.
type Ring interface {
	io.Reader
	Write(ctx context.Context, pcm []byte) error
	Drain(ctx context.Context) error
	Stutters() (n int, silence time.Duration)
	Fail(err error)
	Close() error
}
