package tui

import (
	"cmp"
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/dustin/go-humanize"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
	"earshot/protocol"
)

// pollPause is between two looks at the node while something changes there: the
// bar's parts and the peers' rates.
const pollPause = time.Second

// pollMsg says that it is time to look at the node again.
type pollMsg struct{}

// poll looks at the node while what it tells is shown and changes: while a
// track plays or waits, and while the peers are on the screen.
func (m *model) poll() {
	active := m.state.Playback == control.PlaybackPlaying || m.state.Playback == control.PlaybackWaiting
	if m.polling || !active && m.view != viewPeers {
		return
	}
	m.polling = true
	node := m.config.Node
	m.do(func(ctx context.Context) tea.Msg {
		s, err := node.Status(ctx)
		return statusMsg{s, err, time.Now()}
	})
}

// takeStatus takes what the node tells.
func (m *model) takeStatus(msg statusMsg) {
	m.after(pollPause, pollMsg{})
	if msg.err != nil {
		return // the player tells what matters of it
	}
	m.status = msg.status
	slices.SortStableFunc(m.status.Neighbours, func(a, b control.Neighbour) int {
		if a.Server != b.Server {
			if a.Server {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.RTT, b.RTT)
	})
	m.rates.take(msg.at, m.status.Neighbours)
}

// rates are what each neighbour sends and gets, from the difference of two looks.
type rates struct {
	at   time.Time
	seen map[protocol.NodeID]flow
}

// flow is bytes in all and bytes a second, of one neighbour.
type flow struct{ up, down, upRate, downRate int64 }

func (r *rates) take(now time.Time, all []control.Neighbour) {
	span := now.Sub(r.at).Seconds()
	seen := make(map[protocol.NodeID]flow, len(all))
	for _, n := range all {
		f := flow{up: n.Uploaded, down: n.Downloaded}
		if before, ok := r.seen[n.Node]; ok && span > 0 {
			f.upRate = max(0, int64(float64(f.up-before.up)/span))
			f.downRate = max(0, int64(float64(f.down-before.down)/span))
		}
		seen[n.Node] = f
	}
	r.at, r.seen = now, seen
}

// drawPeers lists the neighbours, the nearest first.
func (m *model) drawPeers(w, h int) []string {
	s := &m.status
	if m.rates.at.IsZero() {
		return []string{"", paint(dim, "  asking the node")}
	}
	lines := []string{" " + m.swarmText(w-2), "", paint(dim, m.peerRow(w, peerCells{"NODE", "ADDRESS", "RTT", m.glyphs.down + " RATE", m.glyphs.up + " RATE", m.glyphs.down + " IN ALL", m.glyphs.up + " IN ALL"}))}
	first, last := m.peers.window(len(s.Neighbours), h-len(lines))
	for i := first; i < last; i++ {
		n := s.Neighbours[i]
		f := m.rates.seen[n.Node]
		name, style := n.Node.Short(), peers
		if n.Server {
			name, style = "server", server
		}
		row := m.peerRow(w, peerCells{name, n.Address, milliseconds(n.RTT), rate(f.downRate), rate(f.upRate), size(f.down), size(f.up)})
		if i == m.peers.cursor && len(s.Neighbours) > h-len(lines) {
			style = joinStyles(style, chosen)
		}
		lines = append(lines, paint(style, row))
	}
	return lines
}

// swarmText sums up.
func (m *model) swarmText(w int) string {
	s := &m.status
	server := ""
	switch {
	case s.Role == control.RoleServer:
		server = count(s.Members, "member")
	case s.Connected:
		server = "server connected"
	default:
		server = "server away"
	}
	sharing := ""
	if !s.Sharing && s.Role != control.RoleServer {
		sharing = "not sharing"
	}
	return fit(joined("  ", server, count(len(s.Neighbours), "neighbour"),
		m.glyphs.down+" "+rate(s.DownloadRate)+"/s", m.glyphs.up+" "+rate(s.UploadRate)+"/s", sharing), w)
}

// peerCells are the columns of a neighbour.
type peerCells struct{ node, address, rtt, down, up, allDown, allUp string }

func (m *model) peerRow(w int, c peerCells) string {
	ends := column(c.rtt, 8) + column(c.down, 9) + column(c.up, 9)
	if w >= 90 {
		ends += column(c.allDown, 12) + column(c.allUp, 12)
	}
	const name = 9
	return " " + text.Pad(c.node, name) + " " + text.Pad(c.address, min(48, w-width(ends)-name-4)) + ends + " "
}

// column puts text at the right end of a column.
func column(s string, columns int) string {
	for width(s) < columns {
		s = " " + s
	}
	return s
}

func rate(n int64) string {
	if n == 0 {
		return "-"
	}
	return size(n)
}

func size(n int64) string { return humanize.Bytes(uint64(max(0, n))) }
