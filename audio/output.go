package audio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Output takes PCM and sounds it. Write, Drain and Close come from one goroutine,
// the other methods from any, at any time.
type Output interface {
	// Write takes whole samples. It blocks while the output's buffer is full
	// and ends promptly, with ctx's error, when ctx does. It keeps nothing of pcm.
	Write(ctx context.Context, pcm []byte) error
	// Drain says that no more comes for now, and returns when all has sounded.
	Drain(ctx context.Context) error
	// Pause stops the sound, or has it go on, within one period of the device
	// (25 ms). What is buffered is kept, and Write blocks once no more fits.
	Pause(paused bool)
	// Flush drops what has not sounded, as far as it can be called back, for a
	// seek or a skip. A Write that blocks drops the rest of what it was given and
	// returns as if it were written. What is written next sounds within one period.
	Flush()
	// Unheard tells how much was written and has not sounded.
	Unheard() time.Duration
	// Stutters tells how often the output ran dry between the first Write, or
	// the first one after Flush, and Drain, and for how long in all.
	Stutters() (n int, silence time.Duration)
	// Close ends the output at once; what has not sounded is lost.
	Close() error
}

var (
	errClosed     = errors.New("the output is closed")
	errHalfSample = errors.New("PCM ends within a sample")
)

// OpenOutput opens the output that spec names: "null"; "stdout", which is the
// writer given; "pipe:COMMAND" or "wav:FILE". A device is opened by package device.
func OpenOutput(spec string, stdout io.Writer) (Output, error) {
	kind, arg, _ := strings.Cut(spec, ":")
	switch {
	case spec == "null":
		return NewNull(), nil
	case spec == "stdout":
		return NewWriter(stdout), nil
	case kind == "pipe" && arg != "":
		return StartPipe(arg)
	case kind == "wav" && arg != "":
		return CreateWAV(arg)
	}
	return nil, fmt.Errorf("there is no output %q: use device, stdout, null, pipe:COMMAND or wav:FILE", spec)
}

// soundTime is how long so many bytes of PCM sound.
func soundTime(n int64) time.Duration { return samplesTime(n/sampleSize, SampleRate) }

// soundBytes is how many bytes of PCM sound so long, whole samples.
func soundBytes(d time.Duration) int64 {
	return (int64(d/time.Second)*SampleRate + int64(d%time.Second*SampleRate/time.Second)) * sampleSize
}
