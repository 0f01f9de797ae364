package main

import (
	"errors"
	"fmt"
	"strings"
)

// dynamics are the signs of loudness, evenly spaced to the ear.
var dynamics = map[string]float64{"pp": 0.25, "p": 0.38, "mp": 0.52, "mf": 0.66, "f": 0.8, "ff": 0.95}

// majorKeys gives the sharps of each major key; flats are negative.
var majorKeys = map[string]int{
	"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5,
	"F": -1, "Bb": -2, "Eb": -3, "Ab": -4, "Db": -5, "Gb": -6,
}

// semitones above C of the letters, from a.
var letters = [7]int{9, 11, 0, 2, 4, 5, 7}

// voice is one line of music, as far as it has been read.
type voice struct {
	name  string
	level float64
	at    int // ticks from the beginning
	loud  float64
	tied  map[int]int // pitch to the note in notes that goes on
	notes []Note
}

// play reads one line of a voice: whole bars, separated by bar lines.
func (p *parser) play(v *voice, text string) error {
	if p.score.BarTicks == 0 {
		return errors.New("music before the header's time")
	}
	length := 0
	for _, token := range strings.Fields(text) {
		if token == "|" {
			if err := p.endBar(v); err != nil {
				return err
			}
			continue
		}
		if loud, ok := dynamics[token]; ok {
			v.loud = loud
			continue
		}
		if value, after, ok := strings.Cut(token, ":"); ok {
			var err error
			if length, err = parseLength(value); err != nil {
				return err
			}
			token = after
		}
		if length == 0 {
			return fmt.Errorf("%q: a line begins with a note value", token)
		}
		if err := p.sound(v, token, length); err != nil {
			return fmt.Errorf("%q: %w", token, err)
		}
		v.at += length
	}
	return p.endBar(v)
}

// endBar checks that the voice stands at the end of a bar.
func (p *parser) endBar(v *voice) error {
	bar, in := v.at/p.score.BarTicks, v.at%p.score.BarTicks
	if in != 0 || v.at == 0 {
		return fmt.Errorf("bar %d of voice %s holds %d/%d of a bar", bar+1, v.name, in, p.score.BarTicks)
	}
	if bar > maxBars {
		return fmt.Errorf("more than %d bars", maxBars)
	}
	return nil
}

// parseLength reads a note value: 4 is a crotchet, 4. a dotted one.
func parseLength(text string) (ticks int, err error) {
	value := strings.TrimRight(text, ".")
	dots := len(text) - len(value)
	var n int
	if err := setInt(&n, value, 1, 64); err != nil {
		return 0, err
	}
	if n&(n-1) != 0 || dots > 3 {
		return 0, fmt.Errorf("no note value %q", text)
	}
	part := semibreve / n
	ticks = part
	for range dots {
		if part%2 != 0 {
			return 0, fmt.Errorf("too many dots: %q", text)
		}
		part /= 2
		ticks += part
	}
	return ticks, nil
}

// sound adds one token's notes: a rest, a note or a chord, with its marks.
func (p *parser) sound(v *voice, token string, length int) error {
	if token == "r" {
		if len(v.tied) > 0 {
			return errors.New("a tie into a rest")
		}
		return nil
	}
	body, marks := splitMarks(token)
	var pitches []int
	for _, name := range strings.Split(body, "+") {
		pitch, err := parsePitch(name)
		if err != nil {
			return err
		}
		pitches = append(pitches, pitch)
	}
	if p.notes += 4 * len(pitches); p.notes > 4*maxNotes {
		return fmt.Errorf("more than %d notes", maxNotes)
	}
	switch marks {
	case "'", "^":
		if len(pitches) > 1 || len(v.tied) > 0 {
			return errors.New("an ornament stands on a single note without a tie")
		}
		p.ornament(v, pitches[0], length, marks == "^")
		return nil
	case "", "~", "*":
		return v.strike(pitches, length, marks)
	}
	return fmt.Errorf("unknown marks %q", marks)
}

func splitMarks(token string) (body, marks string) {
	body = strings.TrimRight(token, "~*'^")
	return body, token[len(body):]
}

// strike adds a note or chord, or lengthens the notes that are tied to it.
func (v *voice) strike(pitches []int, length int, mark string) error {
	if len(v.tied) > 0 && len(v.tied) != len(pitches) {
		return errors.New("the tie before it is from other notes")
	}
	next := map[int]int{}
	for rank, pitch := range pitches {
		i, ok := v.tied[pitch]
		switch {
		case ok:
			v.notes[i].Length += length
		case len(v.tied) > 0:
			return errors.New("the tie before it is from another note")
		default:
			i = len(v.notes)
			v.add(v.at, length, pitch)
			if mark == "*" {
				v.notes[i].Rank = rank
			}
		}
		if _, twice := next[pitch]; twice {
			return errors.New("the same note twice in a chord")
		}
		next[pitch] = i
	}
	clear(v.tied)
	if mark == "~" {
		v.tied = next
	}
	return nil
}

func (v *voice) add(at, length, pitch int) {
	v.notes = append(v.notes, Note{Start: at, Length: length, Pitch: pitch, Loud: v.loud, Level: v.level})
}

// ornament plays a mordent (the note, the one below, the note) or, where
// upper, a short trill from the note above. Its quick notes are 32nds, or a
// quarter of the note where that is shorter. C. P. E. Bach, "Versuch" (1753),
// part I, chapter 2.
func (p *parser) ornament(v *voice, pitch, length int, upper bool) {
	quick := min(crotchet/8, length/4)
	turns := []int{pitch, p.neighbour(pitch, -1)}
	if upper {
		above := p.neighbour(pitch, +1)
		turns = []int{above, pitch, above}
	}
	for i, t := range turns {
		v.add(v.at+i*quick, quick, t)
	}
	v.add(v.at+len(turns)*quick, length-len(turns)*quick, pitch)
}

// neighbour returns the next pitch of the key's scale in a direction.
func (p *parser) neighbour(pitch, step int) int {
	tonic := 7 * (p.sharps + 12) % 12
	for {
		pitch += step
		switch ((pitch-tonic)%12 + 12) % 12 {
		case 0, 2, 4, 5, 7, 9, 11:
			return pitch
		}
	}
}

// parsePitch reads a note's name: a letter, # or b, and the octave; c4 is
// middle C. It returns the MIDI number.
func parsePitch(name string) (int, error) {
	if len(name) < 2 || len(name) > 3 || name[0] < 'a' || name[0] > 'g' {
		return 0, fmt.Errorf("no note is called %q", name)
	}
	pitch := letters[name[0]-'a']
	octave := name[1:]
	switch octave[0] {
	case '#':
		pitch, octave = pitch+1, octave[1:]
	case 'b':
		pitch, octave = pitch-1, octave[1:]
	}
	if len(octave) != 1 || octave[0] < '1' || octave[0] > '7' {
		return 0, fmt.Errorf("no note is called %q: its octave is 1 to 7", name)
	}
	return pitch + 12*(int(octave[0]-'0')+1), nil
}
