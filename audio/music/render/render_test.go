package main

import (
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hajimehoshi/go-mp3"
)

// goertzel returns the amplitude of one frequency in a signal, under a Hann
// window (Goertzel, American Mathematical Monthly 65, 1958).
func goertzel(x []float64, freq float64) float64 {
	k := 2 * math.Cos(2*math.Pi*freq/sampleRate)
	var a, b float64
	for i, v := range x {
		window := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(x)))
		a, b = v*window+k*a-b, a
	}
	return math.Sqrt(max(0, a*a+b*b-k*a*b)) / float64(len(x)) * 4
}

func hertz(pitch float64) float64 { return 440 * math.Exp2((pitch-69)/12) }

func TestStringsAreInTune(t *testing.T) {
	const cents = 0.01 // of a semitone
	for pitch := 36.0; pitch <= 84; pitch += 4 {
		x := make([]float64, sampleRate/2)
		pluck(x, pitch, 0.7, 2, 0.2, rand.New(rand.NewPCG(1, 1)))
		// The strongest of the frequencies around the fundamental.
		best, at := 0.0, 0.0
		for off := -50 * cents; off <= 50*cents; off += 2 * cents {
			if a := goertzel(x, hertz(pitch+off)); a > best {
				best, at = a, off
			}
		}
		if math.Abs(at) > 4*cents {
			t.Errorf("pitch %g sounds %.0f cents off", pitch, at*100)
		}
	}
}

func TestAStringEndsWhenReleased(t *testing.T) {
	x := make([]float64, 2*sampleRate)
	used := pluck(x, 60, 0.7, 0.2, 0.1, rand.New(rand.NewPCG(1, 1)))
	if used >= len(x) || used < sampleRate/5 {
		t.Errorf("held 0.2 s and released in 0.1 s, it sounds %g s", float64(used)/sampleRate)
	}
	if last := math.Abs(x[used-1]); last > 1e-3 {
		t.Errorf("it ends at %g: that clicks", last)
	}
}

// opening returns the first bars of a score.
func opening(t *testing.T, name string, bars int) *Score {
	t.Helper()
	s, err := load(name)
	if err != nil {
		t.Fatal(err)
	}
	s.Bars, s.SlowBars = bars, 0
	s.Notes = slices.DeleteFunc(s.Notes, func(n Note) bool { return n.Start+n.Length > bars*s.BarTicks })
	return s
}

func TestRenderingIsTheSameEachTime(t *testing.T) {
	s := opening(t, "scores/03-invention.score", 2)
	a, b := s.Render(), s.Render()
	if !slices.Equal(a.Left, b.Left) || !slices.Equal(a.Right, b.Right) {
		t.Error("the same score sounds different")
	}
}

func TestRenderingStaysBelowTheCeilingAndEndsSilent(t *testing.T) {
	for _, name := range []string{"scores/01-prelude.score", "scores/02-minuet.score"} {
		sound := opening(t, name, 2).Render()
		power := 0.0
		for i := range sound.Left {
			if peak := max(math.Abs(sound.Left[i]), math.Abs(sound.Right[i])); peak > ceiling*1.0001 {
				t.Fatalf("%s: sample %d is %g", name, i, peak)
			}
			power += sound.Left[i]*sound.Left[i] + sound.Right[i]*sound.Right[i]
		}
		db := 10 * math.Log10(power/float64(len(sound.Left)))
		if math.Abs(db-loudness) > 1 {
			t.Errorf("%s: %.1f dB loud, want %.1f", name, db, float64(loudness))
		}
		if last := math.Abs(sound.Left[len(sound.Left)-1]); last > 1e-6 {
			t.Errorf("%s: ends at %g", name, last)
		}
	}
}

// What is in the MP3 files is what is in the scores: while a note sounds, its
// pitch is stronger than the semitones beside it, unless they sound too.
func TestTheShippedFilesPlayTheirScores(t *testing.T) {
	for _, base := range []string{"01-prelude", "02-minuet", "03-invention"} {
		s, err := load("scores/" + base + ".score")
		if err != nil {
			t.Fatal(err)
		}
		const seconds = 12
		x := decode(t, filepath.Join("..", base+".mp3"), seconds)
		notes := s.perform()
		heard, missed := 0, 0
		for _, n := range notes {
			from := int((n.start + 0.02) * sampleRate)
			to := from + int(min(n.hold, 0.35)*sampleRate)
			if n.hold < 0.12 || to > len(x) || clash(notes, n) {
				continue
			}
			heard++
			at := goertzel(x[from:to], hertz(float64(n.pitch)))
			if at < goertzel(x[from:to], hertz(float64(n.pitch)-1)) || at < goertzel(x[from:to], hertz(float64(n.pitch)+1)) {
				missed++
			}
		}
		if heard < 10 || missed*50 > heard {
			t.Errorf("%s: of %d notes in the first %d s %d are not what sounds", base, heard, seconds, missed)
		}
	}
}

// clash tells whether a pitch within a semitone and a half of n's sounds, or
// still rings, with it.
func clash(notes []played, n played) bool {
	return slices.ContainsFunc(notes, func(o played) bool {
		near := o.pitch != n.pitch && o.pitch-n.pitch <= 2 && n.pitch-o.pitch <= 2
		return near && o.start < n.start+n.hold && o.start+o.hold+0.1 > n.start
	})
}

// decode returns the first seconds of a file, both sides together, without
// the 1105 samples by which lame's encoder and a decoder delay it (529 of the
// decoder, 576 of lame).
func decode(t *testing.T, file string, seconds int) []float64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := mp3.NewDecoder(io.MultiReader(f)) // without Seek, which would read all of it
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 4*(1105+1152+seconds*sampleRate))
	if _, err := io.ReadFull(d, raw); err != nil {
		t.Fatalf("decoding %s: %v", file, err)
	}
	raw = raw[4*1105:]
	x := make([]float64, len(raw)/4)
	for i := range x {
		left := int16(uint16(raw[4*i]) | uint16(raw[4*i+1])<<8)
		right := int16(uint16(raw[4*i+2]) | uint16(raw[4*i+3])<<8)
		x[i] = (float64(left) + float64(right)) / (1 << 16)
	}
	return x
}

func TestTheNotationInThePackageCommentParses(t *testing.T) {
	music := "one: mf 4:d5 8:g4 a4 | 4:d5 g4\ntwo: 2:r | r"
	if _, err := Parse(header + music); err != nil {
		t.Error(err)
	}
	figure := strings.ReplaceAll(header, "2/4", "4/4") +
		"figure wave one: 2:$1 $1\nfigure wave two: 8:r 16:$2 $3 $4 $2 $3 $4 8:r 16:$2 $3 $4 $2 $3 $4\nwave mp c4 g4 c5 e5"
	if _, err := Parse(figure); err != nil {
		t.Error(err)
	}
}

func BenchmarkRenderPrelude(b *testing.B) {
	s, err := load("scores/01-prelude.score")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.Render()
	}
}
