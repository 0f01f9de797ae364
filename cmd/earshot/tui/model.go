package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
	"earshot/protocol"
)

// model is all that is shown. Only Bubble Tea's goroutine touches it.
type model struct {
	config Config
	glyphs glyphs
	do     func(func(ctx context.Context) tea.Msg) // runs aside; what comes back is sent
	jobs   chan<- job
	gone   error // why the player ended

	width, height int
	colours       bool // enough for pictures
	kitty         bool // the terminal takes pictures as kitty does
	sixels        sixels
	cover         cover
	view          view
	before        view // the view that help came from

	state   control.PlayerState
	queue   control.Queue
	asking  bool // for the queue
	status  control.Status
	polling bool
	rates   rates
	command *edit // nil: none is being typed
	note    note
	queued  list
	search  finder
	library library
	peers   list
	help    list
	warm    warmer
}

// view names what the middle of the screen shows.
type view int

// The views, in the order of their keys.
const (
	viewNow view = iota
	viewQueue
	viewSearch
	viewLibrary
	viewPeers
	viewHelp
)

var viewNames = [...]string{"now", "queue", "search", "library", "peers", "help"}

// The messages.
type (
	stateMsg control.PlayerState
	queueMsg struct {
		queue control.Queue
		err   error
	}
	statusMsg struct {
		status control.Status
		err    error
		at     time.Time
	}
	goneMsg struct{ err error }
	doneMsg struct{ err error }
	newsMsg string
	sayMsg  string
)

func newModel(c Config) *model {
	return &model{
		config: c, glyphs: glyphsOf(getenv(c.Env)),
		state:  control.PlayerState{Playback: control.PlaybackStopped, Index: -1},
		search: newFinder(),
	}
}

// Init asks the terminal who it is; all else begins with the first state and the
// size.
func (m *model) Init() tea.Cmd { return tea.Batch(tea.RequestTerminalVersion, askForSixels()) }

// Update takes what happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		if cmd := m.key(msg.Key()); cmd != nil {
			return m, cmd
		}
	case tea.PasteMsg:
		m.paste(msg.Content)
	case tea.ColorProfileMsg:
		m.colours = msg.Profile >= colorprofile.ANSI256
	case tea.TerminalVersionMsg:
		m.kitty = hasKitty(msg.Name)
	case uv.PrimaryDeviceAttributesEvent:
		m.sixels.attributes(msg)
	case uv.CellSizeEvent:
		m.sixels.size(msg)
	case tea.ResumeMsg:
		m.sixels.shown = picture{} // the screen is drawn anew
	case pictureMsg:
		return m, m.sixels.paint(msg)
	case coverMsg:
		m.cover.take(msg)
	case stateMsg:
		m.state = control.PlayerState(msg)
	case queueMsg:
		m.takeQueue(msg)
	case statusMsg:
		m.takeStatus(msg)
	case goneMsg:
		m.gone = msg.err
		return m, tea.Quit
	case doneMsg:
		if msg.err != nil {
			m.complain(msg.err)
		}
	case newsMsg:
		m.say(trouble, string(msg))
	case sayMsg:
		m.say(plain, string(msg))
	case expiredMsg:
		m.note.expire(int(msg))
	case settledMsg:
		m.ask(int(msg))
	case foundMsg:
		m.search.take(m, msg)
	case libraryMsg:
		m.library.take(m, msg)
	case findMsg:
		m.takeFound(msg)
	case artistMsg:
		m.enqueue(map[string]control.Do{"a": control.DoAdd, "i": control.DoInsert}[msg.key], msg.ids, artistName(msg.artist))
	case pollMsg:
		m.polling = false
	case warmMsg:
		m.heat(int(msg))
	}
	m.follow()
	if m.kitty {
		return m, m.cover.transmit(m)
	}
	return m, m.sixels.follow(m)
}

// follow asks for what has become due.
func (m *model) follow() {
	if m.state.Edit != m.queue.Edit && !m.asking {
		m.asking = true
		player := m.config.Player
		m.do(func(ctx context.Context) tea.Msg {
			q, err := player.Queue(ctx)
			return queueMsg{q, err}
		})
	}
	if m.view == viewLibrary {
		m.library.load(m)
	}
	m.poll()
	m.warmUp()
	m.cover.seek(m)
}

// takeQueue takes the queue as it is now.
func (m *model) takeQueue(msg queueMsg) {
	m.asking = false
	if msg.err != nil {
		m.complain(msg.err)
		m.queue.Edit = m.state.Edit // until it changes again
		return
	}
	first := m.queue.Tracks == nil
	m.queue = msg.queue
	if m.queue.Edit < m.state.Edit {
		return // asked again
	}
	m.state.Edit = m.queue.Edit
	if first {
		m.queued.cursor = max(0, m.queue.Index)
	}
}

