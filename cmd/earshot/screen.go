package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"earshot/cmd/earshot/text"
)

// screen is stdout or stderr. Text for people goes through line, and JSON
// through json; both let no control character out of it, since titles and
// names come from strangers' files.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	tty    bool              // lines can be written over
	dumb   bool              // a terminal on which they cannot
	colour bool              // unless NO_COLOR (no-color.org) or TERM=dumb asks for none
	width  func() int        // columns; 0 where lines may have any length
	live   bool              // the last line is to be written over
	taker  func(line string) // takes the lines while something else is on the terminal; nil: none
}

// newScreen looks at what file is.
func newScreen(file *os.File) *screen {
	_, terminal := terminalWidth(file)
	tty := terminal && os.Getenv("TERM") != "dumb"
	return &screen{
		out: file, tty: tty, dumb: terminal && !tty, colour: tty && os.Getenv("NO_COLOR") == "",
		width: func() int {
			columns, _ := terminalWidth(file)
			return columns
		},
	}
}

// cell is a piece of text and its colour: the number of an SGR sequence
// (ECMA-48, 8.3.117), empty for none.
type cell struct {
	text   string
	colour string
}

// The colours, as the terminal has them.
const (
	dim    = "2"
	yellow = "33" // the server's share
	green  = "32" // the peers'
	cyan   = "36" // the cache's
)

// Write writes what package cli makes of our own words: help, completions.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(b)
}

// say writes a line.
func (s *screen) say(format string, args ...any) { s.line(cell{text: fmt.Sprintf(format, args...)}) }

// line writes a line, in the place of one that was overlaid.
func (s *screen) line(cells ...cell) { s.write(false, goesOn, cells) }

// goesOn is the column at which a line goes on that is wider than the screen.
const goesOn = 2

// overlay writes a line that the next one takes the place of. It does nothing
// where that is not possible.
func (s *screen) overlay(cells ...cell) {
	if s.tty {
		s.write(true, 0, cells)
	}
}

// divert has take take all lines, until it is called with nil.
func (s *screen) divert(take func(line string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taker, s.live = take, false
}

// clear takes the overlaid line away.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live {
		s.live = false
		io.WriteString(s.out, eraseLine)
	}
}

// eraseLine goes to the first column and erases the line (ECMA-48, 8.3.41).
const eraseLine = "\r\x1b[K"

// write writes a line. One that is wider than the screen goes on below, at a column of
// its own: the terminal would cut words.
func (s *screen) write(live bool, goesOn int, cells []cell) {
	var b strings.Builder
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taker != nil {
		if !live {
			s.taker(joinCells(cells))
		}
		return
	}
	if s.live {
		b.WriteString(eraseLine)
	}
	s.live = live
	width, column := 0, 0
	if !live {
		width = s.width()
	}
	for _, c := range cells {
		text := plain(c.text)
		text, column = foldFrom(text, column, goesOn, width)
		if s.colour && c.colour != "" && text != "" {
			text = "\x1b[" + c.colour + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	if !live {
		b.WriteByte('\n')
	}
	io.WriteString(s.out, b.String())
}

func joinCells(cells []cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(c.text)
	}
	return b.String()
}

// json writes a value as one line of JSON.
func (s *screen) json(v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.WriteString(s.out, plainJSON(b.String()))
	return err
}

// plain makes text fit for a screen, one line of it.
func plain(s string) string { return text.Plain(s) }

// unfit reports whether a character does something rather than show something.
func unfit(r rune) bool { return text.Unfit(r) }

// plainJSON escapes what package json leaves as it is.
func plainJSON(text string) string {
	body := strings.TrimSuffix(text, "\n")
	if !strings.ContainsFunc(body, unfit) {
		return text
	}
	var b strings.Builder
	for _, r := range body {
		switch {
		case r == utf8.RuneError || !unfit(r):
			b.WriteRune(r)
		case r > 0xffff: // a surrogate pair (RFC 8259, section 7)
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String() + "\n"
}
