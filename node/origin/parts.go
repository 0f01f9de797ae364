package origin

import (
	"sync"
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

// parts shares out what comes behind the start of a track among those who begin
// it at about the same moment, so that they can pass it on to one another before
// they know one another ("super-seeding"): the first gets the first part, and so on.
// Without it each would ask for the same.
type parts struct {
	mu     sync.Mutex
	begins map[protocol.ID]begin
}

// begin is a moment at which some began.
type begin struct {
	at    time.Time
	first int // chunk that playing begins with
	n     int // how many began
}

const (
	// together is how long after the first others count as beginning with it: as
	// long as a start needs to know its neighbours (schedule.Rules.Settle).
	together = time.Second
	// copies is how many get each part: one may be slow, or go.
	copies = 1
	// maxBegins bounds the account. Over that, what is old goes.
	maxBegins = 1024
)

// next enters someone who begins a track at a place, and returns how many began
// together with it before, and its part, beginning behind its head.
func (p *parts) next(now time.Time, h *protocol.Header, from time.Duration) (before, first, count int) {
	start, n := h.Run(from, schedule.LeastHead)
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.begins[h.ID]
	if !ok || now.Sub(b.at) > together || b.first != start {
		if p.begins == nil || len(p.begins) >= maxBegins {
			p.begins = map[protocol.ID]begin{}
		}
		b = begin{at: now, first: start}
	}
	before = b.n
	b.n++
	p.begins[h.ID] = b
	first = start + n + before/copies
	if before == 0 || first >= protocol.Chunks(h.Size) {
		return before, 0, 0
	}
	return before, first, 1
}
