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
	// fetched: who scrolls wants none of what flies past.
	warmPause = 300 * time.Millisecond
	// maxWarm bounds the heads that are fetched for one screen: the one under the
	// cursor and its nearest; more than 8 s of choosing is rare between two keys.
	maxWarm = 8
	// warmFor is how long a head is not asked for again: the node keeps one for a
	// minute at the least.
	warmFor = 50 * time.Second
)

// warmer has the heads of the tracks on screen fetched, so that they begin at
// once when they are chosen.
type warmer struct {
	wanted []protocol.ID
	number int
	cancel context.CancelFunc
	asked  map[protocol.ID]time.Time
}

// warmMsg says that the screen has rested.
type warmMsg int

func newWarmer() warmer { return warmer{asked: map[protocol.ID]time.Time{}} }

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

// heat asks for the heads, one after another.
func (m *model) heat(number int) {
	w := &m.warm
	if number != w.number {
		return
	}
	now := time.Now()
	for id, at := range w.asked {
		if now.Sub(at) > warmFor {
			delete(w.asked, id)
		}
	}
	var due []protocol.ID
	for _, id := range w.wanted {
		if _, ok := w.asked[id]; !ok {
			w.asked[id] = now
			due = append(due, id)
		}
	}
	if len(due) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background()) // called off by warmUp, or the end of all work
	w.cancel = cancel
	node := m.config.Node
	m.do(func(all context.Context) tea.Msg {
		defer cancel()
		defer context.AfterFunc(all, cancel)()
		for _, id := range due {
			if node.Prefetch(ctx, id, screenDepth) != nil {
				return nil // not worth a word: nothing was asked for
			}
		}
		return nil
	})
}

// screenDepth is what is fetched of a track on screen.
const screenDepth = control.DepthHead

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
