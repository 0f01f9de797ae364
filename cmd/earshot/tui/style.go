package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"earshot/cmd/earshot/text"
)

// style is the parameters of an SGR sequence (ECMA-48, 8.3.117); empty for none.
// The renderer leaves the colours out where NO_COLOR or the terminal says so.
type style string

// The styles. The colours of the sources are those of the commands' output.
const (
	plain    style = ""
	bold     style = "1"
	dim      style = "2"
	reverse  style = "7"
	server   style = "33" // yellow
	peers    style = "32" // green
	cache    style = "36" // cyan
	accent   style = "1;35"
	trouble  style = "1;31"
	chosen   style = "7"    // the row of the cursor
	sounding style = "1;35" // the row of the track that plays
)

// paint gives text a style.
func paint(s style, text string) string {
	if s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[m"
}

// width is the width of painted text, in columns.
func width(s string) int { return ansi.StringWidthWc(s) }

// spread puts one piece of painted text to the left of a line and one to its
// right; where they do not fit, the left one is cut.
func spread(columns int, left, right string) string {
	room := columns - width(right)
	if room < 0 {
		return ansi.TruncateWc(right, columns, "")
	}
	if width(left) > room {
		left = ansi.TruncateWc(left, max(0, room-1), "")
	}
	return left + strings.Repeat(" ", max(0, room-width(left))) + right
}

// joined joins the texts that are not empty.
func joined(separator string, parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, separator)
}

// fit cuts a stranger's text and isolates its direction.
func fit(s string, columns int) string { return text.Isolate(text.Fit(s, columns)) }

// glyphs are the pictures of a screen, each one column wide.
type glyphs struct {
	played, ahead, missing, head      string // of a bar
	playing, paused, waiting, stopped string
	here, dot, down, up, cursor       string
}

var (
	pictures = glyphs{
		played: "━", ahead: "─", missing: "·", head: "●",
		playing: "▶", paused: "‖", waiting: "…", stopped: "■",
		here: "▶", dot: "·", down: "↓", up: "↑", cursor: "›",
	}
	// letters are for terminals whose locale is not UTF-8.
	letters = glyphs{
		played: "=", ahead: "-", missing: ".", head: "O",
		playing: ">", paused: "|", waiting: "~", stopped: "#",
		here: ">", dot: "-", down: "v", up: "^", cursor: ">",
	}
)

// glyphsOf chooses by the locale, as the C library reads it: the first of the
// three that is set. Where none is, terminals of today are taken at their word.
func glyphsOf(getenv func(string) string) glyphs {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToUpper(getenv(name)); locale != "" {
			if strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8") {
				return pictures
			}
			return letters
		}
	}
	return pictures
}
