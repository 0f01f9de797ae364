package sim

import (
	"time"

	"earshot/node/schedule"
	"earshot/protocol"
)

// What package stream has: how much is buffered when what plays is urgent, and while
// what arrives from the server alone is measured.
const (
	urgentBelow = 3 * time.Second
	measuredTo  = 10 * time.Second
)

const (
	// packet is about what one packet brings: a chunk arrives spread over the time
	// that it takes, and may be begun on before it is whole.
	packet = 1200
	// A node that holds what has come looks again whether to begin after an eighth of
	// the wait, past or to come, within these bounds (package stream).
	lookAgain = 8
	lookLeast = 100 * time.Millisecond
	lookMost  = time.Second
)

// rate is what a node knows of how fast what it plays arrives.
type rate struct {
	schedule.Throughput
	busy  bool
	known time.Duration // until when what has arrived has been counted
}

// hold is why a play is silent though something of it is there: it would run dry.
type hold struct {
	on    bool
	place int64         // the byte to go on at
	since time.Duration // when it could have
	again time.Duration // when to look again
}

// came counts a chunk that has arrived, over so long a time, and begins a play that may
// begin before it is whole. The server's chunks may; a peer's are verified first.
func (w *world) came(fi int32, chunk int, took time.Duration, byServer bool) {
	f := &w.fetches[fi]
	n := &w.nodes[f.node]
	size := protocol.ChunkLen(w.size, chunk)
	for got := 0; got < size; {
		k := min(packet, size-got)
		got += k
		at := w.now - time.Duration(float64(took)*float64(size-got)/float64(size))
		n.rate.known = max(n.rate.known, at)
		n.rate.Arrived(n.rate.known, k)
		if chunk == f.gap && byServer && got < size && (got >= firstSound || n.play.hold.on) {
			w.mayBegin(fi, at, got)
		}
	}
}

// mayBegin lets a play sound that has not begun, or has run dry, unless it would soon
// run dry again.
func (w *world) mayBegin(fi int32, at time.Duration, partly int) {
	f := &w.fetches[fi]
	p := &w.nodes[f.node].play
	h := &p.hold
	switch {
	case !p.on || p.fetch != fi || p.sounds && !h.on:
		return
	case partly == 0 && !f.held.have.Has(int(h.place/protocol.ChunkSize)): // nothing is there to sound
		return
	}
	if !h.on {
		*h = hold{on: true, since: at}
	}
	if !f.state.Done() {
		if at < h.again {
			return
		}
		if wait := w.wait(f, at, partly); wait > 0 {
			h.again = at + max(min(wait/lookAgain, (at-h.since)/lookAgain, lookMost), lookLeast)
			return
		}
	}
	if p.sounds {
		w.goOn(p, at)
	} else {
		w.sound(f.node, at)
	}
	p.hold = hold{}
}

// wait is for how long a play is to be put off.
func (w *world) wait(f *fetch, at time.Duration, partly int) time.Duration {
	n := &w.nodes[f.node]
	wait, _ := n.rate.Wait(max(at, n.rate.known), schedule.Rest{
		Line: w.line, Have: f.held.have, Place: n.play.hold.place, Partly: partly, Alone: !f.company,
	}, mix(w.Seed^uint64(f.node)<<44^uint64(at)))
	return wait
}

// dry has a play fall silent, since a time, for lack of a chunk that has just come.
func (w *world) dry(p *play, chunk int, since time.Duration) {
	p.stalled = true
	p.silent = since
	p.hold = hold{on: true, place: int64(chunk) * protocol.ChunkSize, since: w.now}
}

// goOn ends a silence.
func (w *world) goOn(p *play, at time.Duration) {
	p.base += at - p.silent
	w.result.Silence += at - p.silent
}

// lookAtRate has what arrives measured while all that can be had is needed, and the
// schedule fetch as far ahead as it can where that is little.
func (w *world) lookAtRate(f *fetch) {
	n := &w.nodes[f.node]
	if f.mode != schedule.Playing || !n.play.on || n.play.fetch < 0 || &w.fetches[n.play.fetch] != f {
		return
	}
	buffered := f.state.Buffered(w.now)
	thin := n.play.hold.on || !f.company && n.rate.Thin(n.rate.known, w.line)
	f.state.Thin(thin)
	w.setBusy(n, thin || len(f.flows) > 0 && (buffered < urgentBelow || !f.company && buffered < measuredTo))
}

// setBusy says whether what plays asks for all that it can get.
func (w *world) setBusy(n *node, busy bool) {
	if busy == n.rate.busy {
		return
	}
	n.rate.busy = busy
	if busy {
		n.rate.known = w.now
	}
	n.rate.Busy(n.rate.known, busy)
}
