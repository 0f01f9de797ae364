package audio

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"earshot/protocol"
)

// TestConformance holds every format to what a Decoder promises.
func TestConformance(t *testing.T) {
	// One for each decoder is what the race detector watches.
	watched := []string{
		"joint.mp3", "joint.mp3 by go-mp3", "mpeg2.mp3", "six.flac", "chain.ogg", "chain.opus", "chain.opus by pion", "changing.ogg",
		"WAV of 24 bits, 2 channels, 96000 Hz", "AIFF of 16 bits, 2 channels, 44100 Hz",
	}
	for _, s := range conforming(t) {
		if underRace && !slices.Contains(watched, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h := header(t, s.file)
			if h.Format != s.format || h.SampleRate != s.rate || h.Samples != s.samples {
				t.Fatalf("%v at %d Hz, %d samples; want %v, %d, %d", h.Format, h.SampleRate, h.Samples, s.format, s.rate, s.samples)
			}
			if got, err := protocol.ParseHeader(protocol.AppendHeader(nil, &h)); err != nil || !bytes.Equal(got.Setup, h.Setup) {
				t.Fatal("the wire does not take its header:", err)
			}
			whole := decodeWith(t, s.open, s.file)
			if want := (s.samples*SampleRate + int64(s.rate) - 1) / int64(s.rate); int64(len(whole)/sampleSize) != want {
				t.Fatalf("%d samples, want %d", len(whole)/sampleSize, want)
			}
			t.Run("streams", func(t *testing.T) { s.streams(t, h, whole) })
			t.Run("seeks", func(t *testing.T) { s.seeks(t, h, whole) })
			t.Run("ends where it is cut", func(t *testing.T) { s.isCut(t, h) })
			t.Run("corrupt", func(t *testing.T) { s.corrupt(t, h, whole) })
		})
	}
}

// streams: it makes the same sound of a source that comes in pieces and fails now and
// then, cannot seek once it has begun, and whose bytes before the first frame are not
// there.
func (s *sample) streams(t *testing.T, h protocol.Header, whole []byte) {
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole":  func(r io.Reader) io.Reader { return r },
		"bytes":  iotest.OneByteReader,
		"halves": iotest.HalfReader,
		"EOF":    iotest.DataErrReader,
		"flaky": func(r io.Reader) io.Reader {
			n := 0
			return readFunc(func(p []byte) (int, error) {
				if n++; n%3 == 1 {
					return 0, errAway
				}
				return r.Read(p[:min(len(p), 700)])
			})
		},
	} {
		if underRace && name != "flaky" {
			continue
		}
		src := watch(s.file)
		d, err := s.open(readSeeker{wrap(src), src}, h)
		if err != nil {
			t.Fatal(err)
		}
		if src.seeks != 0 || src.lowest != 1<<62 {
			t.Errorf("%s: the source is touched before the first Read", name)
		}
		var got []byte
		p := make([]byte, 3000)
		for {
			n, err := d.Read(p)
			if got = append(got, p[:n]...); errors.Is(err, errAway) {
				continue // it can be tried again
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if !bytes.Equal(got, whole) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(whole))
		}
		if src.seeks != 1 {
			t.Errorf("%s: %d seeks", name, src.seeks)
		}
		if src.lowest < h.Seek[0] {
			t.Errorf("%s: it read at %d, before the sound at %d", name, src.lowest, h.Seek[0])
		}
	}
}

// seeks: it lands on the exact sample, to the bit, and reads nothing before where the
// header says that a decoder begins.
func (s *sample) seeks(t *testing.T, h protocol.Header, whole []byte) {
	rnd := rand.New(rand.NewPCG(5, 6))
	samples := len(whole) / sampleSize
	src := watch(s.file)
	d, err := s.open(src, h)
	if err != nil {
		t.Fatal(err)
	}
	positions := []int{0, 1, 575, 576, 1151, 44099, 44100, samples - 1}
	for range fewer(30) {
		positions = append(positions, rnd.IntN(samples))
	}
	for _, n := range positions {
		if n >= samples {
			continue
		}
		at := time.Duration(float64(n) / SampleRate * 1e9)
		src.lowest = 1 << 62
		if err := d.Seek(at); err != nil {
			t.Fatal(err)
		}
		want := whole[n*sampleSize:]
		want = want[:min(len(want), 3*frameBytes)]
		got := make([]byte, len(want))
		if _, err := io.ReadFull(d, got); err != nil {
			t.Fatalf("sample %d: %v", n, err)
		}
		if !bytes.Equal(got, want) {
			first, last := differ(got, want, 0)
			t.Errorf("sample %d: largest error %d, from %d to %d behind it", n, largestError(got, want), first, last)
		}
		if want := h.Begin(at); src.lowest < want {
			t.Errorf("sample %d: it read from %d, want from %d", n, src.lowest, want)
		}
	}
	for _, at := range []time.Duration{time.Hour, 1 << 62} {
		if err := d.Seek(at); err != nil {
			t.Fatal(err)
		}
		if n, err := d.Read(make([]byte, 100)); n != 0 || err != io.EOF {
			t.Errorf("behind its end: %d, %v", n, err)
		}
	}
	if err := d.Seek(-time.Second); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(d); !bytes.Equal(got, whole) {
		t.Error("it is another one the second time")
	}
}

// isCut: a source that lacks its end is an error, in good time.
func (s *sample) isCut(t *testing.T, h protocol.Header) {
	d, err := s.open(bytes.NewReader(s.file[:h.Seek[0]+(h.Size-h.Seek[0])/2]), h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, d); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// corrupt: broken bytes cost sound around them, and no time.
func (s *sample) corrupt(t *testing.T, h protocol.Header, whole []byte) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range fewer(20) {
		b := bytes.Clone(s.file)
		sound := int(h.Size - h.Seek[0])
		at := int(h.Seek[0]) + sound/4 + rnd.IntN(sound/4)
		for i := range min(20, len(b)-at) {
			b[at+i] ^= byte(rnd.Uint32())
		}
		d, err := s.open(bytes.NewReader(b), h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(d)
		mpeg := h.Format == protocol.FormatMP3 || h.Format == protocol.FormatMPEG
		if mpeg && errors.Is(err, io.ErrUnexpectedEOF) {
			continue // a frame whose header is lost does not count
		}
		if err != nil || len(got) != len(whole) {
			t.Fatalf("at %d: %d bytes, want %d: %v", at, len(got), len(whole), err)
		}
		// Opus takes a second or two to be the same to the bit.
		exact := !mpeg && h.Format != protocol.FormatOpus
		if tail := len(whole) / 10; exact && !bytes.Equal(got[len(got)-tail:], whole[len(whole)-tail:]) {
			t.Errorf("broken at %d of %d, it does not end as it did", at, len(b))
		}
	}
}
