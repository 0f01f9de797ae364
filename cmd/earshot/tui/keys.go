package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"earshot/node/control"
	"earshot/protocol"
)

// The steps of the keys.
const (
	step     = 5 * time.Second
	longStep = 30 * time.Second
	louder   = 5 // percent
)

// key does what a key says.
func (m *model) key(k tea.Key) tea.Cmd {
	name := k.String()
	switch {
	case name == "ctrl+c":
		return tea.Quit
	case name == "ctrl+z":
		return tea.Suspend
	case m.command != nil:
		return m.commandKey(k, name)
	case m.view == viewSearch && m.search.typing:
		if m.search.key(m, k, name) {
			return nil
		}
		return m.viewKey(name)
	}
	if m.note.style == plain {
		m.note.text = "" // read, or no longer of interest
	}
	if m.ownKey(name) {
		return nil
	}
	if name == "q" {
		return tea.Quit
	}
	if m.playerKey(name) {
		return nil
	}
	return m.viewKey(name)
}

// ownKey offers a key to the view that is shown.
func (m *model) ownKey(name string) bool {
	switch m.view {
	case viewQueue:
		return m.queueKey(name)
	case viewSearch:
		return m.search.listKey(m, name)
	case viewLibrary:
		return m.library.key(m, name)
	case viewPeers:
		return m.peers.key(name, len(m.status.Neighbours), m.page())
	case viewHelp:
		return m.help.key(name, len(helpLines()), m.page())
	}
	return false
}

// page is how many rows a list shows, about.
func (m *model) page() int { return max(1, m.height-5) }

// playerKey does what a key says to the player.
func (m *model) playerKey(name string) bool {
	seek := func(by time.Duration) { m.send(control.Command{Do: control.DoSeek, To: by, By: true}) }
	switch name {
	case "space", "ctrl+p":
		m.send(control.Command{Do: control.DoToggle})
	case "n", ">":
		m.send(control.Command{Do: control.DoNext})
	case "p", "<":
		m.send(control.Command{Do: control.DoPrev})
	case "left", "h":
		seek(-step)
	case "right", "l":
		seek(step)
	case "shift+left", "H":
		seek(-longStep)
	case "shift+right", "L":
		seek(longStep)
	case "+", "=":
		m.send(control.Command{Do: control.DoVolume, Volume: louder, By: true})
	case "-", "_":
		m.send(control.Command{Do: control.DoVolume, Volume: -louder, By: true})
	case "s":
		m.send(control.Command{Do: control.DoShuffle})
	case "r":
		m.send(control.Command{Do: control.DoRepeat})
	default:
		return false
	}
	return true
}

// viewKey changes the view, or begins a command.
func (m *model) viewKey(name string) tea.Cmd {
	switch name {
	case "1", "2", "3", "4", "5":
		m.show(view(name[0] - '1'))
	case "tab":
		m.show((m.view + 1) % viewHelp)
	case "shift+tab":
		m.show((m.view + viewHelp - 1) % viewHelp)
	case "/":
		m.show(viewSearch)
		m.search.typing = true
	case "?", "f1":
		if m.view == viewHelp {
			m.show(m.before)
		} else {
			m.show(viewHelp)
		}
	case "esc":
		if m.view == viewHelp {
			m.show(m.before)
		} else {
			m.show(viewNow)
		}
	case ":":
		m.command = &edit{limit: maxCommand}
	}
	return nil
}

// show changes the view.
func (m *model) show(v view) {
	if v == viewHelp {
		m.before = m.view
	}
	if m.view == viewHelp {
		m.help = list{}
	}
	m.view = v
	if v == viewSearch && len(m.search.query.runes) == 0 {
		m.search.typing = true
	}
}

// paste puts pasted text where something is being typed.
func (m *model) paste(text string) {
	switch {
	case m.command != nil:
		m.command.insert(text)
	case m.view == viewSearch && m.search.typing:
		m.search.query.insert(text)
		m.search.changed(m)
	}
}

// trackKey does with the tracks under the cursor what a key says: play, add,
// play next. what names them, for the news.
func (m *model) trackKey(name string, ids []protocol.ID, what string) bool {
	switch name {
	case "enter":
		m.playNow(ids)
	case "a":
		m.enqueue(control.DoAdd, ids, what)
	case "i":
		m.enqueue(control.DoInsert, ids, what)
	default:
		return false
	}
	return true
}
