package audio

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"earshot/protocol"
)

// sample is a track of some format that the conformance suite runs for. Those of
// testdata were encoded by flac, oggenc, opusenc, lame and ffmpeg of a tune that sox
// synthesised; six has six channels, deep 24 bits at 96 kHz.
type sample struct {
	name    string
	file    []byte
	format  protocol.Format
	rate    int
	samples int64
	open    opener
}

// conforming are all samples: every format, and every decoder of it.
func conforming(t testing.TB) (all []sample) {
	add := func(name string, file []byte, f protocol.Format, rate int, samples int64) {
		all = append(all, sample{name, file, f, rate, samples, NewDecoder})
	}
	for _, c := range []struct {
		name    string
		format  protocol.Format
		rate    int
		samples int64
	}{
		{"joint.mp3", protocol.FormatMP3, 44100, 66151},
		{"vbr.mp3", protocol.FormatMP3, 44100, 66151},
		{"mono.mp3", protocol.FormatMP3, 44100, 172800},
		{"48khz.mp3", protocol.FormatMP3, 48000, 72013},
		{"mpeg2.mp3", protocol.FormatMPEG, 22050, 9216},
		{"mpeg2vbr.mp3", protocol.FormatMPEG, 24000, 38400},
		{"mpeg25.mp3", protocol.FormatMPEG, 8000, 12800},
		{"layer2.mp3", protocol.FormatMPEG, 44100, 100224},
		{"free.mp3", protocol.FormatMPEG, 32000, 72000},
		{"tune.flac", protocol.FormatFLAC, 44100, 57330},
		{"deep.flac", protocol.FormatFLAC, 96000, 11520},
		{"six.flac", protocol.FormatFLAC, 48000, 4800},
		{"tune.ogg", protocol.FormatVorbis, 44100, 99225},
		{"chain.ogg", protocol.FormatVorbis, 44100, 30870 + 35280},
		{"tune.opus", protocol.FormatOpus, 48000, 108000},
		{"chain.opus", protocol.FormatOpus, 48000, 38400 + 33600},
		{"six.opus", protocol.FormatOpus, 48000, 33600},
		{"speech.opus", protocol.FormatOpus, 48000, 108000},
	} {
		if c.format == protocol.FormatMPEG && !haveMPG123(t) {
			continue
		}
		b := loadFile(t, c.name)
		add(c.name, b, c.format, c.rate, c.samples)
		if c.format == protocol.FormatMP3 {
			add(c.name+" by go-mp3", b, c.format, c.rate, c.samples)
			all[len(all)-1].open = openGoMP3
		}
	}
	for _, c := range []struct {
		bits, channels, rate int
		float, aiff          bool
	}{
		{bits: 16, channels: 2, rate: 44100}, {bits: 8, channels: 1, rate: 8000}, {bits: 24, channels: 2, rate: 96000},
		{bits: 32, channels: 2, rate: 192000}, {bits: 32, channels: 2, rate: 48000, float: true},
		{bits: 64, channels: 1, rate: 44100, float: true}, {bits: 16, channels: 8, rate: 44100},
		{bits: 16, channels: 2, rate: 44100, aiff: true}, {bits: 8, channels: 3, rate: 22050, aiff: true}, {bits: 24, channels: 1, rate: 11025, aiff: true},
	} {
		const n = 50_000
		if c.aiff {
			add(fmt.Sprintf("%+v", c), aiffOf(c.bits, c.channels, c.rate, n), protocol.FormatAIFF, c.rate, n)
		} else {
			add(fmt.Sprintf("%+v", c), wavOf(c.bits, c.channels, c.rate, n, c.float), protocol.FormatWAV, c.rate, n)
		}
	}
	return all
}

func loadFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func haveMPG123(t testing.TB) bool {
	_, err := NewDecoder(nil, header(t, load(t, "mpeg2")))
	return err == nil
}

