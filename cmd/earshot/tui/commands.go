package tui

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"earshot/node/control"
	"earshot/protocol"
)

// maxCommand bounds a typed command, in bytes: a query of the longest kind, or a
// path.
const maxCommand = 1024

// command is one of those typed behind a colon.
type command struct {
	name  string
	usage string // what follows the name
	what  string // what it does
	do    func(m *model, rest string) (tea.Cmd, error)
}

// commands are all of them. A beginning that only one has is enough.
func commands() []command {
	return []command{
		{"add", "WHAT", "add tracks to the queue: words, an ID, an .m3u8 file", func(m *model, rest string) (tea.Cmd, error) { return nil, m.find(rest, false) }},
		{"clear", "", "empty the queue, but for what plays", func(m *model, _ string) (tea.Cmd, error) { return nil, m.order(control.Command{Do: control.DoClear}) }},
		{"help", "", "the keys", func(m *model, _ string) (tea.Cmd, error) { m.show(viewHelp); return nil, nil }},
		{"next", "", "the next track", func(m *model, _ string) (tea.Cmd, error) { return nil, m.order(control.Command{Do: control.DoNext}) }},
		{"play", "WHAT", "play it now", func(m *model, rest string) (tea.Cmd, error) { return nil, m.find(rest, true) }},
		{"prev", "", "the track before", func(m *model, _ string) (tea.Cmd, error) { return nil, m.order(control.Command{Do: control.DoPrev}) }},
		{"quit", "", "quit", func(*model, string) (tea.Cmd, error) { return tea.Quit, nil }},
		{"repeat", "[off|all|one]", "repeat the queue or a track", repeatCommand},
		{"save", "FILE", "write the queue to an .m3u8 or .xspf file", saveCommand},
		{"search", "WORDS", "search the catalogue", searchCommand},
		{"seek", "[+-]M:SS", "to a place in the track", seekCommand},
		{"shuffle", "[on|off]", "play in another order", shuffleCommand},
		{"volume", "[+-]N", "in percent", volumeCommand},
	}
}

// commandKey edits the command being typed.
func (m *model) commandKey(k tea.Key, name string) tea.Cmd {
	switch {
	case name == "esc", name == "backspace" && len(m.command.runes) == 0:
		m.command = nil
	case name == "enter":
		line := strings.TrimSpace(m.command.String())
		m.command = nil
		cmd, err := m.run(line)
		if err != nil {
			m.complain(err)
		}
		return cmd
	case name == "tab":
		m.completeCommand()
	case m.command.key(name):
	case k.Text != "":
		m.command.insert(k.Text)
	}
	return nil
}

// completeCommand ends the name that is being typed, as far as it is clear.
func (m *model) completeCommand() {
	typed := m.command.String()
	if c, err := commandOf(typed); err == nil && typed != "" && !strings.Contains(typed, " ") {
		m.command.insert(c.name[len(typed):])
		if c.usage != "" {
			m.command.insert(" ")
		}
	}
}

// run does what a line says.
func (m *model) run(line string) (tea.Cmd, error) {
	if line == "" {
		return nil, nil
	}
	name, rest, _ := strings.Cut(line, " ")
	c, err := commandOf(name)
	if err != nil {
		return nil, err
	}
	return c.do(m, strings.TrimSpace(rest))
}

// commandOf finds a command by its name or the beginning of it.
func commandOf(name string) (command, error) {
	var found []command
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
		if name != "" && strings.HasPrefix(c.name, name) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return command{}, fmt.Errorf(":%s may be :%s or :%s", name, found[0].name, found[1].name)
	}
	return command{}, fmt.Errorf("there is no command :%s: see ?", name)
}

func (m *model) order(c control.Command) error {
	m.send(c)
	return nil
}

// find plays or queues what words say.
func (m *model) find(rest string, play bool) error {
	args := strings.Fields(rest)
	if len(args) == 0 {
		return errors.New("what? Give words, an ID, or an .m3u8 file")
	}
	look := m.config.Find
	m.do(func(ctx context.Context) tea.Msg {
		ids, err := look(ctx, args)
		if err != nil {
			return doneMsg{err}
		}
		return findMsg{ids, play, rest}
	})
	return nil
}

// findMsg is what :add or :play found.
type findMsg struct {
	ids  []protocol.ID
	play bool
	what string
}

func (m *model) takeFound(msg findMsg) {
	if msg.play {
		m.playNow(msg.ids)
		return
	}
	m.enqueue(control.DoAdd, msg.ids, count(len(msg.ids), "track"))
}

func repeatCommand(m *model, rest string) (tea.Cmd, error) {
	switch r := control.Repeat(rest); r {
	case "", control.RepeatOff, control.RepeatAll, control.RepeatOne:
		return nil, m.order(control.Command{Do: control.DoRepeat, Repeat: r})
	}
	return nil, errors.New("repeat: off, all or one")
}

func shuffleCommand(m *model, rest string) (tea.Cmd, error) {
	on := rest == "on"
	switch rest {
	case "":
		return nil, m.order(control.Command{Do: control.DoShuffle})
	case "on", "off":
		return nil, m.order(control.Command{Do: control.DoShuffle, On: &on})
	}
	return nil, errors.New("shuffle: on or off")
}

func saveCommand(m *model, rest string) (tea.Cmd, error) {
	if rest == "" {
		return nil, errors.New("save: to which file?")
	}
	if m.config.Save == nil {
		return nil, errors.New("save: not here")
	}
	save, tracks := m.config.Save, m.queue.Tracks
	m.do(func(ctx context.Context) tea.Msg {
		if err := save(ctx, rest, tracks); err != nil {
			return doneMsg{err}
		}
		return sayMsg(fmt.Sprintf("%s written to %s", count(len(tracks), "track"), rest))
	})
	return nil, nil
}

func searchCommand(m *model, rest string) (tea.Cmd, error) {
	m.show(viewSearch)
	m.search.query = edit{limit: protocol.MaxQueryText}
	m.search.query.insert(rest)
	m.search.typing = rest == "" // else the keys are for what is found
	m.search.changed(m)
	return nil, nil
}

func volumeCommand(m *model, rest string) (tea.Cmd, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(rest, "%"))
	if err != nil || n < -100 || n > 100 {
		return nil, errors.New("volume: a number of percent, +N or -N for louder or softer")
	}
	by := strings.HasPrefix(rest, "+") || strings.HasPrefix(rest, "-")
	return nil, m.order(control.Command{Do: control.DoVolume, Volume: n, By: by})
}

func seekCommand(m *model, rest string) (tea.Cmd, error) {
	by := strings.HasPrefix(rest, "+") || strings.HasPrefix(rest, "-")
	to, err := moment(strings.TrimLeft(rest, "+-"))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(rest, "-") {
		to = -to
	}
	return nil, m.order(control.Command{Do: control.DoSeek, To: to, By: by})
}

// moment reads S, M:SS or H:MM:SS.
func moment(s string) (time.Duration, error) {
	var seconds int
	for i, part := range strings.Split(s, ":") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 1<<20 || i > 0 && n > 59 || i > 2 {
			return 0, errors.New("seek: a place is S, M:SS or H:MM:SS, with + or - from here")
		}
		seconds = seconds*60 + n
	}
	return time.Duration(seconds) * time.Second, nil
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
