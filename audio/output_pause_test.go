package audio

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

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
