package audio

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ramp is PCM of which no two samples are alike, for so long.
func ramp(d time.Duration) []byte {
	var b []byte
	for i := range soundBytes(d) / sampleSize {
		b = binary.LittleEndian.AppendUint32(b, uint32(i+1))
	}
	return b
}

// sounds is an output under test, with what it sounded.
type sounds struct {
	Output
	heard func() []byte // what sounded, without silence; nil where it cannot be known
	clock bool          // it sounds in real time
}

// outputs makes one of each kind.
func outputs(t *testing.T) map[string]func() sounds {
	return map[string]func() sounds{
		"null": func() sounds { return sounds{Output: NewNull(), clock: true} },
		"ring": func() sounds {
			c := newCard()
			return sounds{c, c.sounded, true}
		},
		"writer": func() sounds {
			var b bytes.Buffer
			return sounds{NewWriter(&b), func() []byte { return b.Bytes() }, false}
		},
		"wav": func() sounds {
			path := filepath.Join(t.TempDir(), "x.wav")
			o, err := CreateWAV(path)
			if err != nil {
				t.Fatal(err)
			}
			return sounds{o, func() []byte {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				return b[wavHeaderSize:]
			}, false}
		},
	}
}

// forEach runs a claim about outputs in virtual time for each kind.
func forEach(t *testing.T, f func(t *testing.T, o sounds)) {
	for name, open := range outputs(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, open()) })
		})
	}
}

// write writes in steps of a frame.
func write(t *testing.T, o Output, pcm []byte) {
	t.Helper()
	for len(pcm) > 0 {
		n := min(len(pcm), frameBytes)
		if err := o.Write(t.Context(), pcm[:n]); err != nil {
			t.Fatal(err)
		}
		pcm = pcm[n:]
	}
}

func stuttered(t *testing.T, o Output, n int, from, to time.Duration) {
	t.Helper()
	if got, silence := o.Stutters(); got != n || silence < from || silence > to {
		t.Errorf("%d stutters of %v, want %d of %v to %v", got, silence, n, from, to)
	}
}

func TestOutputsSoundEverySampleOnce(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		begin := time.Now()
		pcm := ramp(2500 * time.Millisecond)
		write(t, o, pcm[:40]) // ten samples, as after a trim
		write(t, o, pcm[40:])
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		stuttered(t, o, 0, 0, 0)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		if o.heard != nil && !bytes.Equal(o.heard(), pcm) {
			t.Errorf("%d bytes sounded, of %d", len(o.heard()), len(pcm))
		}
		if o.clock && (took < 2500*time.Millisecond || took > 2600*time.Millisecond) {
			t.Errorf("2.5 s took %v", took)
		}
		if !o.clock && took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestOutputsTellWhatWasLate(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		defer o.Close()
		if _, file := o.Output.(*wav); file {
			return // nothing is late there
		}
		begin := time.Now()
		late := func() {
			// A live source: what was written has sounded, and then some.
			write(t, o, ramp(time.Second))
			time.Sleep(time.Until(begin.Add(time.Since(begin).Truncate(3*time.Second) + 3*time.Second)))
		}
		late()
		late()
		write(t, o, ramp(time.Second))
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		stuttered(t, o, 2, 3800*time.Millisecond, 4100*time.Millisecond)

		// After a drain there may be any pause.
		time.Sleep(10 * time.Second)
		write(t, o, ramp(time.Second))
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		stuttered(t, o, 2, 3800*time.Millisecond, 4100*time.Millisecond)
	})
}

func TestAShortSoundSoundsOnDrain(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		pcm := ramp(time.Millisecond)
		write(t, o, pcm)
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		stuttered(t, o, 0, 0, 0)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		if o.heard != nil && !bytes.Equal(o.heard(), pcm) {
			t.Errorf("%d bytes sounded", len(o.heard()))
		}
	})
}

func TestOutputsEndWithTheirContext(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		defer o.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if o.clock {
			if err := o.Write(ctx, ramp(5*time.Second)); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if err := o.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		<-ctx.Done()
		if err := o.Write(ctx, ramp(time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(begin); took != 300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

func TestOutputsRefuseHalfASampleAndWritesAfterClose(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		if err := o.Write(t.Context(), make([]byte, 6)); !errors.Is(err, errHalfSample) {
			t.Error(err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
		if err := o.Write(t.Context(), make([]byte, 8)); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		if err := o.Drain(t.Context()); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		if _, card := o.Output.(*card); card {
			return
		}
		if err := o.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
}

func TestOutputsThatCannotBeOpened(t *testing.T) {
	for spec, want := range map[string]string{
		"loud": `no output "loud"`, "": "no output", "wav:": "no output", "wav:/dev/null": "not a regular file",
		"wav:" + filepath.Join(t.TempDir(), "no/such/folder/x.wav"): "no such file",
	} {
		if _, err := OpenOutput(spec, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", spec, err)
		}
	}
}
