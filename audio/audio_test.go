package audio

import (
	"bytes"
	"io"
	"testing"

	"github.com/hajimehoshi/go-mp3"
	"go.uber.org/goleak"

	"earshot/audio/dl"
	"earshot/audio/libopus"
	"earshot/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files are those of testdata that can be played. All were made by LAME 3.100 of
// a melody with hits and noise; mono.mp3 has no Info frame.
var files = []string{"joint", "vbr", "crc", "mono", "48khz", "32khz", "click"}

func load(t testing.TB, name string) []byte {
	t.Helper()
	return loadFile(t, name+".mp3")
}

func probeBytes(b []byte) (Info, error) { return Probe(bytes.NewReader(b), int64(len(b))) }

// header probes b, which must be playable.
func header(t testing.TB, b []byte) protocol.Header {
	t.Helper()
	i, err := probeBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return i.Header(protocol.Track{})
}

// decodeAll decodes the track b from its start.
func decodeAll(t testing.TB, b []byte) []byte { return decodeWith(t, NewDecoder, b) }

func decodeWith(t testing.TB, open opener, b []byte) []byte {
	t.Helper()
	d, err := open(bytes.NewReader(b), header(t, b))
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// opener is NewDecoder, or makes a decoder of one kind.
type opener func(io.ReadSeeker, protocol.Header) (Decoder, error)

// openGoMP3 is what NewDecoder does of an MP3 where there is no libmpg123.
func openGoMP3(src io.ReadSeeker, h protocol.Header) (Decoder, error) {
	c, err := newLayer3(src, h, dl.ErrUnavailable)
	if err != nil {
		return nil, err
	}
	return newTrack(c, h), nil
}

// fewer is n, or a fifth of it under the race detector, where arithmetic takes ten times
// as long and a few rounds show what one goroutine does to another.
func fewer(n int) int {
	if underRace {
		n = max(1, n/5)
	}
	return n
}

// openPion is what NewDecoder does of Opus where there is no libopus.
func openPion(src io.ReadSeeker, h protocol.Header) (Decoder, error) {
	c, err := newOgg(src, h, newPionOpus)
	if err != nil {
		return nil, err
	}
	return newTrack(c, h), nil
}

// unconverted decodes a track without converting its rate.
func unconverted(c codec, h protocol.Header) *track {
	samples := h.Samples
	if o, ok := c.(*oggCodec); ok && o.mixed() {
		last := o.links[len(o.links)-1]
		samples = last.start + last.samples
	}
	return &track{codec: c, spans: []span{{rate: SampleRate, samples: samples}}, samples: samples}
}

func haveOpus() bool {
	_, err := libopus.New(1, 0, []byte{0})
	return err == nil
}

// eachMP3 runs a test for both decoders of MP3. Where there is no libmpg123 they are
// the same.
func eachMP3(t *testing.T, test func(t *testing.T, open opener)) {
	t.Run("go-mp3", func(t *testing.T) { test(t, openGoMP3) })
	t.Run("libmpg123", func(t *testing.T) { test(t, NewDecoder) })
}

// straight is what go-mp3 alone makes of the track: all frames, at their rate.
func straight(t testing.TB, b []byte) []byte {
	t.Helper()
	d, err := mp3.NewDecoder(struct{ io.Reader }{bytes.NewReader(b)})
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// offsets are where the frames of a sound MPEG-1 layer III stream begin, and at
// the end where it ends.
func offsets(b []byte) (at []int) {
	pos := 0
	for pos+headerSize <= len(b) {
		at = append(at, pos)
		pos += readHeader(b[pos:]).size()
	}
	return append(at, pos)
}

// splice replaces b[from:to].
func splice(b []byte, from, to int, with []byte) []byte {
	return append(append(append([]byte(nil), b[:from]...), with...), b[to:]...)
}

// largestError compares PCM.
func largestError(a, b []byte) int {
	most := 0
	for i := 0; i+1 < min(len(a), len(b)); i += 2 {
		x := int(int16(uint16(a[i]) | uint16(a[i+1])<<8))
		y := int(int16(uint16(b[i]) | uint16(b[i+1])<<8))
		most = max(most, x-y, y-x)
	}
	return most
}
