package sim

import "time"

// eventKind says what happens.
type eventKind uint8

const (
	login    eventKind = iota // a: node
	logout                    // a: node
	noticed                   // a: node that went without a word
	announce                  // a: node
	begin                     // a: node, b: track: the listener wants it
	opening                   // a: fetch; the request reaches the server
	opened                    // a: fetch; the answer reaches the node
	seekHelp                  // a: fetch
	connect                   // a: fetch, b: node
	request                   // a: flow; it reaches its source
	reject                    // a: flow, b: schedule.Reason
	drop                      // a: flow; the cancel reaches its source
	sent                      // a: node; its uplink is free again
	arrive                    // a: flow; one chunk of it
	told                      // a: fetch, b: node, c: chunk; a peer has it now
	wake                      // a: fetch
	tick                      // a: fetch
	ending                    // a: node; the play may be over
	ahead                     // a: node; the next track is near
	script                    // a: index in Config.Plays
)

// event is one thing to happen: 40 bytes, held by value.
type event struct {
	at      time.Duration
	seq     uint64 // in the order they were entered, where the time is the same
	a, b, c int32
	gen     uint32 // of the fetch, the flow or the session; one that is gone gets no event
	kind    eventKind
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// heap4 is a 4-ary heap: half as deep as a binary one, and four children lie
// side by side in memory.
type heap4 []event

func (h *heap4) push(e event) {
	*h = append(*h, e)
	q := *h
	i := len(q) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&q[up]) {
			break
		}
		q[i] = q[up]
		i = up
	}
	q[i] = e
}

func (h *heap4) pop() event {
	q := *h
	first, last := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	*h = q
	if len(q) == 0 {
		return first
	}
	i := 0
	for {
		least := 4*i + 1
		if least >= len(q) {
			break
		}
		for k := least + 1; k < min(4*i+5, len(q)); k++ {
			if q[k].before(&q[least]) {
				least = k
			}
		}
		if !q[least].before(&last) {
			break
		}
		q[i] = q[least]
		i = least
	}
	q[i] = last
	return first
}
