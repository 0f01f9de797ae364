package audio

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// card is a sound card that reads a ring, and keeps what is not silence.
type card struct {
	*Ring
	stop, done chan struct{}
	got        []byte
}

func newCard() *card {
	c := &card{Ring: NewRing(), stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		p := make([]byte, soundBytes(20*time.Millisecond))
		for {
			select {
			case <-c.stop:
				return
			case <-tick.C:
			}
			c.Read(p)
			for i := 0; i < len(p); i += sampleSize {
				if s := p[i : i+sampleSize]; !bytes.Equal(s, []byte{0, 0, 0, 0}) {
					c.got = append(c.got, s...)
				}
			}
		}
	}()
	return c
}

func (c *card) Close() error {
	err := c.Ring.Close()
	close(c.stop)
	<-c.done
	return err
}

func (c *card) sounded() []byte { return c.got }

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

// period is how soon an output obeys.
const period = 25 * time.Millisecond

func TestAPauseKeepsEverySampleAndIsNoStutter(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		pcm := ramp(2 * time.Second)
		written := make(chan time.Time)
		go func() {
			write(t, o, pcm)
			if err := o.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			written <- time.Now()
		}()
		begin := time.Now()
		if o.clock {
			time.Sleep(time.Second)
		}
		o.Pause(true)
		o.Pause(true)
		time.Sleep(period)
		unheard := o.Unheard()
		time.Sleep(10 * time.Second)
		if o.Unheard() < unheard {
			t.Errorf("%v of %v are left unheard in a pause", o.Unheard(), unheard)
		}
		o.Pause(false)
		took := (<-written).Sub(begin)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		stuttered(t, o, 0, 0, 0)
		if o.heard != nil && !bytes.Equal(o.heard(), pcm) {
			t.Errorf("%d bytes sounded, of %d", len(o.heard()), len(pcm))
		}
		if o.clock && (took < 12*time.Second || took > 12*time.Second+100*time.Millisecond) {
			t.Errorf("2 s with a pause of 10 s took %v", took)
		}
	})
}

func TestAPausedOutputStillEndsWithItsContext(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		defer o.Close()
		o.Pause(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if err := o.Write(ctx, ramp(time.Second)); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestAFlushDropsWhatHasNotSounded(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		before, after := ramp(time.Second), ramp(2*time.Second)
		after = after[len(before):]
		o.Pause(true)
		dropped := make(chan error)
		go func() { dropped <- o.Write(t.Context(), before) }() // more than any buffer holds
		time.Sleep(time.Second)
		o.Flush()
		if err := <-dropped; err != nil {
			t.Errorf("what a flush drops fails: %v", err)
		}
		if o.Unheard() != 0 {
			t.Errorf("%v unheard behind a flush", o.Unheard())
		}
		o.Pause(false)
		time.Sleep(time.Minute) // the next track may take its time
		write(t, o, after)
		if err := o.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		stuttered(t, o, 0, 0, 0)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		if o.heard != nil && !bytes.Equal(o.heard(), after) {
			t.Errorf("%d bytes sounded, of %d", len(o.heard()), len(after))
		}
	})
}

func TestAFlushEndsADrain(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		defer o.Close()
		begin := time.Now()
		write(t, o, ramp(50*time.Millisecond))
		o.Pause(o.clock) // the others have sounded it
		drained := make(chan error)
		go func() { drained <- o.Drain(t.Context()) }()
		time.Sleep(time.Second)
		o.Flush()
		if err := <-drained; err != nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestWhatIsWrittenSoundsWithinAPeriod(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		defer o.Close()
		sounds := func(when string) {
			t.Helper()
			pcm := ramp(2 * period)
			write(t, o, pcm)
			time.Sleep(period)
			if o.Unheard() >= 2*period {
				t.Errorf("%s nothing sounds a period later", when)
			}
		}
		time.Sleep(7 * time.Millisecond) // out of step with any clock
		sounds("at first")
		o.Flush()
		sounds("after a flush")
		o.Drain(t.Context())
		time.Sleep(time.Minute)
		sounds("after a drain")
	})
}

func TestUnheardIsWhatTheOutputHolds(t *testing.T) {
	forEach(t, func(t *testing.T, o sounds) {
		defer o.Close()
		begin := time.Now()
		pcm := ramp(3 * time.Second)
		for n := 0; n < len(pcm); n += frameBytes {
			write(t, o, pcm[n:min(n+frameBytes, len(pcm))])
			position := soundTime(int64(min(n+frameBytes, len(pcm)))) - o.Unheard()
			if now := time.Since(begin); o.clock && (position > now || position < now-2*period) {
				t.Fatalf("%v are heard after %v", position, now)
			}
		}
		o.Drain(t.Context())
		if o.Unheard() != 0 {
			t.Errorf("%v unheard behind a drain", o.Unheard())
		}
	})
}

