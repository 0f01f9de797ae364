package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// stereo appends a sine of hz at so many dB of full scale in both channels, with a
// phase, for so long. It begins and ends softly: a sudden start has peaks of its own.
func stereo(b []byte, rate int, hz, level, phase float64, d time.Duration) []byte {
	a := math.Pow(10, level/20) * fullScale
	n := int(d.Seconds()*float64(rate) + 0.5)
	for i := range n {
		soft := min(1, float64(min(i, n-1-i))/100)
		v := a * soft * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)+phase)
		s := uint16(int16(min(max(math.Round(v), math.MinInt16), math.MaxInt16)))
		b = binary.LittleEndian.AppendUint16(b, s)
		b = binary.LittleEndian.AppendUint16(b, s)
	}
	return b
}

func measure(t testing.TB, rate int, pcm []byte) *Meter {
	t.Helper()
	m := NewMeter(rate)
	for len(pcm) > 0 {
		n := min(len(pcm), 4*1000) // no divisor of a block
		if _, err := m.Write(pcm[:n]); err != nil {
			t.Fatal(err)
		}
		pcm = pcm[n:]
	}
	return m
}

// tones is a sequence of sines of 1 kHz: pairs of dB of full scale and seconds.
func tones(rate int, parts ...float64) (b []byte) {
	for i := 0; i < len(parts); i += 2 {
		b = stereo(b, rate, 1000, parts[i], 0, time.Duration(parts[i+1]*float64(time.Second)))
	}
	return b
}

// The signals of EBU Tech 3341 (2016), table 1, that are of two channels and made of
// sines. A stereo sine of x dBFS is x LUFS.
func TestLoudnessIsAsEBUTech3341Has(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parts []float64
		want  float64
	}{
		"case 1": {[]float64{-23, 20}, -23},
		"case 2": {[]float64{-33, 20}, -33},
		"case 3": {[]float64{-36, 10, -23, 60, -36, 10}, -23},
		"case 4": {[]float64{-72, 10, -36, 10, -23, 60, -36, 10, -72, 10}, -23},
		"case 5": {[]float64{-26, 20, -20, 20.1, -26, 20}, -23},
	} {
		if underRace && len(c.parts) > 2 {
			continue // minutes of sound
		}
		for _, rate := range []int{44100, 48000}[:fewer(2)] {
			if got := measure(t, rate, tones(rate, c.parts...)).Loudness(); math.Abs(got-c.want) > 0.1 {
				t.Errorf("%s at %d Hz: %.3f LUFS, want %.1f", name, rate, got, c.want)
			}
		}
	}
}

// The true peak signals of EBU Tech 3341, table 1: sines between whose samples the
// peak is, within +0.2 and -0.4 dB.
func TestTruePeakIsAsEBUTech3341Has(t *testing.T) {
	for name, c := range map[string]struct{ part, phase, level, want float64 }{
		"case 15": {4, 0, 20 * math.Log10(0.5), -6},
		"case 16": {4, 45, 20 * math.Log10(0.5), -6},
		"case 17": {6, 60, 20 * math.Log10(0.5), -6},
		"case 18": {8, 67.5, 20 * math.Log10(0.5), -6},
		"case 19": {4, 45, 20 * math.Log10(1.41), 3},
	} {
		pcm := stereo(nil, 48000, 48000/c.part, c.level, c.phase*math.Pi/180, time.Second)
		if got := decibel(measure(t, 48000, pcm).Peak()); got > c.want+0.2 || got < c.want-0.4 {
			t.Errorf("%s: %.3f dBTP, want %.1f", name, got, c.want)
		}
	}
}

// The K-weighting filter is that of BS.1770-4 at the one rate it gives figures for.
func TestWeightingIsTheStandardsAt48kHz(t *testing.T) {
	w := newWeighting(48000)
	for i, c := range [][2]float64{
		{w.shelf.b0, 1.53512485958697}, {w.shelf.b1, -2.69169618940638}, {w.shelf.b2, 1.19839281085285},
		{w.shelf.a1, -1.69065929318241}, {w.shelf.a2, 0.73248077421585},
		{w.pass.b0, 1}, {w.pass.b1, -2}, {w.pass.b2, 1}, {w.pass.a1, -1.99004745483398}, {w.pass.a2, 0.99007225036621},
	} {
		if math.Abs(c[0]-c[1]) > 1e-8 {
			t.Errorf("coefficient %d is %.14f, want %.14f", i, c[0], c[1])
		}
	}
}

