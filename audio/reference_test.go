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
	d, err := open(bytes.NewReader(b), header(t, b))
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
	for _, c := range []struct {
		name string
		open opener
		most int     // of 32768
		snr  float64 // dB
	}{
		{"mpeg2.mp3", NewDecoder, 0, 200}, {"mpeg2vbr.mp3", NewDecoder, 0, 200}, {"mpeg25.mp3", NewDecoder, 0, 200},
		{"layer2.mp3", NewDecoder, 0, 200}, {"free.mp3", NewDecoder, 0, 200},
		{"deep.flac", NewDecoder, 1, 70}, {"six.flac", NewDecoder, 1, 70}, {"tune.ogg", NewDecoder, 1, 90},
		{"tune.opus", NewDecoder, 1, 90}, {"speech.opus", NewDecoder, 1, 90}, // 0 by the same libopus
		{"six.opus", NewDecoder, 8, 70}, // ffmpeg's own decoder, not libopus
		{"tune.opus", openPion, 1, 90}, {"six.opus", openPion, 8, 70},
		{"speech.opus", openPion, 80, 48}, // the upsampling of 16 kHz is not libopus's
	} {
		b := loadFile(t, c.name)
		h := header(t, b)
		if h.Format == protocol.FormatMPEG && !haveMPG123(t) || h.Format == protocol.FormatOpus && !haveOpus() {
			continue
		}
		want := atOwnRate(t, NewDecoder, loadFile(t, filepath.Join("reference", c.name+".flac")))
		got := atOwnRate(t, c.open, b)
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