// A card that waits for sound gets it at once, and silence only for what is late.
func TestNextWaitsWhereNothingIsToSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing()
		begin := time.Now()
		var got []time.Duration
		done := make(chan bool)
		go func() {
			p := make([]byte, soundBytes(20*time.Millisecond))
			for {
				sound, ok := r.Next(t.Context(), p)
				if !ok {
					done <- true
					return
				}
				if sound > 0 {
					got = append(got, time.Since(begin))
				}
				time.Sleep(20 * time.Millisecond)
			}
		}()
		at := func(moment time.Duration, pcm time.Duration) {
			time.Sleep(time.Until(begin.Add(moment)))
			write(t, r, ramp(pcm))
			synctest.Wait()
		}
		at(33*time.Millisecond, 20*time.Millisecond)
		at(61*time.Millisecond, 20*time.Millisecond) // late: there has been silence
		r.Drain(t.Context())
		at(1234*time.Millisecond, 20*time.Millisecond)
		r.Flush()
		r.Pause(true)
		at(2345*time.Millisecond, 20*time.Millisecond)
		time.Sleep(time.Second)
		r.Pause(false)
		synctest.Wait()
		r.Close()
		<-done
		want := []time.Duration{33, 73, 1234, 3345}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(got, want) {
			t.Errorf("it got sound at %v, want %v", got, want)
		}
		if n, silence := r.Stutters(); n != 1 || silence != 20*time.Millisecond {
			t.Errorf("%d stutters of %v", n, silence)
		}
	})
}

func TestALostDeviceEndsTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing()
		lost := errors.New("lost")
		go func() {
			time.Sleep(time.Second)
			r.Fail(lost)
		}()
		if err := r.Write(t.Context(), ramp(time.Minute)); !errors.Is(err, lost) {
			t.Error(err)
		}
		if err := r.Drain(t.Context()); !errors.Is(err, lost) {
			t.Error(err)
		}
	})
}

// slow is a pipe to a player that takes PCM in its own time.
type slow struct {
	wait func() time.Duration
	n    int
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(s.wait())
	s.n += len(p)
	return len(p), nil
}

func TestBackPressureIsNoStutter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		w := &slow{wait: func() time.Duration {
			if n++; n == 50 {
				return time.Minute // a player that was stopped
			}
			return 30 * time.Millisecond // slower than real time
		}}
		o := NewWriter(w)
		write(t, o, ramp(3*time.Second))
		stuttered(t, o, 0, 0, 0)
		o.Close()
	})
}

func TestAWriterPassesOnTheFirstSampleAtOnce(t *testing.T) {
	r, w := io.Pipe()
	o := NewWriter(w)
	got := make(chan []byte)
	go func() {
		p := make([]byte, 4)
		io.ReadFull(r, p)
		got <- p
	}()
	if err := o.Write(t.Context(), []byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	if p := <-got; !bytes.Equal(p, []byte{1, 2, 3, 4}) {
		t.Error(p)
	}
	r.Close()
	if err := o.Write(t.Context(), []byte{1, 2, 3, 4}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	o.Close()
}

func TestAWriterThatHangsIsLeftBehind(t *testing.T) {
	r, w := io.Pipe()
	o := NewWriter(w)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if err := o.Write(ctx, make([]byte, 400)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	o.Close()
	r.Close() // ends its goroutine
}

func TestAWAVFileIsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := OpenOutput("wav:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	pcm := ramp(300 * time.Millisecond)
	write(t, o, pcm)
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Error("the old file is gone before the new one is whole")
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if string(b[:4]) != "RIFF" || int(le.Uint32(b[4:])) != len(b)-8 || string(b[8:16]) != "WAVEfmt " ||
		le.Uint16(b[22:]) != 2 || le.Uint32(b[24:]) != SampleRate || le.Uint16(b[34:]) != 16 ||
		string(b[36:40]) != "data" || int(le.Uint32(b[40:])) != len(pcm) || !bytes.Equal(b[44:], pcm) {
		t.Errorf("header %q, %d bytes", b[:44], len(b))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("it leaves %v", left)
	}
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

func BenchmarkRing(b *testing.B) {
	r := NewRing()
	p, q := make([]byte, frameBytes), make([]byte, frameBytes)
	b.SetBytes(frameBytes)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Write(context.Background(), p); err != nil {
			b.Fatal(err)
		}
		r.Read(q)
	}
}
