package audio

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

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
		all = append(all, sample{name: name, file: file, format: f, rate: rate, samples: samples, open: NewDecoder})
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
		{"layer1.mp3", protocol.FormatMPEG, 44100, 60 * 384},
		{"intensity.mp3", protocol.FormatMPEG, 44100, 66151},
		{"tune.flac", protocol.FormatFLAC, 44100, 57330},
		{"deep.flac", protocol.FormatFLAC, 96000, 11520},
		{"six.flac", protocol.FormatFLAC, 48000, 4800},
		{"tune.ogg", protocol.FormatVorbis, 44100, 99225},
		{"flac.ogg", protocol.FormatFLAC, 44100, 48510},
		{"lfe.ogg", protocol.FormatVorbis, 44100, 70560},
		{"chain.ogg", protocol.FormatVorbis, 44100, 30870 + 35280},
		{"tune.opus", protocol.FormatOpus, 48000, 108000},
		{"chain.opus", protocol.FormatOpus, 48000, 38400 + 33600},
		{"six.opus", protocol.FormatOpus, 48000, 33600},
		{"speech.opus", protocol.FormatOpus, 48000, 108000},
		{"changing.ogg", protocol.FormatVorbis, SampleRate, 57330 + 4410 + 99225},
	} {
		if c.format == protocol.FormatMPEG && !haveMPG123(t) {
			continue
		}
		var b []byte
		switch c.name {
		case "layer1.mp3":
			b = layerIStream(60)
		case "changing.ogg":
			b = changing(t)
		case "intensity.mp3":
			b = intensityStream(t, false)
		default:
			b = loadFile(t, c.name)
		}
		add(c.name, b, c.format, c.rate, c.samples)
		switch c.format {
		case protocol.FormatMP3:
			add(c.name+" by go-mp3", b, c.format, c.rate, c.samples)
			all[len(all)-1].open = openGoMP3
		case protocol.FormatOpus:
			add(c.name+" by pion", b, c.format, c.rate, c.samples)
			all[len(all)-1].open = openPion
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
		n := min(50_000, 2*c.rate)
		kind := fmt.Sprintf("%d bits, %d channels, %d Hz", c.bits, c.channels, c.rate)
		if c.float {
			kind += ", floating"
		}
		if c.aiff {
			add("AIFF of "+kind, aiffOf(c.bits, c.channels, c.rate, n), protocol.FormatAIFF, c.rate, int64(n))
		} else {
			add("WAV of "+kind, wavOf(c.bits, c.channels, c.rate, n, c.float), protocol.FormatWAV, c.rate, int64(n))
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
