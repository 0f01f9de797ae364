package origin

import (
	"net/netip"
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
// tree: each is told of one who began before it and will have it.
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
	starts  int // how many it was named to
	steps   int // in which the start comes to it
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
func (p *parts) next(now time.Time, h *protocol.Header, from time.Duration, who protocol.Peer, sharing bool) (s share) {
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
	s.starter, s.steps = b.starter(who)
	if len(b.order) < maxBeginners {
		b.order = append(b.order, beginner{peer: who, sharing: sharing, steps: s.steps})
	}
	if first := start + n + s.before; s.before > 0 && first < protocol.Chunks(h.Size) {
		s.first, s.count = first, 1
	}
	return s
}

// starter returns who passes the start on to one more: someone at its site, else
// the first who has not enough yet; and in how many steps it comes then. Local addresses
// are told at the same site only.
func (b *begin) starter(who protocol.Peer) (_ *protocol.Peer, steps int) {
	here := who.Public.Addr().Unmap()
	free := func(near bool) func(beginner) bool {
		return func(o beginner) bool {
			return o.sharing && o.starts < fanOut && o.peer.Node != who.Node && (!near || sameSite(o.peer.Public, here))
		}
	}
	i := slices.IndexFunc(b.order, free(true))
	if i < 0 {
		i = slices.IndexFunc(b.order, free(false))
	}
	if i < 0 {
		return nil, 0
	}
	b.order[i].starts++
	peer := b.order[i].peer
	if !sameSite(peer.Public, here) {
		peer.Local = nil
	}
	return &peer, b.order[i].steps + 1
}

// sameSite takes nodes behind one public address for neighbours on one LAN.
func sameSite(a netip.AddrPort, b netip.Addr) bool { return a.IsValid() && a.Addr().Unmap() == b }
