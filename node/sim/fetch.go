package sim

import (
	"context"
	"slices"
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

// Searches are as package stream has them.
const (
	enoughPeers = 4
	tickEvery   = time.Second
	firstSound  = 2 << 10 // bytes that a decoder needs before it sounds
)

// searches is when a fetch asks the tracker again, each after the one before.
var searches = [...]time.Duration{250 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// Where a chunk came from.
const (
	fromCache = iota
	fromServer
	fromPeer
)

// fetch is a track in the making, for the play that goes on or the next.
type fetch struct {
	node, track int32
	gen         uint32
	alive       bool
	opened      bool
	company     bool // others than the server bring it, or will
	tries       int
	head        int32 // the flow of the head, -1 if none
	headCount   int
	gap         int // the first missing chunk
	mode        schedule.Mode
	state       *schedule.State // nil once all is there
	held        *held
	origin      []byte // of each chunk
	peers       []protocol.Peer
	sources     []int32 // connected
	flows       []int32
	wakeAt      time.Duration
}

func sourceID(n int32) schedule.SourceID { return schedule.SourceID(n) }

func (w *world) nodeOf(s schedule.SourceID) int32 { return int32(s) }

// fetch returns a fetch if it is still the same one.
func (w *world) fetch(i int32, gen uint32) *fetch {
	if f := &w.fetches[i]; f.alive && f.gen == gen {
		return f
	}
	return nil
}

// newFetch begins to fetch a track that the cache does not hold whole.
func (w *world) newFetch(n, track int32, mode schedule.Mode) int32 {
	var i int32
	if k := len(w.freeF); k > 0 {
		i = w.freeF[k-1]
		w.freeF = w.freeF[:k-1]
	} else {
		i = int32(len(w.fetches))
		w.fetches = append(w.fetches, fetch{})
	}
	old := &w.fetches[i]
	h := w.lease(n, track)
	origin := slices.Grow(old.origin[:0], w.chunks)[:w.chunks]
	clear(origin)
	*old = fetch{
		node: n, track: track, gen: old.gen + 1, alive: true, head: -1, mode: mode, held: h, origin: origin,
		sources: old.sources[:0], flows: old.flows[:0],
		state: schedule.New(schedule.Config{
			Timeline: w.line, Track: trackID(track), Have: h.have, Self: mix(uint64(n)), Seed: w.rng.Uint64(),
		}),
	}
	for old.gap < w.chunks && h.have.Has(old.gap) {
		old.gap++
	}
	w.result.ServerRequests++
	w.result.Fetches++
	w.after(w.oneWay(n, w.server), opening, i, 0, 0, old.gen)
	return i
}

// opening is the request at the server: it names peers, enters the asker for the
// track, and sends a head where the listener waits for sound.
func (w *world) opening(i int32) {
	f := &w.fetches[i]
	f.peers, _ = w.tracker.Peers(context.Background(), trackID(f.track), w.peer(f.node), protocol.MaxPeers)
	f.company = len(f.peers) > 0
	w.enter(f, false)
	w.after(w.oneWay(w.server, f.node), opened, i, 0, 0, f.gen)
	if f.mode != schedule.Playing || f.gap > 0 {
		return
	}
	length := schedule.Head(len(f.peers), w.heads)
	w.heads++
	f.headCount = min(protocol.Chunks(int64(length.Seconds()*w.perTime)), w.chunks)
	f.head = w.newFlow(flow{
		from: w.server, to: f.node, fetch: i, track: f.track, fetchGen: f.gen,
		count: int32(f.headCount), priority: protocol.PriorityPlaying, head: true,
	})
	f.flows = append(f.flows, f.head)
	w.enqueue(f.head)
}

// enter tells the tracker of a fetch, or of its end.
func (w *world) enter(f *fetch, whole bool) {
	if !w.NoUploads {
		_ = w.tracker.Announce(context.Background(), w.peer(f.node), // Memory does not fail
			[]protocol.Announced{{ID: trackID(f.track), Complete: whole}})
	}
}

// opened is the server's answer at the node: the schedule takes over.
func (w *world) opened(i int32) {
	f := &w.fetches[i]
	f.opened = true
	f.state.AddSource(w.now, sourceID(w.server), schedule.Source{Kind: schedule.Server, RTT: w.rtt(f.node, w.server)})
	w.playhead(f)
	if f.head >= 0 {
		w.flows[f.head].id = f.state.Expect(w.now, sourceID(w.server), 0, f.headCount)
	}
	w.connectAll(i, 0)
	w.after(searches[0], seekHelp, i, 0, 0, f.gen)
	w.after(tickEvery, tick, i, 0, 0, f.gen)
	w.step(i)
}

// connectAll dials the peers that the server has named: a handshake, and the
// have map that comes with it.
func (w *world) connectAll(i int32, later time.Duration) {
	f := &w.fetches[i]
	for _, p := range f.peers {
		n := number(p)
		if w.reachable(f.node, n) && !slices.Contains(f.sources, n) {
			w.after(later+2*w.rtt(f.node, n), connect, i, n, 0, f.gen)
		}
	}
	f.peers = nil
}

func (w *world) seekHelp(i int32) {
	f := &w.fetches[i]
	if f.state == nil {
		return
	}
	if len(f.sources) < enoughPeers {
		f.peers, _ = w.tracker.Peers(context.Background(), trackID(f.track), w.peer(f.node), protocol.MaxPeers)
		w.result.ServerRequests++
		w.connectAll(i, w.rtt(f.node, w.server))
	}
	f.tries = min(f.tries+1, len(searches)-1)
	w.after(searches[f.tries], seekHelp, i, 0, 0, f.gen)
}

// making returns a node's fetch of a track, -1 if there is none.
func (w *world) making(n, track int32) int32 {
	for _, i := range [2]int32{w.nodes[n].play.fetch, w.nodes[n].next} {
		if i >= 0 && w.fetches[i].track == track && w.fetches[i].state != nil {
			return i
		}
	}
	return -1
}

// connect makes a peer a source, and this node one of the peer's where that
// fetches the same track.
func (w *world) connect(i, p int32) {
	f := &w.fetches[i]
	if !w.nodes[p].online || f.state == nil {
		return
	}
	other := w.making(p, f.track)
	w.source(i, p)
	if other >= 0 {
		w.source(other, f.node)
		w.step(other)
	}
	w.step(i)
}

// source gives a fetch a peer with what it holds.
func (w *world) source(i, p int32) {
	f := &w.fetches[i]
	if slices.Contains(f.sources, p) {
		return
	}
	f.sources = append(f.sources, p)
	f.company = true
	w.watch(p, ref{i, f.gen})
	f.state.AddSource(w.now, sourceID(p), schedule.Source{Kind: schedule.Peer, RTT: w.rtt(f.node, p), Key: mix(uint64(p))})
	have := protocol.NewBitmap(w.chunks)
	if h := w.nodes[p].cache[f.track]; h != nil {
		if have = h.have; have == nil {
			have = protocol.FullBitmap(w.chunks)
		}
	}
	f.state.SetHave(w.now, sourceID(p), have)
	f.state.Listening(w.now, sourceID(p), w.making(p, f.track) >= 0)
}

// watch notes who has connected to a node; those that are gone make room.
func (w *world) watch(p int32, r ref) {
	n := &w.nodes[p]
	if len(n.watchers) == cap(n.watchers) {
		n.watchers = slices.DeleteFunc(n.watchers, func(r ref) bool { return w.fetch(r.fetch, r.gen) == nil })
	}
	n.watchers = append(n.watchers, r)
}

func (f *fetch) forget(p int32) {
	if k := slices.Index(f.sources, p); k >= 0 {
		f.sources = slices.Delete(f.sources, k, k+1)
	}
}

// step lets the schedule decide, and does what it says.
func (w *world) step(i int32) {
	f := &w.fetches[i]
	if f.state == nil || !f.opened {
		return
	}
	w.lookAtRate(f)
	actions, next := f.state.Step(w.now)
	w.result.Steps++
	for _, a := range actions {
		if a.Kind == schedule.Request {
			w.ask(i, a)
			continue
		}
		for _, k := range f.flows {
			if g := &w.flows[k]; g.id == a.ID {
				w.after(w.oneWay(f.node, g.from), drop, k, 0, 0, g.gen)
			}
		}
	}
	if next != schedule.Never && (f.wakeAt <= w.now || next < f.wakeAt) {
		f.wakeAt = next
		w.at(next, wake, i, 0, 0, f.gen)
	}
}

// arrive is one chunk that has come whole.
func (w *world) arrive(e *event) {
	chunk, size := int(e.b), protocol.ChunkLen(w.size, int(e.b))
	fl := w.flow(e.a, e.gen)
	if fl == nil || !w.nodes[fl.to].online {
		w.result.BytesLost += int64(size)
		return
	}
	w.result.BytesReceived += int64(size)
	done, from, i := chunk == int(fl.first+fl.count)-1, fl.from, fl.fetch
	f := w.fetch(fl.fetch, fl.fetchGen)
	id := fl.id
	if done {
		w.endFlow(e.a)
	}
	if f == nil || f.state == nil || f.held.have.Has(chunk) {
		w.result.BytesWasted += int64(size)
		if f != nil && f.state != nil && done {
			f.state.Finished(w.now, id)
			w.step(i)
		}
		return
	}
	took := time.Duration(e.c) * time.Microsecond
	w.came(i, chunk, took, from == w.server)
	f.held.have.Set(chunk)
	f.origin[chunk] = fromPeer
	if from == w.server {
		f.origin[chunk] = fromServer
	}
	f.state.Progress(w.now, id, size)
	f.state.Arrived(w.now, chunk)
	if done {
		f.state.Finished(w.now, id)
	}
	w.tell(f, chunk)
	if chunk == f.gap {
		w.heard(i, took, from == w.server)
	}
	w.mayBegin(i, w.now, 0)
	if f.state.Done() {
		w.complete(i)
		return
	}
	w.step(i)
}

// tell has all who watch know of a chunk.
func (w *world) tell(f *fetch, chunk int) {
	if w.NoUploads {
		return
	}
	for _, r := range w.nodes[f.node].watchers {
		if g := w.fetch(r.fetch, r.gen); g != nil && g.state != nil && g.track == f.track {
			w.after(w.oneWay(f.node, g.node), told, r.fetch, f.node, int32(chunk), r.gen)
		}
	}
}

// complete is the end of a fetch; the play goes on from the cache.
func (w *world) complete(i int32) {
	f := &w.fetches[i]
	f.held.have = nil
	if n := &w.nodes[f.node]; n.play.fetch == i {
		w.setBusy(n, false)
	}
	w.account(f)
	w.drop(f)
	w.enter(f, true)
}

// account adds up what the schedule counted.
func (w *world) account(f *fetch) {
	c := f.state.Counts()
	w.result.Hedges += c.Hedges
	w.result.Asked += c.Asked
	w.result.Duplicate += c.Duplicate
	f.state = nil
}

// drop cancels what is still on its way.
func (w *world) drop(f *fetch) {
	for _, k := range f.flows {
		w.after(w.oneWay(f.node, w.flows[k].from), drop, k, 0, 0, w.flows[k].gen)
	}
}

// release ends a fetch, whole or not.
func (w *world) release(i int32) {
	f := &w.fetches[i]
	if f.state != nil {
		w.account(f)
		w.drop(f)
		if f.held.have.Count() == 0 && f.held.leases == 1 {
			f.held.leases--
			w.evict(f.node, f.held)
			f.held.leases++
		}
	}
	f.held.leases--
	f.alive, f.held = false, nil
	w.freeF = append(w.freeF, i)
}
