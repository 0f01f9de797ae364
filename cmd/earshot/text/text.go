// Package text makes text from strangers fit for a terminal, and measures it.
//
// Titles, names and addresses come from files and nodes that nobody vouches
// for. Plain takes from them everything that does something rather than show
// something; Width and Fit count columns as terminals do; Isolate keeps text
// that runs from right to left from turning its surroundings around.
package text

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/unicode/bidi"
)

// Plain makes text fit for a screen, one line of it: no control character
// comes through, no sequence that begins with one, nothing that changes the
// direction of the text around it, and nothing that joins or varies pictures,
// whose width terminals do not agree on.
func Plain(s string) string {
	if !strings.ContainsFunc(s, changed) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case r == utf8.RuneError:
			return utf8.RuneError
		case isFlag(r):
			return 'A' + r - flagA
		case changed(r):
			return -1
		}
		return r
	}, s)
}

// Unfit reports whether a character does something rather than show something.
func Unfit(r rune) bool {
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

// changed reports whether Plain changes a character.
func changed(r rune) bool {
	return Unfit(r) || unicode.Is(unicode.Variation_Selector, r) || isFlag(r) || r >= 0x1f3fb && r <= 0x1f3ff // skin tones
}

// flagA is the first of the letters that flags are made of, in pairs.
const flagA = 0x1f1e6

func isFlag(r rune) bool { return r >= flagA && r < flagA+26 }

// Width is the width of text on a screen, in columns: 2 for what East Asian
// scripts and most pictures take, none for marks that stand on the character
// before them (wcwidth, as most terminals count).
func Width(s string) int { return ansi.StringWidthWc(Plain(s)) }

// Fit cuts text that is wider than so many columns, and says so with dots.
func Fit(s string, columns int) string {
	s = Plain(s)
	if ansi.StringWidthWc(s) <= columns {
		return s
	}
	const dots = "..."
	room := columns - len(dots)
	if room < 1 {
		return dots[:min(len(dots), max(0, columns))]
	}
	return ansi.TruncateWc(s, room, "") + dots
}

// Pad makes text exactly so many columns wide, and isolates it.
func Pad(s string, columns int) string {
	s = Fit(s, columns)
	return Isolate(s) + strings.Repeat(" ", max(0, columns-ansi.StringWidthWc(s)))
}

// Isolate puts text that holds characters of right-to-left scripts between the
// marks that keep its direction to itself (Unicode Standard Annex 9, section
// 2.4.2): terminals that reorder text would let two columns of it change places.
func Isolate(s string) string {
	const first, pop = "\u2068", "\u2069"
	if strings.ContainsFunc(s, fromRight) {
		return first + s + pop
	}
	return s
}

func fromRight(r rune) bool {
	if r < 0x590 { // no such script stands below
		return false
	}
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL
}

// Clock writes a time as M:SS or H:MM:SS.
func Clock(d time.Duration) string {
	seconds := max(0, int(d/time.Second))
	if seconds < 3600 {
		return strconv.Itoa(seconds/60) + ":" + two(seconds%60)
	}
	return strconv.Itoa(seconds/3600) + ":" + two(seconds/60%60) + ":" + two(seconds%60)
}

// Waiting says why a track does not sound yet: so much more sound is to come first,
// which is likely to take so long; 0 where that is not known.
func Waiting(sound, takes time.Duration) string {
	if sound == 0 {
		return "waiting until it is known how fast it arrives"
	}
	seconds := func(d time.Duration) string { return strconv.Itoa(int((d+time.Second-1)/time.Second)) + " s" }
	return "waiting for " + seconds(sound) + " of sound, starts in about " + seconds(takes)
}

func two(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
