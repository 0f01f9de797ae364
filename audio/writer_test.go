package audio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

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
