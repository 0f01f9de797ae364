package origin

import (
	"slices"
	"sync"
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

// parts shares out a track among those who begin it at about the same moment, so
// that they can pass it on to one another before they know one another. What comes
// behind the start is handed out in parts ("super-seeding"): the first gets the first
// part, and so on; without it each would ask for the same. The start goes down a
// tree: each is told of one who began before it and will have it, of those with a place
// left the nearest: at its site, then connected with it, then the first who began.
type parts struct {
	mu     sync.Mutex
	begins map[protocol.ID]*begin
}

// begin is a moment at which some began.
type begin struct {
	at    time.Time
	first int // chunk that playing begins with
	order []beginner
}

// beginner is one of them.
type beginner struct {
	peer    protocol.Peer
	sharing bool
	knows   []protocol.Hint // whom it is connected with, or soon will be
	starts  int             // how many it was named to
	steps   int             // in which the start comes to it
}

// share is what the server has for one who begins.
type share struct {
	before       int            // how many began with it, and before it
	first, count int            // its part, in chunks
	starter      *protocol.Peer // who will have the start; nil for nobody
	steps        int            // from one to the next, in which the start comes that way
}

const (
	// together is how long after the first others count as beginning with it: as
	// long as a start needs to know its neighbours (schedule.Rules.Settle).
	together = time.Second
	// fanOut is how many one is named to for the start: as many uploads as go at
	// once, a tenth of a second at the rate that an unknown line is tried with.
	fanOut = 4
	// maxBeginners bounds how many are remembered of a moment: the tree has room for
	// more than any tracker names.
	maxBeginners = 256
	// maxBegins bounds the account. Over that, what is old goes.
	maxBegins = 1024
)

// next enters someone who begins a track at a place, and returns its share.
func (p *parts) next(now time.Time, h *protocol.Header, from time.Duration, who beginner) (s share) {
	start, n := h.Run(from, schedule.LeastHead)
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.begins[h.ID]
	if b == nil || now.Sub(b.at) > together || b.first != start {
		if p.begins == nil || len(p.begins) >= maxBegins {
			p.begins = map[protocol.ID]*begin{}
		}
		b = &begin{at: now, first: start}
		p.begins[h.ID] = b
	}
	s.before = len(b.order)
	s.starter, s.steps = b.starter(&who)
	if len(b.order) < maxBeginners {
		who.steps = s.steps
		b.order = append(b.order, who)
	}
	if first := start + n + s.before; s.before > 0 && first < protocol.Chunks(h.Size) {
		s.first, s.count = first, 1
	}
	return s
}

// starter returns who passes the start on to one more, of those who have not enough yet;
// and in how many steps it comes then. Local addresses are told at the same site only.
func (b *begin) starter(who *beginner) (_ *protocol.Peer, steps int) {
	var best *beginner
	for i := range b.order {
		o := &b.order[i]
		if o.sharing && o.starts < fanOut && o.peer.Node != who.peer.Node && (best == nil || who.near(o) < who.near(best)) {
			best = o
		}
	}
	if best == nil {
		return nil, 0
	}
	best.starts++
	peer := best.peer
	if !who.atSite(best) {
		peer.Local = nil
	}
	return &peer, best.steps + 1
}

// near ranks another, least first, by how soon it can pass the start on: at once on a LAN;
// a round trip sooner where the two are connected, in as few steps as that goes.
func (who *beginner) near(o *beginner) int {
	switch {
	case who.atSite(o):
		return 0
	case slices.Contains(who.knows, o.peer.Node.Hint()), slices.Contains(o.knows, who.peer.Node.Hint()):
		return 1 + o.steps
	}
	return 1 + maxBeginners
}

// atSite takes nodes behind one public address for neighbours on one LAN.
func (who *beginner) atSite(o *beginner) bool {
	return o.peer.Public.IsValid() && o.peer.Public.Addr().Unmap() == who.peer.Public.Addr().Unmap()
}
