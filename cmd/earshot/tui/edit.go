package tui

import (
	"unicode"

	"earshot/cmd/earshot/text"
)

// edit is a line being typed.
type edit struct {
	runes []rune
	at    int // of the cursor
	limit int // bytes, at most
}

func (e *edit) String() string { return string(e.runes) }

// insert types text.
func (e *edit) insert(s string) {
	for _, r := range text.Plain(s) {
		if len(string(e.runes))+len(string(r)) > e.limit {
			return
		}
		e.runes = append(e.runes[:e.at], append([]rune{r}, e.runes[e.at:]...)...)
		e.at++
	}
}

// cut takes the characters from here to the cursor, or from the cursor to here.
func (e *edit) cut(from int) {
	from = max(0, min(from, len(e.runes)))
	low, high := min(from, e.at), max(from, e.at)
	e.runes = append(e.runes[:low], e.runes[high:]...)
	e.at = low
}

// key edits as a key says, as in a shell; false where the key is none of editing.
func (e *edit) key(k string) bool {
	switch k {
	case "backspace", "ctrl+h":
		e.cut(e.at - 1)
	case "delete":
		e.cut(e.at + 1)
	case "ctrl+w", "alt+backspace":
		e.cut(e.wordBefore())
	case "ctrl+u":
		e.cut(0)
	case "ctrl+k":
		e.cut(len(e.runes))
	case "left":
		e.at = max(0, e.at-1)
	case "right":
		e.at = min(len(e.runes), e.at+1)
	case "home", "ctrl+a":
		e.at = 0
	case "end", "ctrl+e":
		e.at = len(e.runes)
	default:
		return false
	}
	return true
}

func (e *edit) wordBefore() int {
	at := e.at
	for at > 0 && unicode.IsSpace(e.runes[at-1]) {
		at--
	}
	for at > 0 && !unicode.IsSpace(e.runes[at-1]) {
		at--
	}
	return at
}

// show draws the line in so many columns, its end where it does not fit, and
// tells where the cursor stands.
func (e *edit) show(columns int) (shown string, cursor int) {
	before, after := string(e.runes[:e.at]), string(e.runes[e.at:])
	for r := []rune(before); text.Width(before) >= columns && len(r) > 0; {
		r = r[1:]
		before = string(r)
	}
	for r := []rune(after); text.Width(before+after) >= columns && len(r) > 0; {
		r = r[:len(r)-1]
		after = string(r)
	}
	return before + after, text.Width(before)
}
