package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"earshot/node/control"
	"earshot/protocol"
)

const (
	// warmPause is how long the screen rests before the heads of its tracks are
	// wished for: who scrolls wants none of what flies past.
	warmPause = 300 * time.Millisecond
	// maxWarm bounds the heads that are wished for at once: half of what the node
	// remembers wishes for, so that another screen's are not forgotten over it.
	maxWarm = 32
)

// warmer has the heads of the tracks on screen fetched, so that they begin at
// once when they are chosen.
type warmer struct {
	wanted []protocol.ID
	number int
	cancel context.CancelFunc
}

// warmMsg says that the screen has rested.
type warmMsg int

// warmUp looks what is on the screen; where that is something else, what was
// asked for is called off.
func (m *model) warmUp() {
	wanted := m.onScreen()
	w := &m.warm
	if slices.Equal(wanted, w.wanted) {
		return
	}
	w.wanted = wanted
	w.number++
	if w.cancel != nil {
		w.cancel()
		w.cancel = nil
	}
	if len(wanted) > 0 {
		m.after(warmPause, warmMsg(w.number))
	}
}

// heat wishes for the heads, the one under the cursor last: the node sees to the
// newest wish first.
func (m *model) heat(number int) {
	w := &m.warm
	if number != w.number {
		return
	}
	wanted := slices.Clone(w.wanted)
	slices.Reverse(wanted)
	ctx, cancel := context.WithCancel(context.Background()) // called off by warmUp, or the end of all work
	w.cancel = cancel
	node := m.config.Node
	m.do(func(all context.Context) tea.Msg {
		defer cancel()
		defer context.AfterFunc(all, cancel)()
		for _, id := range wanted {
			if node.Prefetch(ctx, id, control.DepthScreen) != nil {
				return nil // not worth a word: nothing was asked for
			}
		}
		return nil
	})
}

// onScreen are the tracks that may be chosen next: the one under the cursor,
// those around it, and the next in the queue.
func (m *model) onScreen() (all []protocol.ID) {
	add := func(tracks []protocol.Track, at, top int) {
		if at < 0 || at >= len(tracks) {
			return
		}
		all = append(all, tracks[at].ID)
		for i := top; i < min(len(tracks), top+m.page()) && len(all) < maxWarm; i++ {
			if i != at {
				all = append(all, tracks[i].ID)
			}
		}
	}
	switch {
	case m.view == viewSearch:
		add(m.search.Tracks, m.search.cursor, m.search.top)
	case m.view == viewQueue:
		add(m.queue.Tracks, m.queued.cursor, m.queued.top)
	case m.view == viewLibrary && m.library.level == levelTracks:
		add(m.library.shown, m.library.at[levelTracks].cursor, m.library.at[levelTracks].top)
	}
	if m.state.Next != nil && len(all) < maxWarm && !slices.Contains(all, m.state.Next.ID) {
		all = append(all, m.state.Next.ID)
	}
	if m.state.Track != nil {
		all = slices.DeleteFunc(all, func(id protocol.ID) bool { return id == m.state.Track.ID })
	}
	return all
}
