package library

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"earshot/protocol"
)

// clean makes a tag's or a file name's text fit for any screen: valid UTF-8, in
// one line, without control characters, of at most protocol.MaxText bytes.
func clean(s string) string {
	s = strings.Map(printable, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(norm.NFC.String(s))
	if len(s) <= protocol.MaxText {
		return s
	}
	n := protocol.MaxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimSpace(s[:n])
}

// printable turns white space into a space, and takes out what a terminal may
// obey: control characters, and those that change the direction of text.
func printable(r rune) rune {
	const joiner, nonJoiner = '\u200d', '\u200c' // scripts and emoji need them
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != joiner && r != nonJoiner:
		return -1
	}
	return r
}

// fold returns what s is sorted and compared by: without accents and case.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
}

// byteText reads Latin-1, unless it is UTF-8: many programs write that without
// saying so, and hardly any text is both.
func byteText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// utf16Text reads UTF-16 in the order that its marks say, little-endian without.
func utf16Text(b []byte, big bool) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if big {
			u = binary.BigEndian.Uint16(b)
		}
		switch u {
		case 0xfeff: // in order: each value may have a mark
		case 0xfffe:
			big = !big
		default:
			units = append(units, u)
		}
	}
	return string(utf16.Decode(units))
}
