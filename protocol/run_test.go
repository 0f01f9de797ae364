package protocol

import (
	"math/rand/v2"
	"testing"
	"time"
)

// constantRate is a track's header at so many bytes a second.
func constantRate(seconds int, rate int64) *Header {
	h := &Header{Track: Track{Duration: time.Duration(seconds) * time.Second, Size: int64(seconds) * rate}}
	for s := range seconds {
		h.Seek = append(h.Seek, int64(s)*rate)
	}
	return h
}

func TestAHeadHoldsWhatPlaysFirst(t *testing.T) {
	h := constantRate(120, ChunkSize) // a chunk a second
	for _, test := range []struct {
		name         string
		from, length time.Duration
		first, count int
	}{
		{"the beginning", 0, 10 * time.Second, 0, 10},
		{"with the second before it", time.Minute, 5 * time.Second, 59, 6},
		{"the end", 115 * time.Second, 10 * time.Second, 114, 6},
		{"beyond the end", time.Hour, 10 * time.Second, 119, 1},
		{"nothing asked", 0, 0, 0, 0},
	} {
		if first, count := h.Run(test.from, test.length); first != test.first || count != test.count {
			t.Errorf("%s: %d+%d, want %d+%d", test.name, first, count, test.first, test.count)
		}
	}
}

func TestAHeadIsWithinTheTrackAndTheLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		h := constantRate(1+rng.IntN(600), 1+rng.Int64N(400_000))
		from := time.Duration(rng.Int64N(int64(h.Duration) + int64(time.Minute)))
		length := time.Duration(rng.Int64N(int64(15*time.Second)) + 1)
		first, count := h.Run(from, length)
		if first < 0 || count < 1 || first+count > Chunks(h.Size) || count > MaxHead/ChunkSize {
			t.Fatalf("%d s of %d bytes, from %v for %v: %d+%d of %d", len(h.Seek), h.Size, from, length, first, count, Chunks(h.Size))
		}
		if from < h.Duration && int64(first)*ChunkSize > h.OffsetAt(from) {
			t.Fatalf("from %v: begins behind it", from)
		}
	}
}

func TestADecoderBeginsNoEarlierThanItsFormatNeeds(t *testing.T) {
	for _, test := range []struct {
		name   string
		format Format
		rate   int
		setup  []byte
		at     time.Duration
		second int64
	}{
		{"MP3 at a second", FormatMP3, 44100, nil, time.Minute, 59},
		{"MP3 late in a second", FormatMP3, 44100, nil, 60*time.Second + 600*time.Millisecond, 60},
		{"FLAC at a second", FormatFLAC, 44100, []byte{16}, time.Minute, 60},
		{"FLAC that is resampled", FormatFLAC, 48000, []byte{16}, time.Minute, 59},
		{"FLAC in Ogg", FormatFLAC, 44100, []byte{0}, time.Minute, 59},
		{"WAV", FormatWAV, 44100, nil, time.Minute, 60},
		{"Opus", FormatOpus, 48000, nil, 60*time.Second + 900*time.Millisecond, 59},
		{"speech in Opus", FormatOpus, 48000, []byte{0, 1, 1}, 60*time.Second + 900*time.Millisecond, 54},
		{"a chain of Opus", FormatOpus, 48000, []byte{0, 0, 2}, 60*time.Second + 900*time.Millisecond, 59},
		{"the beginning", FormatOpus, 48000, nil, 0, 0},
	} {
		h := constantRate(120, 1000)
		h.Format, h.SampleRate, h.Setup = test.format, test.rate, test.setup
		if got := h.Begin(test.at); got != test.second*1000 {
			t.Errorf("%s: %d, want %d", test.name, got, test.second*1000)
		}
	}
}
