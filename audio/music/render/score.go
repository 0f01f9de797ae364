package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Time in a score is counted in ticks. 96 a crotchet divides evenly down to a
// 64th note with a dot.
const (
	crotchet  = 96
	semibreve = 4 * crotchet
)

// Bounds on a score, so that a slip of the pen (or a fuzzer) cannot make it
// expand without end. The longest score here has 35 bars and 700 notes.
const (
	maxSource = 64 << 10 // bytes
	maxBars   = 1000
	maxNotes  = 20_000
	maxLevel  = 4 // of a voice: 12 dB above the others
)

// Score is a piece of music, parsed and checked.
type Score struct {
	Title, Composer, Album string
	Track, Year            int

	Encode   Encoding
	Tempo    float64 // crotchets a minute
	BarTicks int
	Beat     int     // ticks
	Bars     int     // the same in each voice
	Release  float64 // seconds that a note takes to die away once it ends
	SlowBars int     // the last bars, over which the tempo falls evenly
	SlowTo   float64 // to this fraction

	Notes []Note // by voice, then by start
}

// Encoding says how a piece becomes an MP3 file.
type Encoding struct {
	VBR    bool
	Rate   int // kbit/s; with VBR, lame's quality (0 is best, 9 smallest)
	Stereo bool
}

// Note is one note to sound.
type Note struct {
	Start, Length int     // ticks
	Pitch         int     // MIDI number: 60 is middle C, 69 the A of 440 Hz
	Loud          float64 // 0 to 1, from the dynamics
	Level         float64 // its voice's
	Rank          int     // place in an arpeggiated chord, from below; 0 otherwise
}

// parser holds what has been read of a score so far.
type parser struct {
	score   Score
	sharps  int // of the key; flats are negative
	voices  []*voice
	figures map[string][]figureLine
	seen    map[string]bool // header words
	notes   int
}

// figureLine is what one voice plays in a figure, with $1, $2, ... for the
// notes that its use gives.
type figureLine struct {
	voice *voice
	text  string
}

// Parse reads a score in the notation that the package comment describes.
func Parse(text string) (*Score, error) {
	if len(text) > maxSource {
		return nil, fmt.Errorf("a score of %d bytes: %d at the most", len(text), maxSource)
	}
	p := &parser{figures: map[string][]figureLine{}, seen: map[string]bool{}}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "# ")
		if line = strings.TrimSpace(line); line == "" || line == "#" {
			continue
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return p.finish()
}

// line takes one line: of the header, of a figure, or of music.
func (p *parser) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	if name, ok := strings.CutSuffix(word, ":"); ok {
		v := p.voice(name)
		if v == nil {
			return fmt.Errorf("no voice %q", name)
		}
		return p.play(v, rest)
	}
	if lines, ok := p.figures[word]; ok {
		return p.useFigure(lines, rest)
	}
	switch word {
	case "voice":
		return p.addVoice(rest)
	case "figure":
		return p.addFigure(rest)
	}
	if p.seen[word] {
		return fmt.Errorf("%q a second time", word)
	}
	p.seen[word] = true
	if err := p.header(word, rest); err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	return nil
}

// header takes one header line.
func (p *parser) header(word, rest string) error {
	s := &p.score
	fields := strings.Fields(rest)
	switch word {
	case "title":
		s.Title = rest
	case "composer":
		s.Composer = rest
	case "album":
		s.Album = rest
	case "track":
		return setInt(&s.Track, rest, 1, 99)
	case "year":
		return setInt(&s.Year, rest, 1000, 1954)
	case "tempo":
		return setFloat(&s.Tempo, rest, 20, 400)
	case "release":
		return setFloat(&s.Release, rest, 0.01, 10)
	case "encode":
		return s.Encode.parse(fields)
	case "time":
		return s.parseTime(rest)
	case "key":
		sharps, ok := majorKeys[rest]
		if !ok {
			return fmt.Errorf("no major key %q", rest)
		}
		p.sharps = sharps
	case "slow":
		if len(fields) != 2 {
			return errors.New("takes the number of bars and the fraction of the tempo")
		}
		if err := setInt(&s.SlowBars, fields[0], 0, maxBars); err != nil {
			return err
		}
		return setFloat(&s.SlowTo, fields[1], 0.2, 1)
	default:
		return errors.New("not a word of the header, a figure or a voice")
	}
	return nil
}

