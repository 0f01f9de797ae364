package main

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// header is a whole header in 2/4 with one voice, for the tests' music.
const header = `title T
composer C
album A
track 1
year 1700
encode vbr 5 mono
time 2/4
key G
tempo 60
release 0.2
slow 0 1
voice one 1
voice two 0.5
`

// spell writes notes as pitch@start+length, for comparing.
func spell(notes []Note) string {
	var out []string
	for _, n := range notes {
		out = append(out, fmt.Sprintf("%d@%d+%d", n.Pitch, n.Start, n.Length))
	}
	return strings.Join(out, " ")
}

func TestParseReadsTheNotation(t *testing.T) {
	for _, c := range []struct{ what, music, want string }{
		{"a value holds", "one: 4:c4 8:d4 e4", "60@0+96 62@96+48 64@144+48"},
		{"accidentals and octaves", "one: 8:f#2 bb3 b3 c5", "42@0+48 58@48+48 59@96+48 72@144+48"},
		{"dots", "one: 4.:a4 8:r | 4..:a4 16:r", "69@0+144 69@192+168"},
		{"a chord", "one: 2:c4+e4+g4", "60@0+192 64@0+192 67@0+192"},
		{"a tie across the bar", "one: 8:r 4.:c4~ | 4:c4 d4", "60@48+240 62@288+96"},
		{"a mordent goes below, in the key", "one: 2:g4'", "67@0+12 66@12+12 67@24+168"},
		{"a trill comes from above, in the key", "one: 2:e4^", "66@0+12 64@12+12 66@24+12 64@36+156"},
		{"an ornament on a short note is quicker", "one: 16:e4' 8.:r 4:r", "64@0+6 62@6+6 64@12+12"},
		{"a second line goes on", "one: 2:c4\none: 2:d4", "60@0+192 62@192+192"},
		{"a figure", "figure w one: 4:$1 $2\nw c4 d4\nw p e4 f4", "60@0+96 62@96+96 64@192+96 65@288+96"},
		{"comments", "# all of it\none: 2:f#4 # the end", "66@0+192"},
	} {
		bars := strings.Count(c.want, "@192") + strings.Count(c.want, "+240")
		rests := "two: 2:r"
		if bars > 0 {
			rests += " | r"
		}
		s, err := Parse(header + c.music + "\n" + rests)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if got := spell(s.Notes); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestDynamicsHoldUntilTheNext(t *testing.T) {
	s, err := Parse(header + "one: p 4:c4 f c4 | c4 c4\ntwo: 2:r | r")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{dynamics["p"], dynamics["f"], dynamics["f"], dynamics["f"]} {
		if s.Notes[i].Loud != want {
			t.Errorf("note %d is %g loud, want %g", i, s.Notes[i].Loud, want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ music, want string }{
		{"one: 4:c4", "bar 1 of voice one holds 96/192"},
		{"one: 4:c4 d4 e4 | 4:c4", "holds 96/192"},
		{"one: c4 d4", "begins with a note value"},
		{"one: 4:h4 c4", "no note is called"},
		{"one: 4:c9 c4", "octave"},
		{"one: 3:c4", "no note value"},
		{"one: 64..:c4", "too many dots"},
		{"one: 4:c4~ d4", "from another note"},
		{"one: 4:c4~ r", "into a rest"},
		{"one: 4:c4 c4~\ntwo: 2:r", "ends with a tie"},
		{"one: 2:c4+c4", "twice in a chord"},
		{"one: 2:c4+e4'", "single note"},
		{"one: 2:c4~*", "unknown marks"},
		{"three: 2:c4", "no voice"},
		{"one: 2:c4 | c4\ntwo: 2:r", "voice two has 1 bars, voice one has 2"},
		{"one: 2:r\ntwo: 2:r", "not one note"},
		{"tempo 60", "a second time"},
		{"presto", "not a word"},
		{"voice one 1", "a second time"},
		{"voice three NaN", "not a number"},
		{"figure w three: 2:$1", "a figure has"},
		{"figure w one: 2:$1\nw", "no note is called"},
	} {
		_, err := Parse(header + c.music)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.music, err, c.want)
		}
	}
	for _, word := range []string{"title", "time", "tempo", "encode"} {
		text := strings.Replace(header, word+" ", "#", 1) + "one: 2:c4\ntwo: 2:r"
		if _, err := Parse(text); err == nil {
			t.Errorf("a header without %s is taken", word)
		}
	}
}

func TestTheScoresAreWhole(t *testing.T) {
	for name, want := range map[string]struct{ bars, notes int }{
		// 32 bars of 16 notes; 1+1+14, the same again, and a chord of five.
		"scores/01-prelude.score":   {35, 32*16 + 16 + 16 + 5},
		"scores/02-minuet.score":    {32, 215},
		"scores/03-invention.score": {22, 474},
	} {
		s, err := load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Bars != want.bars || len(s.Notes) != want.notes {
			t.Errorf("%s: %d bars and %d notes, want %d and %d", name, s.Bars, len(s.Notes), want.bars, want.notes)
		}
	}
}

func FuzzParse(f *testing.F) {
	names, err := fs.Glob(scores, "scores/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := scores.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(header + "figure w one: 4:$1' $2^\nw ff c4 d4\none: 4:c1+g7*~ c1+g7\ntwo: 2:r | r")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if len(s.Notes) == 0 || len(s.Notes) > 4*maxNotes || s.Bars > maxBars {
			t.Fatalf("%d notes in %d bars", len(s.Notes), s.Bars)
		}
		for _, n := range s.Notes {
			if n.Start < 0 || n.Length <= 0 || n.Start+n.Length > s.Bars*s.BarTicks || n.Pitch < 20 || n.Pitch > 110 {
				t.Fatalf("%+v in %d bars of %d", n, s.Bars, s.BarTicks)
			}
		}
	})
}