// chord is a sound: sample i of channel c, full scale being 1.
func chord(i, c, rate int) float64 {
	return 0.4*math.Sin(2*math.Pi*(200+37*float64(c))*float64(i)/float64(rate)) + 0.1*math.Sin(float64(i*(c+3))/7)
}

// appendSamples writes n samples of chord as PCM.
func appendSamples(b []byte, bits, channels, rate, n int, float, unsigned bool, order binary.AppendByteOrder) []byte {
	for i := range n {
		for c := range channels {
			x := chord(i, c, rate)
			switch v := int64(math.Round(x * float64(int64(1)<<(bits-1)))); {
			case float && bits == 64:
				b = order.AppendUint64(b, math.Float64bits(x))
			case float:
				b = order.AppendUint32(b, math.Float32bits(float32(x)))
			case bits == 8 && unsigned:
				b = append(b, byte(v+128))
			case bits == 8:
				b = append(b, byte(v))
			case bits == 16:
				b = order.AppendUint16(b, uint16(v))
			case bits == 24 && order.String() == "BigEndian":
				b = append(b, byte(v>>16), byte(v>>8), byte(v))
			case bits == 24:
				b = append(b, byte(v), byte(v>>8), byte(v>>16))
			default:
				b = order.AppendUint32(b, uint32(v))
			}
		}
	}
	return b
}

// wavOf makes a WAV file of n samples of chord.
func wavOf(bits, channels, rate, n int, float bool) []byte {
	le := binary.LittleEndian
	block := bits / 8 * channels
	tag := uint16(wavPCM)
	if float {
		tag = wavFloat
	}
	b := le.AppendUint32([]byte("RIFF"), uint32(36+n*block))
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, tag), uint16(channels))
	b = le.AppendUint32(le.AppendUint32(b, uint32(rate)), uint32(rate*block))
	b = le.AppendUint16(le.AppendUint16(b, uint16(block)), uint16(bits))
	b = le.AppendUint32(append(b, "data"...), uint32(n*block))
	return appendSamples(b, bits, channels, rate, n, float, true, le)
}

// aiffOf makes an AIFF file of n samples of chord.
func aiffOf(bits, channels, rate, n int) []byte {
	be := binary.BigEndian
	block := bits / 8 * channels
	b := be.AppendUint32([]byte("FORM"), uint32(46+n*block))
	b = be.AppendUint32(append(b, "AIFFCOMM"...), 18)
	b = be.AppendUint16(be.AppendUint32(be.AppendUint16(b, uint16(channels)), uint32(n)), uint16(bits))
	b = be.AppendUint64(be.AppendUint16(b, 16383+63), uint64(rate)) // an 80-bit float; not normalised
	b = be.AppendUint32(append(b, "SSND"...), uint32(8+n*block))
	b = be.AppendUint64(b, 0)
	return appendSamples(b, bits, channels, rate, n, false, false, be)
}

