package sim

import (
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

const (
	// uploadSlots and uploadQueue are a node's: so many answers at once, so
	// many more may wait (package swarm).
	uploadSlots = 4
	uploadQueue = 16
)

// seconds is how long so many bytes take at a rate.
func seconds(bytes int, rate float64) time.Duration {
	return time.Duration(float64(bytes) / rate * float64(time.Second))
}

// newFlow makes an answer, not yet under way.
func (w *world) newFlow(f flow) int32 {
	var i int32
	if k := len(w.freeW); k > 0 {
		i = w.freeW[k-1]
		w.freeW = w.freeW[:k-1]
	} else {
		i = int32(len(w.flows))
		w.flows = append(w.flows, flow{})
	}
	f.gen, f.alive = w.flows[i].gen+1, true
	w.flows[i] = f
	return i
}

// flow returns an answer if it is still the same one.
func (w *world) flow(i int32, gen uint32) *flow {
	if f := &w.flows[i]; f.alive && f.gen == gen {
		return f
	}
	return nil
}

// ask sends a request on its way.
func (w *world) ask(fi int32, a schedule.Action) {
	f := &w.fetches[fi]
	from := w.nodeOf(a.Source)
	i := w.newFlow(flow{
		from: from, to: f.node, fetch: fi, track: f.track, fetchGen: f.gen, id: a.ID,
		first: int32(a.First), count: int32(a.Count), priority: a.Priority, due: schedule.Never,
	})
	if a.Within > 0 {
		w.flows[i].due = w.now + a.Within
	}
	f.flows = append(f.flows, i)
	if from == w.server {
		w.result.ServerRequests++
	}
	w.after(w.oneWay(f.node, from), request, i, 0, 0, w.flows[i].gen)
}

// asked is a request reaching its source.
func (w *world) asked(i int32) {
	f := &w.flows[i]
	src := &w.nodes[f.from]
	back := w.oneWay(f.from, f.to)
	switch {
	case !src.online:
		w.after(silentDeath, reject, i, int32(schedule.Timeout), 0, f.gen)
	case f.from != w.server && !w.holds(f.from, f):
		w.after(back, reject, i, int32(schedule.NotFound), 0, f.gen)
	case f.from != w.server && len(src.flows) >= uploadSlots+uploadQueue:
		w.after(back, reject, i, int32(schedule.Busy), 0, f.gen)
	case f.from == w.server && w.elsewhere(f):
		w.after(back, reject, i, int32(schedule.Elsewhere), 0, f.gen)
	default:
		w.enqueue(i)
	}
}

// holds reports whether a node has what it is asked for.
func (w *world) holds(n int32, f *flow) bool {
	h := w.nodes[n].cache[f.track]
	return h != nil && (h.have == nil || h.have.Has(int(f.first)))
}

func (w *world) enqueue(i int32) {
	f := &w.flows[i]
	f.queued = true
	w.nodes[f.from].flows = append(w.nodes[f.from].flows, i)
	w.transmit(f.from)
}

// transmit sends the next chunk of an uplink: the answers in the slots in turn,
// and of those to one node the most urgent; of the server's the soonest needed.
func (w *world) transmit(ni int32) {
	n := &w.nodes[ni]
	if n.sending || len(n.flows) == 0 {
		return
	}
	slots := len(n.flows)
	if ni != w.server {
		slots = min(slots, uploadSlots)
	}
	n.turn = (n.turn + 1) % slots
	k := n.turn
	for j := range slots {
		a, b := &w.flows[n.flows[j]], &w.flows[n.flows[k]]
		sooner := a.priority < b.priority
		if ni == w.server {
			sooner = a.due < b.due
		}
		if a.to == b.to && sooner {
			k = j
		}
	}
	i := n.flows[k]
	f := &w.flows[i]
	chunk := int(f.first + f.done)
	if ni != w.server {
		if h := n.cache[f.track]; h == nil || h.have != nil && !h.have.Has(chunk) {
			w.after(w.oneWay(ni, f.to), reject, i, int32(schedule.NotFound), 0, f.gen)
			w.unqueue(i)
			w.transmit(ni)
			return
		}
	}
	size := protocol.ChunkLen(w.size, chunk)
	n.sending = true
	took := seconds(size, n.up)
	w.after(took, sent, ni, 0, 0, 0)
	w.result.BytesSent += int64(size)
	if ni == w.server {
		w.result.ServerBytes += int64(size)
		w.result.Hours[w.hour()].FromServer += int64(size)
	} else {
		w.result.PeerBytes += int64(size)
	}
	to := &w.nodes[f.to]
	delay := w.oneWay(ni, f.to)
	// The chunk's first byte reaches the downlink now + delay, its last not
	// before the uplink has sent it, nor faster than the downlink takes it.
	start := max(w.now+delay, to.downFree)
	done := max(start+seconds(size, to.down), w.now+took+delay)
	to.downFree = start + seconds(size, to.down)
	f.done++
	w.at(done, arrive, i, int32(chunk), int32((done-start)/time.Microsecond), f.gen)
	if f.done == f.count {
		w.unqueue(i)
	}
}

// unqueue takes an answer off its uplink; what has been sent still arrives.
func (w *world) unqueue(i int32) {
	f := &w.flows[i]
	if !f.queued {
		return
	}
	f.queued = false
	if f.head {
		w.heads--
	}
	n := &w.nodes[f.from]
	for k, other := range n.flows {
		if other == i {
			n.flows = append(n.flows[:k], n.flows[k+1:]...)
			return
		}
	}
}

// endFlow forgets an answer, at both ends.
func (w *world) endFlow(i int32) {
	w.unqueue(i)
	f := &w.flows[i]
	if !f.alive {
		return
	}
	f.alive = false
	w.freeW = append(w.freeW, i)
	g := w.fetch(f.fetch, f.fetchGen)
	if g == nil {
		return
	}
	for k, other := range g.flows {
		if other == i {
			g.flows[k] = g.flows[len(g.flows)-1]
			g.flows = g.flows[:len(g.flows)-1]
			break
		}
	}
}

// rejected is a request that comes to nothing.
func (w *world) rejected(i int32, why schedule.Reason) {
	f := w.flows[i]
	w.endFlow(i)
	if g := w.fetch(f.fetch, f.fetchGen); g != nil && g.state != nil {
		g.state.Failed(w.now, f.id, why)
		w.step(f.fetch)
	}
}
