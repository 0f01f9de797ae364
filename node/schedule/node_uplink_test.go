package schedule

import (
	"time"

	"earshot/protocol"
)

func (n *node) answer(p *node, id RequestID, first, count int, priority protocol.Priority) {
	f := &flow{from: p, to: n, id: id, first: first, count: count, priority: priority}
	for c := first; c < first+count; c++ {
		f.size += protocol.ChunkLen(n.w.line.size, c)
	}
	n.inFlight[id] = f
	p.flows = append(p.flows, f)
	p.send()
}

func (n *node) remove(f *flow) {
	for i, g := range n.flows {
		if g == f {
			n.flows = append(n.flows[:i], n.flows[i+1:]...)
			return
		}
	}
}

// send sends one quantum: connections in turn, within one the most urgent
// first.
func (n *node) send() {
	if n.sending || len(n.flows) == 0 || n.dead || n.deaf {
		return
	}
	n.sending = true
	w := n.w
	f := n.pick()
	q := min(quantum, f.size-f.sent)
	f.sent += q
	last := f.sent == f.size
	if last {
		n.remove(f)
	}
	if n.index == 0 {
		w.wire += int64(q)
	}
	up := n.up
	if n.throttle != nil {
		up *= n.throttle(w.now)
	}
	w.after(time.Duration(float64(q)/up*1e9), func() {
		n.sending = false
		to := f.to
		arrive := max(w.now+w.oneWay(n, to), to.downFree) + time.Duration(float64(q)/to.down*1e9)
		to.downFree = arrive
		done := f.sent
		w.at(arrive, func() { to.receive(f, q, done) })
		n.send()
	})
}

func (n *node) pick() *flow {
	if n.index != 0 {
		n.admit()
	}
	var f *flow
	behind := func(g *flow) int { return (g.to.index - n.turn - 1 + len(n.w.nodes)) % len(n.w.nodes) }
	for _, g := range n.flows {
		switch {
		case n.index != 0 && !g.admitted:
		case f == nil || behind(g) < behind(f) || g.to == f.to && g.priority < f.priority:
			f = g
		}
	}
	n.turn = f.to.index
	return f
}

// admit gives the free upload slots to the most urgent who wait.
func (n *node) admit() {
	taken := 0
	for _, f := range n.flows {
		if f.admitted {
			taken++
		}
	}
	for ; taken < min(n.w.slots, len(n.flows)); taken++ {
		var best *flow
		for _, f := range n.flows {
			if !f.admitted && (best == nil || f.priority < best.priority) {
				best = f
			}
		}
		best.admitted = true
	}
}
