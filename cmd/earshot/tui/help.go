package tui

import (
	"strings"

	"earshot/cmd/earshot/text"
)

// helpLine is a key and what it does; without a key it is a heading.
type helpLine struct{ key, what string }

// keyHelp tells the keys.
var keyHelp = []helpLine{
	{"", "Playing"},
	{"space", "pause, go on"},
	{"n p", "next, previous track"},
	{"left right", "5 s back, ahead (h l)"},
	{"H L", "30 s back, ahead (shift+arrows)"},
	{"+ -", "louder, softer"},
	{"s r", "shuffle, repeat"},
	{"", "Views"},
	{"1 to 5", "now, queue, search, library, peers"},
	{"tab", "the next view"},
	{"/", "search"},
	{"?", "this help"},
	{"esc", "back"},
	{"q", "quit"},
	{"", "Lists"},
	{"up down", "move (j k, pgup pgdown, g G)"},
	{"enter", "open, or play now"},
	{"a", "add to the queue"},
	{"i", "play next"},
	{"backspace", "back, in the library"},
	{"", "Queue"},
	{"d", "remove"},
	{"J K", "move down, up"},
	{"c", "clear"},
	{".", "to the track that plays"},
	{"", "Commands"},
}

// helpLines are the whole help.
func helpLines() []helpLine {
	lines := keyHelp[:len(keyHelp):len(keyHelp)]
	for _, c := range commands() {
		lines = append(lines, helpLine{":" + joined(" ", c.name, c.usage), c.what})
	}
	return lines
}

// drawHelp draws the help, in as many columns as there is room for.
func (m *model) drawHelp(w, h int) []string {
	const keyWidth, columnWidth = 20, 66
	all := helpLines()
	columns := max(1, min(w/columnWidth, 3))
	rows := max(h-1, 1)
	lines := make([]string, 0, rows)
	each := (len(all) + columns - 1) / columns
	first, last := m.help.window(each, min(rows, each))
	if columns == 1 && each > rows { // the help scrolls under its cursor
		m.help.cursor = min(m.help.cursor, each-rows) // so that the way back begins at once
		first = m.help.cursor
		last = first + rows
	}
	for i := first; i < last; i++ {
		var b strings.Builder
		for c := range columns {
			at := c*each + i
			if at >= len(all) {
				continue
			}
			l := all[at]
			if l.key == "" {
				b.WriteString(paint(bold, text.Pad("  "+l.what, w/columns)))
			} else {
				b.WriteString("  " + paint(accent, text.Pad(l.key, keyWidth)) + text.Pad(l.what, w/columns-keyWidth-2))
			}
		}
		lines = append(lines, b.String())
	}
	return lines
}
