package audio

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"io"
	"math"
	"path/filepath"
	"testing"

	"earshot/protocol"
)

// atOwnRate decodes a track without converting its rate.
func atOwnRate(t *testing.T, open opener, b []byte) []byte {
	t.Helper()
	h := header(t, b)
	d, err := open(bytes.NewReader(b), h)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := io.ReadAll(unconverted(d.(*track).codec, h))
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// The references are what mpg123 1.31.2, opusdec 1.3.1, oggdec 1.3.7 and ffmpeg 5.1.9 make
// of the files, up to half a second, kept as FLAC. ffmpeg's, which has decoders of its own, are
// those of layer I and intensity stereo, of layer II at a low rate and in joint stereo, of
// more than two channels, and of FLAC of 24 bits.
func TestDecodingIsThatOfTheReference(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte // nil: that in testdata
		open opener
		from int     // the reference begins with this sample
		most int     // of 32768
		snr  float64 // dB
	}{
		{name: "mpeg2.mp3", snr: 200}, {name: "mpeg2vbr.mp3", snr: 200}, {name: "mpeg25.mp3", snr: 200},
		{name: "layer2.mp3", snr: 200}, {name: "free.mp3", snr: 200},
		{name: "layer1.mp3", file: layerIStream(60), most: 1, snr: 70},
		{name: "layer2lsf.mp3", most: 1, snr: 70},
		{name: "layer2joint.mp3", from: frameSamples + 2000, most: 1, snr: 70}, // ffmpeg leaves out a frame
		{name: "intensity.mp3", file: intensityStream(t, false), most: 1, snr: 90},
		{name: "intensityms.mp3", file: intensityStream(t, true), most: 1, snr: 90},
		{name: "deep.flac", most: 1, snr: 70}, {name: "six.flac", most: 1, snr: 70},
		{name: "tune.ogg", most: 1, snr: 90}, {name: "six.ogg", most: 1, snr: 90}, {name: "lfe.ogg", most: 1, snr: 90}, {name: "eight.ogg", most: 1, snr: 90},
		{name: "low.ogg", most: 1, snr: 90},
		{name: "tune.opus", most: 1, snr: 90}, {name: "speech.opus", most: 1, snr: 90}, // 0 by the same libopus
		{name: "six.opus", most: 1, snr: 90}, // by ffmpeg's own decoder, not libopus
		{name: "tune.opus", open: openPion, most: 1, snr: 90}, {name: "six.opus", open: openPion, most: 1, snr: 90},
		{name: "speech.opus", open: openPion, most: 80, snr: 48}, // the upsampling of 16 kHz is not libopus's
	} {
		b := c.file
		if b == nil {
			b = loadFile(t, c.name)
		}
		if c.open == nil {
			c.open = NewDecoder
		}
		h := header(t, b)
		if h.Format == protocol.FormatMPEG && !haveMPG123(t) || h.Format == protocol.FormatOpus && !haveOpus() {
			continue
		}
		want := atOwnRate(t, NewDecoder, loadFile(t, filepath.Join("reference", c.name+".flac")))
		got := atOwnRate(t, c.open, b)
		got = got[min(len(got), c.from*sampleSize):]
		if len(got) < len(want) {
			t.Errorf("%s: %d bytes, want %d", c.name, len(got), len(want))
			continue
		}
		got = got[:len(want)]
		most, snr := largestError(got, want), signalToNoise(got, want)
		t.Logf("%s: largest error %d, %.1f dB", c.name, most, snr)
		if most > c.most || snr < c.snr {
			t.Errorf("%s: want at most %d, %.0f dB", c.name, c.most, c.snr)
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

// A FLAC file tells the MD5 of its samples, as they were before they were encoded.
func TestFLACIsExactToTheBit(t *testing.T) {
	for name, bits := range map[string]int{"eightbit.flac": 8, "tune.flac": 16, "six.flac": 16, "deep.flac": 24, "thirtytwo.flac": 32} {
		b := loadFile(t, name)
		const md5At = 4 + 4 + 18
		c, err := newFLAC(bytes.NewReader(b), header(t, b))
		if err != nil {
			t.Fatal(err)
		}
		d := c.(*flacCodec)
		if err := d.seek(0); err != nil {
			t.Fatal(err)
		}
		if d.bits != bits {
			t.Errorf("%s: %d bits", name, d.bits)
		}
		sum := md5.New()
		for {
			_, pcm, err := d.decode()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			for i := range len(pcm) / sampleSize {
				for _, samples := range d.dec.channels[:d.flacStream.channels] {
					sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(samples[i]))[:bits/8])
				}
			}
		}
		if got := sum.Sum(nil); !bytes.Equal(got, b[md5At:md5At+md5.Size]) {
			t.Errorf("%s: its MD5 is %x, want %x", name, got, b[md5At:md5At+md5.Size])
		}
	}
}

func TestFLACInOggIsExactToTheBit(t *testing.T) {
	const md5At = oggHeaderSize + 1 + oggFLACInfo + 18
	b := loadFile(t, "flac.ogg")
	if got := md5.Sum(decodeAll(t, b)); !bytes.Equal(got[:], b[md5At:md5At+md5.Size]) {
		t.Errorf("its MD5 is %x, want %x", got, b[md5At:md5At+md5.Size])
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