// TestConformance holds every format to what a Decoder promises.
func TestConformance(t *testing.T) {
	for _, s := range conforming(t) {
		t.Run(s.name, func(t *testing.T) {
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

// seeks: it lands on the exact sample, to the bit, and reads nothing before PreRoll.
func (s *sample) seeks(t *testing.T, h protocol.Header, whole []byte) {
	rnd := rand.New(rand.NewPCG(5, 6))
	samples := len(whole) / sampleSize
	src := watch(s.file)
	d, err := s.open(src, h)
	if err != nil {
		t.Fatal(err)
	}
	positions := []int{0, 1, 575, 576, 1151, 44099, 44100, samples - 1}
	for range 30 {
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
		// The speech modes of Opus keep a trace of what came long before.
		slack := 0
		if s.name == "speech.opus" {
			slack = 3
		}
		if largestError(got, want) > slack {
			first, last := differ(got, want, 0)
			t.Errorf("sample %d: largest error %d, from %d to %d behind it", n, largestError(got, want), first, last)
		}
		if want := h.OffsetAt(at - PreRoll); src.lowest < want && s.name != "chain.ogg" { // whose headers stand before
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
	for range 20 {
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
		exact := !mpeg && h.Format != protocol.FormatOpus && s.name != "chain.ogg"
		if tail := len(whole) / 10; exact && !bytes.Equal(got[len(got)-tail:], whole[len(whole)-tail:]) {
			t.Errorf("broken at %d of %d, it does not end as it did", at, len(b))
		}
	}
}

// atOwnRate decodes a track without converting its rate.
func atOwnRate(t *testing.T, b []byte) []byte {
	t.Helper()
	d, err := NewDecoder(bytes.NewReader(b), header(t, b))
	if err != nil {
		t.Fatal(err)
	}
	d.(*track).resample = nil
	pcm, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// The references are the first half second that mpg123 1.31.2, opusdec 1.3.1, oggdec
// 1.3.7 and ffmpeg 5.1.9 (six channels; deep) make of the files, kept as FLAC.
func TestDecodingIsThatOfTheReference(t *testing.T) {
	for name, c := range map[string]struct {
		most int     // of 32768
		snr  float64 // dB
	}{
		"mpeg2.mp3": {0, 200}, "mpeg2vbr.mp3": {0, 200}, "mpeg25.mp3": {0, 200}, "layer2.mp3": {0, 200}, "free.mp3": {0, 200},
		"deep.flac": {1, 70}, "six.flac": {1, 70}, "tune.ogg": {1, 90}, "tune.opus": {1, 90},
		"six.opus":    {8, 70},  // ffmpeg's own decoder, not libopus
		"speech.opus": {80, 48}, // the upsampling of 16 kHz is not libopus's
	} {
		b := loadFile(t, name)
		if header(t, b).Format == protocol.FormatMPEG && !haveMPG123(t) {
			continue
		}
		want := atOwnRate(t, loadFile(t, filepath.Join("reference", name+".flac")))
		got := atOwnRate(t, b)
		if len(got) < len(want) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
			continue
		}
		got = got[:len(want)]
		if most, snr := largestError(got, want), signalToNoise(got, want); most > c.most || snr < c.snr {
			t.Errorf("%s: largest error %d, want at most %d; %.1f dB, want %.0f", name, most, c.most, snr, c.snr)
		}
	}
}

// signalToNoise is in dB, 200 at most.
func signalToNoise(got, want []byte) float64 {
	var signal, noise float64
	for i := 0; i+1 < len(want); i += 2 {
		x := float64(int16(binary.LittleEndian.Uint16(want[i:])))
		d := x - float64(int16(binary.LittleEndian.Uint16(got[i:])))
		signal += x * x
		noise += d * d
	}
	return min(200, 10*math.Log10(signal/noise))
}

// A FLAC file tells the MD5 of its sound.
func TestFLACIsExactToTheBit(t *testing.T) {
	b := loadFile(t, "tune.flac")
	const md5At = 4 + 4 + 18
	if got := md5.Sum(decodeAll(t, b)); !bytes.Equal(got[:], b[md5At:md5At+16]) {
		t.Errorf("its MD5 is %x, want %x", got, b[md5At:md5At+16])
	}
}

func TestPCMIsExactToTheBit(t *testing.T) {
	const n = 1000
	want := appendSamples(nil, 16, 2, SampleRate, n, false, false, binary.LittleEndian)
	for name, b := range map[string][]byte{
		"WAV": wavOf(16, 2, SampleRate, n, false), "AIFF": aiffOf(16, 2, SampleRate, n),
	} {
		if !bytes.Equal(decodeAll(t, b), want) {
			t.Error(name)
		}
	}
	for name, b := range map[string][]byte{
		"24 bits": wavOf(24, 2, SampleRate, n, false), "32 bits": wavOf(32, 2, SampleRate, n, false),
		"float": wavOf(32, 2, SampleRate, n, true), "double": wavOf(64, 2, SampleRate, n, true),
		"AIFF of 24 bits": aiffOf(24, 2, SampleRate, n),
	} {
		if d := largestError(decodeAll(t, b), want); d > 1 {
			t.Errorf("%s: largest error %d", name, d)
		}
	}
}
