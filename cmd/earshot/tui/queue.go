package tui

import (
	"strconv"
	"time"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
	"earshot/protocol"
)

// drawQueue lists the queue.
func (m *model) drawQueue(w, h int) []string {
	n := len(m.queue.Tracks)
	if n == 0 {
		return []string{"", "  The queue is empty: " + paint(bold, "/") + " searches, " + paint(bold, "4") + " is the library."}
	}
	first, last := m.queued.window(n, h-1)
	digits := len(strconv.Itoa(n))
	var lines []string
	for i := first; i < last; i++ {
		number := strconv.Itoa(i + 1)
		for len(number) < digits {
			number = " " + number
		}
		mark, s := " ", plain
		if i == m.queue.Index {
			mark, s = m.glyphs.here, sounding
		}
		lines = append(lines, m.row(w, i == m.queued.cursor, s, mark+" "+number+"  ", m.queue.Tracks[i]))
	}
	for len(lines) < h-1 {
		lines = append(lines, "")
	}
	var left, all time.Duration
	for i, t := range m.queue.Tracks {
		all += t.Duration
		if i >= m.queue.Index {
			left += t.Duration
		}
	}
	sum := count(n, "track") + ", " + text.Clock(all)
	if m.queue.Index > 0 {
		sum += ", " + text.Clock(left) + " of it from here"
	}
	return append(lines, " "+paint(dim, sum))
}

// row draws a track in a list, under the cursor or not.
func (m *model) row(w int, cursor bool, s style, prefix string, t protocol.Track) string {
	line := " " + prefix + m.trackLine(t, w-len(" ")-width(prefix)-1) + " "
	if cursor {
		s = joinStyles(s, chosen)
	}
	return paint(s, line)
}

func joinStyles(a, b style) style {
	if a == plain {
		return b
	}
	return a + ";" + b
}

// trackLine is a track in columns: title, artist, album where there is room,
// length.
func (m *model) trackLine(t protocol.Track, w int) string {
	length := text.Clock(t.Duration)
	if t.Duration == 0 {
		length = ""
	}
	const lengthWidth = 7
	room := w - lengthWidth - 2
	only := t
	only.Artist = ""
	title := titleOf(only)
	switch {
	case room < 40:
		return text.Pad(titleOf(t), room+1) + " " + right(length, lengthWidth)
	case room < 90:
		a := room * 2 / 5
		return text.Pad(title, room-a) + " " + text.Pad(t.Artist, a) + " " + right(length, lengthWidth)
	}
	a := room * 3 / 10
	return text.Pad(title, room-2*a-1) + " " + text.Pad(t.Artist, a) + " " + text.Pad(t.Album, a) + " " + right(length, lengthWidth)
}

// right puts text of our own at the right end of a column.
func right(s string, columns int) string {
	for len(s) < columns {
		s = " " + s
	}
	return s
}

// queueKey does what a key says of the queue.
func (m *model) queueKey(name string) bool {
	n := len(m.queue.Tracks)
	if n == 0 {
		return false
	}
	at := m.queued.cursor
	if m.queued.key(name, n, m.page()-1) {
		return true
	}
	switch name {
	case "enter":
		m.send(control.Command{Do: control.DoJump, Index: at})
	case "d", "x", "delete":
		m.send(control.Command{Do: control.DoRemove, Index: at})
	case "J", "shift+down":
		m.shift(at, at+1)
	case "K", "shift+up":
		m.shift(at, at-1)
	case "c":
		m.send(control.Command{Do: control.DoClear})
	case ".":
		m.queued.cursor = max(0, m.queue.Index)
	default:
		return false
	}
	return true
}

// shift moves a track of the queue, and the cursor with it.
func (m *model) shift(from, to int) {
	if to < 0 || to >= len(m.queue.Tracks) {
		return
	}
	m.send(control.Command{Do: control.DoMove, Index: from, Dest: to})
	m.queued.cursor = to
}
