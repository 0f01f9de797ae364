package audio

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

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