func (s *Score) parseTime(text string) error {
	var beats, unit int
	over, under, _ := strings.Cut(text, "/")
	if err := setInt(&beats, over, 1, 16); err != nil {
		return err
	}
	if err := setInt(&unit, under, 1, 16); err != nil {
		return err
	}
	if semibreve%unit != 0 {
		return fmt.Errorf("no note is 1/%d", unit)
	}
	s.Beat = semibreve / unit
	s.BarTicks = beats * s.Beat
	return nil
}

func (e *Encoding) parse(fields []string) error {
	if len(fields) != 3 {
		return errors.New("takes cbr or vbr, a rate or quality, and mono or stereo")
	}
	e.VBR, e.Stereo = fields[0] == "vbr", fields[2] == "stereo"
	if !e.VBR && fields[0] != "cbr" || !e.Stereo && fields[2] != "mono" {
		return errors.New("takes cbr or vbr, a rate or quality, and mono or stereo")
	}
	if e.VBR {
		return setInt(&e.Rate, fields[1], 0, 9)
	}
	return setInt(&e.Rate, fields[1], 32, 320)
}

func (p *parser) voice(name string) *voice {
	for _, v := range p.voices {
		if v.name == name {
			return v
		}
	}
	return nil
}

func (p *parser) addVoice(rest string) error {
	fields := strings.Fields(rest)
	if len(fields) != 2 {
		return errors.New("a voice has a name and a level")
	}
	if p.voice(fields[0]) != nil {
		return fmt.Errorf("voice %q a second time", fields[0])
	}
	v := &voice{name: fields[0], loud: dynamics["mf"], tied: map[int]int{}}
	p.voices = append(p.voices, v)
	return setFloat(&v.level, fields[1], 0, maxLevel)
}

func (p *parser) addFigure(rest string) error {
	name, rest, _ := strings.Cut(rest, " ")
	voiceName, text, ok := strings.Cut(rest, ":")
	v := p.voice(strings.TrimSpace(voiceName))
	if !ok || v == nil {
		return errors.New("a figure has a name, a voice and a colon before its notes")
	}
	p.figures[name] = append(p.figures[name], figureLine{v, text})
	return nil
}

// useFigure plays a bar of a figure: an optional dynamic, then its notes.
func (p *parser) useFigure(lines []figureLine, rest string) error {
	args := strings.Fields(rest)
	loud := ""
	if len(args) > 0 && dynamics[args[0]] > 0 {
		loud, args = args[0]+" ", args[1:]
	}
	if len(args) > 9 {
		return errors.New("a figure takes nine notes at the most")
	}
	var pairs []string
	for i, a := range args {
		pairs = append(pairs, "$"+strconv.Itoa(i+1), a)
	}
	names := strings.NewReplacer(pairs...)
	for _, l := range lines {
		if err := p.play(l.voice, loud+names.Replace(l.text)); err != nil {
			return fmt.Errorf("%s: %w", l.voice.name, err)
		}
	}
	return nil
}

// finish checks what only the whole score shows.
func (p *parser) finish() (*Score, error) {
	for _, word := range []string{"title", "composer", "album", "track", "year", "encode", "time", "key", "tempo", "release", "slow"} {
		if !p.seen[word] {
			return nil, fmt.Errorf("the header lacks %q", word)
		}
	}
	if p.notes == 0 {
		return nil, errors.New("there is not one note")
	}
	s := &p.score
	s.Bars = p.voices[0].at / s.BarTicks
	for _, v := range p.voices {
		if bars := v.at / s.BarTicks; bars != s.Bars {
			return nil, fmt.Errorf("voice %s has %d bars, voice %s has %d", v.name, bars, p.voices[0].name, s.Bars)
		}
		if len(v.tied) > 0 {
			return nil, fmt.Errorf("voice %s ends with a tie", v.name)
		}
		s.Notes = append(s.Notes, v.notes...)
	}
	return s, nil
}

func setInt(to *int, text string, low, high int) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return fmt.Errorf("%q is not a number from %d to %d", text, low, high)
	}
	*to = n
	return nil
}

func setFloat(to *float64, text string, low, high float64) error {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= low && x <= high) {
		return fmt.Errorf("%q is not a number from %g to %g", text, low, high)
	}
	*to = x
	return nil
}
