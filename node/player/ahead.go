package player

import (
	"context"
	"slices"
	"time"

	"earshot/node/control"
)

// maxReady bounds the decks that stand ready: more than one only where tracks
// are so short that several end within openNext.
const maxReady = 4

// lookAhead has what follows fetched, opened and decoded when its time has
// come, and drops what follows no more.
func (p *Player) lookAhead(ctx context.Context) {
	if p.turn == nil {
		p.dropReady(0)
		return
	}
	sounds := p.now.written.Load() > 0
	left := time.Duration(0) // to sound before e
	if sounds {
		left = p.now.header.Duration - p.now.position() - p.cfg.Crossfade
	}
	i := 0
	for e := range p.queue.upcoming(p.queue.repeat, p.isPassed) {
		if i < len(p.ready) && p.ready[i].entry != e || left > closeNext {
			p.dropReady(i)
		}
		if i == 0 && sounds {
			p.fetchAhead(ctx, e, dueWith(left))
		}
		if i == len(p.ready) {
			if !sounds || i == maxReady || dueWith(left) != dueOpen {
				return
			}
			p.ready = append(p.ready, p.newDeck(ctx, e, 0, false))
		}
		if !p.ready[i].known {
			return
		}
		left += p.ready[i].header.Duration
		i++
	}
	p.dropReady(i) // the queue ends
}

// fetchAhead has what follows fetched as far as is due, each depth once.
func (p *Player) fetchAhead(ctx context.Context, e *entry, now due) {
	t := p.turn
	if t.ahead != e {
		t.ahead, t.fetched = e, dueNothing
	}
	if len(p.ready) == 0 && now >= duePeers && t.fetched < duePeers {
		p.prefetch(ctx, e, control.DepthPeers)
	}
	if len(p.ready) == 0 && now >= dueHead && t.fetched < dueHead {
		p.prefetch(ctx, e, control.DepthHead)
	}
	t.fetched = max(t.fetched, now)
}

// prefetch asks for a track to be fetched, aside. What goes wrong shows when it
// is opened.
func (p *Player) prefetch(ctx context.Context, e *entry, depth control.Depth) {
	id := e.track.ID
	p.work.Go(func() { _ = p.cfg.Source.Prefetch(ctx, id, depth) })
}

// takeReady returns the deck that stands ready for an entry; nil if none does.
func (p *Player) takeReady(e *entry) *deck {
	if len(p.ready) == 0 || p.ready[0].entry != e {
		return nil
	}
	d := p.ready[0]
	p.ready = p.ready[1:]
	return d
}

// dropReady closes the decks that stand ready from the i-th on.
func (p *Player) dropReady(i int) {
	if i >= len(p.ready) {
		return
	}
	for _, d := range p.ready[i:] {
		d.close()
	}
	p.ready = p.ready[:i]
}

// heedReady takes a note of a deck that stands ready.
func (p *Player) heedReady(n note) {
	d := n.deck
	switch n.kind {
	case noteOpened:
		p.isOpen(d)
	case noteAway:
		p.tellAway(n)
	case noteFailed:
		p.passed[d.entry] = struct{}{}
		p.fail(n.err)
		p.news.events.put(Event{Kind: EventFailed, Index: p.queue.index(d.entry), Track: d.about(), Err: n.err})
		p.dropReady(slices.Index(p.ready, d))
	}
}