// send gives the player commands, in order, behind those given before.
func (m *model) send(commands ...control.Command) {
	m.labour(func(ctx context.Context, p control.Player) error {
		for _, c := range commands {
			if err := p.Command(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// labour has a job done, behind those before it.
func (m *model) labour(f func(ctx context.Context, p control.Player) error) {
	player := m.config.Player
	bounded := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, jobPatience)
		defer cancel()
		return f(ctx, player)
	}
	select {
	case m.jobs <- bounded:
	default:
		m.say(trouble, "the player does not answer")
	}
}

// playNow puts tracks behind the one that plays, and plays the first of them.
func (m *model) playNow(ids []protocol.ID) {
	if len(ids) == 0 {
		return
	}
	m.labour(func(ctx context.Context, p control.Player) error {
		q, err := p.Queue(ctx)
		if err != nil {
			return err
		}
		do, at := control.DoInsert, q.Index+1
		if q.Index < 0 {
			do, at = control.DoAdd, len(q.Tracks)
		}
		if err := p.Command(ctx, control.Command{Do: do, Tracks: ids}); err != nil {
			return err
		}
		return p.Command(ctx, control.Command{Do: control.DoJump, Index: at})
	})
}

// enqueue adds tracks to the queue's end, or behind the one that plays.
func (m *model) enqueue(do control.Do, ids []protocol.ID, what string) {
	if len(ids) == 0 {
		return
	}
	m.send(control.Command{Do: do, Tracks: ids})
	where := "added to the queue"
	if do == control.DoInsert {
		where = "plays next"
	}
	m.say(plain, fit(what, m.width-len(where)-4)+": "+where)
}

// View draws the screen.
func (m *model) View() tea.View {
	v := tea.NewView("")
	v.AltScreen = true
	if m.width <= 0 || m.height <= 0 {
		return v
	}
	lines, cursor := m.draw()
	for i, line := range lines {
		if i > 0 {
			v.Content += "\n"
		}
		v.Content += line
	}
	v.Cursor = cursor
	return v
}

// The least size that is drawn; a smaller terminal shows a part of it.
const (
	leastWidth  = 40
	leastHeight = 8
)

// draw makes the lines of the screen, and says where the cursor stands.
func (m *model) draw() (lines []string, cursor *tea.Cursor) {
	w, h := max(leastWidth, m.width), max(leastHeight, m.height)
	below := m.footer(w)
	body := h - 1 - len(below) - 1
	lines = append(lines, m.header(w))
	var drawn []string
	switch m.view {
	case viewNow:
		drawn = m.drawNow(w, body)
	case viewQueue:
		drawn = m.drawQueue(w, body)
	case viewSearch:
		drawn, cursor = m.search.draw(m, w, body)
	case viewLibrary:
		drawn = m.library.draw(m, w, body)
	case viewPeers:
		drawn = m.drawPeers(w, body)
	case viewHelp:
		drawn = m.drawHelp(w, body)
	}
	for i := range body {
		line := ""
		if i < len(drawn) {
			line = drawn[i]
		}
		lines = append(lines, line)
	}
	lines = append(lines, below...)
	last := m.lastLine(w)
	if m.command != nil {
		shown, at := m.command.show(w - 2)
		last, cursor = ":"+shown, tea.NewCursor(at+1, h-1)
	} else if cursor != nil {
		cursor.Y++ // below the header
	}
	if m.height < h && cursor != nil && cursor.Y >= m.height {
		cursor = nil
	}
	return append(lines, last)[:min(h, m.height)], cursor
}

// header names the views.
func (m *model) header(w int) string {
	var b strings.Builder
	for v, name := range viewNames[:viewHelp] {
		label := " " + string(rune('1'+v)) + " " + name + " "
		if view(v) == m.view {
			b.WriteString(paint(reverse, label))
		} else {
			b.WriteString(paint(dim, label))
		}
	}
	help := paint(dim, " ? help ")
	if m.view == viewHelp {
		help = paint(reverse, " ? help ")
	}
	return spread(w, b.String(), help)
}

// footer shows what plays in two lines, where the view does not.
func (m *model) footer(w int) []string {
	if m.view == viewNow {
		return nil
	}
	s := &m.state
	left := " " + m.playbackGlyph() + " "
	if s.Track == nil {
		return []string{"", left + paint(dim, "nothing plays")}
	}
	right := " " + text.Clock(s.Position) + " / " + text.Clock(s.Length) + " "
	title := fit(titleOf(*s.Track), w-width(left)-width(right))
	return []string{
		" " + m.glyphs.bar(w-2, s.Position, s.Length, m.parts()),
		spread(w, left+title, right),
	}
}

// playbackGlyph says whether there is sound.
func (m *model) playbackGlyph() string {
	switch m.state.Playback {
	case control.PlaybackPlaying:
		return paint(accent, m.glyphs.playing)
	case control.PlaybackPaused:
		return m.glyphs.paused
	case control.PlaybackWaiting:
		return paint(trouble, m.glyphs.waiting)
	}
	return m.glyphs.stopped
}

// lastLine is the news, or what the keys do here.
func (m *model) lastLine(w int) string {
	if m.note.text != "" {
		return " " + paint(m.note.style, fit(m.note.text, w-2))
	}
	if p := m.state.Problem; p != "" {
		return " " + paint(trouble, fit(cause(p, w-2), w-2))
	}
	return " " + paint(dim, text.Fit(m.hints(), w-2))
}

// cause is what a problem came of, where there is no room for what was being done too:
// each clause of an error tells more of why.
func cause(problem string, w int) string {
	for text.Width(text.Plain(problem)) > w {
		_, rest, ok := strings.Cut(problem, ": ")
		if !ok {
			break
		}
		problem = rest
	}
	return problem
}

// hints are the keys that matter here.
func (m *model) hints() string {
	switch m.view {
	case viewQueue:
		return "enter play  d remove  J/K move  c clear  ? help"
	case viewSearch:
		if m.search.typing {
			return "type to search  up/down choose  enter play  esc keys"
		}
		return "enter play  a add  i next  / type  ? help"
	case viewLibrary:
		return "enter open or play  a add  i next  backspace back  ? help"
	case viewPeers, viewHelp:
		return "esc back  q quit"
	}
	return "space pause  n next  p prev  / search  : command  q quit"
}

// titleOf names a track in a line.
func titleOf(t protocol.Track) string {
	title := text.Plain(t.Title)
	if strings.TrimSpace(title) == "" {
		title = t.ID.Short()
	}
	if artist := text.Plain(t.Artist); artist != "" {
		title += " - " + artist
	}
	return title
}