func TestSilenceHasNoLoudness(t *testing.T) {
	for name, pcm := range map[string][]byte{
		"nothing": nil, "silence": make([]byte, 4*SampleRate), "too short": tones(SampleRate, -20, 0.3),
	} {
		m := measure(t, SampleRate, pcm)
		if l := m.Loudness(); !math.IsInf(l, -1) {
			t.Errorf("%s: %v LUFS", name, l)
		}
		if l := m.Blocks().Loudness(); !math.IsInf(l, -1) {
			t.Errorf("%s: %v LUFS by its blocks", name, l)
		}
	}
	if p := NewMeter(SampleRate).Peak(); p != 0 {
		t.Errorf("nothing has a peak of %v", p)
	}
}

// An album is as loud as its tracks one after another.
func TestBlocksOfTracksAddUpToTheAlbum(t *testing.T) {
	a, b := tones(SampleRate, -20, 4, -31, 2), tones(SampleRate, -26, 8)
	want := measure(t, SampleRate, append(append([]byte(nil), a...), b...)).Loudness()
	var album Blocks
	for _, pcm := range [][]byte{a, b} {
		blob, err := measure(t, SampleRate, pcm).Blocks().AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var blocks Blocks
		if err := blocks.UnmarshalBinary(blob); err != nil {
			t.Fatal(err)
		}
		album.Add(&blocks)
	}
	if got := album.Loudness(); math.Abs(got-want) > 0.1 {
		t.Errorf("%.3f LUFS, want %.3f", got, want)
	}
}

func FuzzBlocks(f *testing.F) {
	blob, _ := measure(f, SampleRate, tones(SampleRate, -20, 1, -30, 1)).Blocks().AppendBinary(nil)
	f.Add(blob)
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, blob []byte) {
		var b, again Blocks
		if b.UnmarshalBinary(blob) != nil {
			return
		}
		b.Loudness()
		blob, _ = b.AppendBinary(nil)
		if err := again.UnmarshalBinary(blob); err != nil || again != b {
			t.Errorf("%x: %v", blob, err)
		}
	})
}

// music is made-up sound whose level goes up and down, with peaks.
func music(seed uint64, d time.Duration) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b []byte
	var low, level float64
	for i := range int(d.Seconds() * SampleRate) {
		if i%(SampleRate/3) == 0 {
			level = math.Pow(10, -r.Float64()*2) * fullScale
		}
		low += (r.NormFloat64() - low) * 0.2
		for c := range 2 {
			v := level * (low + 0.3*math.Sin(float64(i*(c+1))*0.05))
			b = binary.LittleEndian.AppendUint16(b, uint16(int16(min(max(v, math.MinInt16), math.MaxInt16))))
		}
	}
	return b
}

func TestLoudnessIsThatOfFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("there is no ffmpeg to compare with")
	}
	t.Parallel()
	sounds := map[string][]byte{}
	for seed := range uint64(fewer(4)) {
		sounds["music "+strconv.Itoa(int(seed))] = music(seed, 20*time.Second)
	}
	sounds["quiet"] = tones(SampleRate, -60, 5)
	sounds["a peak between samples"] = stereo(nil, SampleRate, SampleRate/4, -1, math.Pi/4, 2*time.Second)
	for _, name := range files[:fewer(len(files))] {
		sounds[name] = decodeAll(t, load(t, name))
	}
	for name, pcm := range sounds {
		m := measure(t, SampleRate, pcm)
		loudness, peak, ok := ebur128(t, pcm)
		if !ok {
			continue // too short for it
		}
		if got := m.Loudness(); math.Abs(got-loudness) > 0.1 {
			t.Errorf("%s: %.2f LUFS, ffmpeg says %.1f", name, got, loudness)
		}
		if got := decibel(m.Peak()); math.Abs(got-peak) > 0.3 {
			t.Errorf("%s: %.2f dBTP, ffmpeg says %.1f", name, got, peak)
		}
	}
}

var summary = regexp.MustCompile(`(?s)Integrated loudness:\s+I:\s+(-?[\d.]+) LUFS.*True peak:\s+Peak:\s+(-?[\d.]+) dBFS`)

// ebur128 is what ffmpeg measures, to a tenth.
func ebur128(t *testing.T, pcm []byte) (loudness, peak float64, ok bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.s16")
	if err := os.WriteFile(path, pcm, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostats", "-hide_banner", "-f", "s16le", "-ar", strconv.Itoa(SampleRate), "-ac", "2", "-i", path,
		"-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	m := summary.FindSubmatch(said.Bytes())
	if m == nil {
		t.Fatalf("ffmpeg says %s", said.String())
	}
	loudness, _ = strconv.ParseFloat(string(m[1]), 64)
	peak, _ = strconv.ParseFloat(string(m[2]), 64)
	return loudness, peak, loudness > -70
}

func BenchmarkMeter(b *testing.B) {
	pcm := music(1, 5*time.Second)
	b.ReportAllocs()
	for b.Loop() {
		NewMeter(SampleRate).Write(pcm)
	}
	b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
}
