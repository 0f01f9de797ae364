package player

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// tape is an output that keeps what it was given since the last flush, as fast
// as it comes.
type tape struct {
	nowhere
	mu      sync.Mutex
	got     []byte
	flushed chan struct{}
}

func (o *tape) Write(ctx context.Context, pcm []byte) error {
	o.mu.Lock()
	o.got = append(o.got, pcm...)
	full, flushed := len(o.got) > 4*stepSize, o.flushed
	o.mu.Unlock()
	if full {
		select {
		case <-flushed:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (o *tape) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = nil
	close(o.flushed)
	o.flushed = make(chan struct{})
}

// first returns the first samples since the last flush, once there are so many that
// none is of a write that was under way then.
func (o *tape) first() []byte {
	for {
		o.mu.Lock()
		got := bytes.Clone(o.got)
		o.mu.Unlock()
		if len(got) > 4*stepSize {
			return got[:stepSize]
		}
		time.Sleep(10 * time.Microsecond)
	}
}

// TestNoSkipLosesTheFirstSampleOrSoundsTheOld skips as fast as it can, on real
// threads.
func TestNoSkipLosesTheFirstSampleOrSoundsTheOld(t *testing.T) {
	src := newSource(seconds(100), seconds(100), seconds(100))
	out := &tape{flushed: make(chan struct{})}
	p := New(Config{Source: src, Output: out, Decode: src.decode, Queue: []protocol.Track{{ID: id(0)}, {ID: id(1)}, {ID: id(2)}}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	for i := range 500 {
		k := i % 3
		if err := p.Command(ctx, control.Command{Do: control.DoJump, Index: k}); err != nil {
			t.Fatal(err)
		}
		if got := out.first(); !bytes.Equal(got, pcm(k, 0, stepSize/sampleSize)) {
			t.Fatalf("skip %d begins with other samples than the track", i)
		}
	}
}
