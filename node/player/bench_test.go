package player

import (
	"context"
	"io"
	"testing"
	"time"

	"earshot/protocol"
)

// silence is a decoder of a minute that costs nothing.
type silence struct{ left int }

func (d *silence) Read(p []byte) (int, error) {
	n := min(len(p), d.left)
	d.left -= n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (*silence) Seek(time.Duration) error { return nil }

// nowhere is an output without a clock.
type nowhere struct{}

func (nowhere) Write(context.Context, []byte) error { return nil }
func (nowhere) Drain(context.Context) error         { return nil }
func (nowhere) Pause(bool)                          {}
func (nowhere) Flush()                              {}
func (nowhere) Unheard() time.Duration              { return 0 }
func (nowhere) Stutters() (int, time.Duration)      { return 0, 0 }

// BenchmarkMinute costs what the player adds to a minute of decoding and
// sounding.
func BenchmarkMinute(b *testing.B) {
	src := newSource(seconds(60))
	b.ReportAllocs()
	for b.Loop() {
		_, err := Play(b.Context(), Config{
			Source: src, Output: nowhere{}, Queue: []protocol.Track{{ID: id(0)}},
			Decode: func(io.ReadSeeker, protocol.Header) (Decoder, error) { return &silence{60 * secondSize}, nil },
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
