package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
)

// playing is what the node tells of the track that plays; nil where it tells
// nothing.
func (m *model) playing() *control.Playing {
	if m.state.Track == nil {
		return nil
	}
	for i, p := range m.status.Playing {
		if p.ID == m.state.Track.ID {
			return &m.status.Playing[i]
		}
	}
	return nil
}

// parts tells where each part of the track that plays came from; empty where
// that is not known.
func (m *model) parts() string {
	if p := m.playing(); p != nil {
		return p.Parts
	}
	return ""
}

// drawNow draws the track that plays, its cover beside it where there is one,
// and what follows.
func (m *model) drawNow(w, h int) []string {
	rows := m.shownRows()
	if rows == 0 {
		return m.drawTrack(w, h)
	}
	art := m.drawArt(rows)
	beside := m.drawTrack(w-2*rows-2, h)
	lines := make([]string, max(len(beside), rows+1))
	for i := range lines {
		left := strings.Repeat(" ", 2*rows+2)
		if i >= artTop && i < artTop+rows {
			left = strings.Repeat(" ", artColumn) + art[i-artTop]
		}
		lines[i] = left
		if i < len(beside) {
			lines[i] += beside[i]
		}
	}
	return lines
}

// Where a cover stands: below an empty line in the body, and on the screen, below
// the header.
const (
	artColumn = 2
	artTop    = 1
	artLine   = artTop + 1
)

// drawArt is what the renderer has in the place of a cover: half blocks, characters
// that stand for it, or nothing, where it is drawn over.
func (m *model) drawArt(rows int) []string {
	switch {
	case m.kitty && m.cover.sent == rows:
		return placeholders(rows)
	case !m.kitty && m.sixels.draws():
		return slices.Repeat([]string{strings.Repeat(" ", 2*rows)}, rows)
	}
	return m.cover.draw(rows)
}

// drawTrack draws the track that plays, and what follows.
func (m *model) drawTrack(w, h int) []string {
	s := &m.state
	if s.Track == nil {
		return m.drawNothing(w, h)
	}
	const margin = 2
	inner := w - 2*margin
	t := s.Track
	album := text.Plain(t.Album)
	if t.Year > 0 {
		album = joined(" ", album, "("+strconv.Itoa(t.Year)+")")
	}
	title := *t
	title.Artist = ""
	lines := []string{
		"",
		paint(bold, fit(titleOf(title), inner)),
		joined(paint(dim, " "+m.glyphs.dot+" "), fit(t.Artist, inner/2), paint(dim, fit(album, inner-min(inner/2, text.Width(t.Artist))-3))),
		"",
		m.glyphs.bar(inner, s.Position, s.Length, m.parts()),
	}
	if parts := m.parts(); parts != "" {
		lines = append(lines, strip(inner, parts))
	}
	lines = append(lines, m.clocks(inner), "")
	lines = append(lines, spread(inner, m.playbackText(), m.settings()), paint(dim, m.figures()), "")
	for i, line := range lines {
		lines[i] = strings.Repeat(" ", margin) + line
	}
	return append(lines, m.drawNext(w, h-len(lines))...)
}

// drawNothing says what to do where nothing plays.
func (m *model) drawNothing(w, h int) []string {
	if len(m.queue.Tracks) > 0 {
		return append([]string{"", "  Nothing plays: " + paint(bold, "space") + " begins.", ""}, m.drawNext(w, h-3)...)
	}
	return []string{
		"",
		"  Nothing plays, and nothing is queued.",
		"",
		"  " + paint(bold, "/") + " searches, " + paint(bold, "4") + " is the library, " + paint(bold, "?") + " tells all keys.",
	}
}

// clocks is the line below the bar: where it is, what is there, and where it
// came from, as much as there is room for.
func (m *model) clocks(w int) string {
	s := &m.state
	at, buffered := text.Clock(s.Position)+" / "+text.Clock(s.Length), ""
	if p := m.playing(); p != nil && p.Buffered > 0 && p.Position+p.Buffered < p.Length-time.Second {
		buffered = paint(dim, "  buffered to "+text.Clock(p.Position+p.Buffered))
	}
	for _, line := range [][2]string{
		{at + buffered, m.sharesText("Server", "Peers", "Cache")},
		{at + buffered, m.sharesText("S", "P", "C")},
		{at, m.sharesText("S", "P", "C")},
	} {
		if width(line[0])+width(line[1])+1 < w {
			return spread(w, line[0], line[1])
		}
	}
	return at
}

// sharesText says how much came from where.
func (m *model) sharesText(fromServer, fromPeers, fromCache string) string {
	total := m.state.Total()
	if total <= 0 {
		return ""
	}
	share := func(s style, name string, n int64) string {
		return paint(s, fmt.Sprintf("%s %d%%", name, int(100*float64(n)/float64(total)+0.5)))
	}
	return joined("  ", share(server, fromServer, m.state.Server), share(peers, fromPeers, m.state.Peers), share(cache, fromCache, m.state.Cache))
}

// playbackText says whether there is sound, and why there is none yet.
func (m *model) playbackText() string {
	what := string(m.state.Playback)
	if p := m.playing(); m.state.Playback == control.PlaybackWaiting && p != nil && p.Waiting {
		what = text.Waiting(p.WaitsFor, p.StartsIn)
	}
	return m.playbackGlyph() + " " + what
}

func (m *model) settings() string {
	s := &m.state
	setting := func(on bool, words string) string {
		if on {
			return paint(accent, words)
		}
		return paint(dim, words)
	}
	shuffle := "off"
	if s.Shuffle {
		shuffle = "on"
	}
	return joined("  ", "volume "+strconv.Itoa(s.Volume)+"%",
		setting(s.Shuffle, "shuffle "+shuffle), setting(s.Repeat != control.RepeatOff && s.Repeat != "", "repeat "+string(s.Repeat)))
}

// figures are those of this play.
func (m *model) figures() string {
	s := &m.state
	began := ""
	if s.Latency > 0 {
		began = "sound after " + milliseconds(s.Latency)
	}
	stutters := "no stutter"
	if s.Stutters > 0 {
		stutters = count(s.Stutters, "stutter")
	}
	return joined(" "+m.glyphs.dot+" ", began, stutters, bitrate(s.Track.Bitrate))
}

func bitrate(bitsPerSecond int) string {
	if bitsPerSecond <= 0 {
		return ""
	}
	return strconv.Itoa((bitsPerSecond+500)/1000) + " kbit/s"
}

// milliseconds writes a short time: a digit behind the point below ten.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
}

// drawNext lists what follows, in so many lines.
func (m *model) drawNext(w, h int) []string {
	if h < 1 {
		return nil
	}
	if m.state.Shuffle || m.state.Repeat == control.RepeatOne || h < 3 {
		if m.state.Next == nil {
			return nil
		}
		return []string{"  " + paint(dim, "next  ") + fit(titleOf(*m.state.Next), w-10)}
	}
	first := m.queue.Index + 1
	if first >= len(m.queue.Tracks) {
		return nil
	}
	lines := []string{paint(dim, "  next")}
	for _, t := range m.queue.Tracks[first:min(len(m.queue.Tracks), first+h-1)] {
		lines = append(lines, "  "+m.trackLine(t, w-4))
	}
	return lines
}
