package tui

import (
	"strings"
	"time"
)

// sourceStyles are the colours of a bar's parts, by their letters in
// control.Playing's Parts.
var sourceStyles = map[byte]style{'S': server, 'P': peers, 'C': cache}

// bar draws how far a track has played and what of it is there, each cell in the
// colour of where it came from. parts is as in control.Playing: empty where
// nothing is known, all of it is drawn as there then.
func (g *glyphs) bar(columns int, position, length time.Duration, parts string) string {
	head := -1
	if length > 0 {
		head = min(columns-1, int(float64(columns)*float64(position)/float64(length)))
	}
	var b runs
	for i := range columns {
		source := sourceAt(parts, i, columns)
		switch {
		case i == head:
			b.add(bold, g.head)
		case source == ' ' && i > head:
			b.add(dim, g.missing)
		case i < head:
			b.add(sourceStyles[source], g.played)
		default:
			b.add(sourceStyles[source], g.ahead)
		}
	}
	return b.String()
}

// strip writes the letters of where each part of a track came from.
func strip(columns int, parts string) string {
	var b runs
	for i := range columns {
		source := sourceAt(parts, i, columns)
		if parts == "" {
			source = ' '
		}
		b.add(sourceStyles[source], string(rune(source)))
	}
	return b.String()
}

// sourceAt is the letter of one of so many cells; a space where it is not there,
// 0 where nothing is known.
func sourceAt(parts string, cell, cells int) byte {
	if parts == "" {
		return 0
	}
	switch c := parts[cell*len(parts)/cells]; c {
	case 'S', 'P', 'C':
		return c
	}
	return ' '
}

// runs joins pieces of the same style, so that a bar is a few sequences.
type runs struct {
	done  strings.Builder
	style style
	text  strings.Builder
}

func (r *runs) add(s style, text string) {
	if s != r.style {
		r.flush()
		r.style = s
	}
	r.text.WriteString(text)
}

func (r *runs) flush() {
	r.done.WriteString(paint(r.style, r.text.String()))
	r.text.Reset()
}

func (r *runs) String() string {
	r.flush()
	return r.done.String()
}
