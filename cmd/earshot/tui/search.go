package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"earshot/protocol"
)

// searchPause is how long typing rests before the catalogue is asked: shorter
// than between two keys of a slow typist would ask for each letter, longer than
// 1/8 s is felt as delay.
const searchPause = 120 * time.Millisecond

// finder is the view that searches as one types.
type finder struct {
	query  edit
	typing bool
	words  string // that the answer is to
	wait   int    // number of the last change
	pager
	list
}

type (
	// settledMsg says that nothing was typed for a while.
	settledMsg int
	foundMsg   page
)

func newFinder() finder { return finder{query: edit{limit: protocol.MaxQueryText}} }

// changed takes note that the query is another one.
func (f *finder) changed(m *model) {
	f.wait++
	m.after(searchPause, settledMsg(f.wait))
}

// ask asks what was typed, once it rests.
func (m *model) ask(number int) {
	f := &m.search
	words := strings.TrimSpace(f.query.String())
	if number != f.wait || words == f.words {
		return
	}
	f.words, f.list = words, list{}
	q := protocol.Query{Kind: protocol.QueryWords, Text: words}
	f.begin(q)
	if words == "" {
		f.Results, f.asked = protocol.Results{}, true
		return
	}
	f.more(m)
}

// more asks for the next page, where it is due.
func (f *finder) more(m *model) {
	if f.words == "" {
		return
	}
	f.fetch(m, f.cursor, func(p page) tea.Msg { return foundMsg(p) })
}

func (f *finder) take(m *model, msg foundMsg) {
	if f.pager.take(page(msg)) && f.err != nil {
		m.complain(f.err)
	}
}

// key takes a key while the query is being typed; false where it is for the
// views.
func (f *finder) key(m *model, k tea.Key, name string) bool {
	n := len(f.Tracks)
	switch {
	case name == "esc":
		f.typing = false
	case name == "tab", name == "shift+tab", name == "f1":
		return false
	case name == "up", name == "down", name == "pgup", name == "pgdown":
		f.list.key(name, n, m.page()-2)
		f.more(m)
	case name == "enter":
		f.typing = false
		if n > 0 && strings.TrimSpace(f.query.String()) == f.words {
			return f.listKey(m, name)
		}
	case f.query.key(name):
		f.changed(m)
	case k.Text != "":
		f.query.insert(k.Text)
		f.changed(m)
	}
	return true
}

// listKey takes a key while the results have them.
func (f *finder) listKey(m *model, name string) bool {
	if f.list.key(name, len(f.Tracks), m.page()-2) {
		f.more(m)
		return true
	}
	if f.cursor >= len(f.Tracks) {
		return false
	}
	t := f.Tracks[f.cursor]
	return m.trackKey(name, []protocol.ID{t.ID}, titleOf(t))
}

// draw draws the query and what it found.
func (f *finder) draw(m *model, w, h int) ([]string, *tea.Cursor) {
	shown, at := f.query.show(w - 6)
	var cursor *tea.Cursor
	mark := paint(dim, " / ")
	if f.typing {
		cursor = tea.NewCursor(at+3, 0)
		mark = paint(accent, " / ")
	}
	lines := []string{mark + shown, " " + paint(dim, f.summary())}
	first, last := f.window(len(f.Tracks), h-2)
	for i := first; i < last; i++ {
		t := f.Tracks[i]
		mark, s := " ", plain
		if m.state.Track != nil && m.state.Track.ID == t.ID {
			mark, s = m.glyphs.here, sounding
		}
		lines = append(lines, m.row(w, i == f.cursor, s, mark+" ", t))
	}
	return lines, cursor
}

// summary says how much was found.
func (f *finder) summary() string {
	switch {
	case f.words == "" && len(f.query.runes) == 0:
		return "words of a title, an artist or an album"
	case f.err != nil:
		return "the search failed"
	case !f.asked || f.asking && len(f.Tracks) == 0 || strings.TrimSpace(f.query.String()) != f.words:
		return "searching"
	case f.Total == 0:
		return "nothing matches"
	}
	return fmt.Sprintf("%d of %s", f.cursor+1, count(f.Total, "track"))
}
