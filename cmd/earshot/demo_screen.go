package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// plainWidth is the width where there is no terminal to ask: what mail, logs
// and most windows hold.
const plainWidth = 80

// The narrowest and the widest that the demo's output is laid out for, in
// columns. Wider lines are hard to read back.
const (
	minWidth = 60
	maxWidth = 200
)

// demoScreen is where the demo writes. It only ever adds to what is there, so
// that a terminal, a pipe and a file show the same, colours aside.
type demoScreen struct {
	out    io.Writer
	colour bool
	width  func() int // columns, minWidth to maxWidth
	open   bool       // the last line is not ended yet
}

// newDemoScreen looks at what file is. There are colours on a terminal, unless
// NO_COLOR (no-color.org) or TERM=dumb asks for none.
func newDemoScreen(file *os.File) *demoScreen {
	_, isTerminal := terminalWidth(file)
	return &demoScreen{
		out:    file,
		colour: isTerminal && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == "",
		width: func() int {
			if w, ok := terminalWidth(file); ok {
				return max(minWidth, min(w, maxWidth))
			}
			return plainWidth
		},
	}
}

func terminalWidth(file *os.File) (columns int, ok bool) {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	if size.Col == 0 {
		return plainWidth, true
	}
	return int(size.Col), true
}

// say writes a line of its own.
func (s *demoScreen) say(format string, args ...any) {
	s.end()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// tell writes a line under a name, in two columns.
func (s *demoScreen) tell(name, format string, args ...any) {
	s.say("%-9s %s", name, fmt.Sprintf(format, args...))
}

// add goes on in the last line.
func (s *demoScreen) add(text string) {
	if text == "" {
		return
	}
	s.open = true
	io.WriteString(s.out, text)
}

// end ends the last line, if it is not.
func (s *demoScreen) end() {
	if s.open {
		io.WriteString(s.out, "\n")
		s.open = false
	}
}

// paint gives text a background, where there are colours.
func (s *demoScreen) paint(text, background string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[30;" + background + "m" + text + "\x1b[0m"
}

// cut shortens text to a width in columns, counting each rune as one.
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text + strings.Repeat(" ", width-len(runes))
	}
	return string(runes[:max(0, width-3)]) + "..."[:min(3, width)]
}
