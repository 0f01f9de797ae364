package schedule

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// A swarm is a tiny discrete-event network of real States: a server and
// listeners with an uplink, a downlink and a delay each, upload slots,
// announcements, refusals, deaths. It is deterministic.
type swarm struct {
	now     time.Duration
	seq     int
	events  eventHeap
	rng     *rand.Rand
	line    *Timeline
	nodes   []*node // nodes[0] is the server
	slots   int     // uploads at once of a peer
	waiting int     // who may wait for one, the most urgent first
	jitter  time.Duration
	loss    float64 // of packets; each costs a retransmission's delay
	wire    int64   // bytes sent by the server
	check   func(*node, []Action)
}

type event struct {
	at  time.Duration
	seq int
	fn  func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

func (w *swarm) at(t time.Duration, fn func()) {
	w.seq++
	heap.Push(&w.events, event{max(t, w.now), w.seq, fn})
}

func (w *swarm) after(d time.Duration, fn func()) { w.at(w.now+d, fn) }

func (w *swarm) run(until time.Duration) {
	for len(w.events) > 0 && w.events[0].at <= until {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.fn()
	}
	w.now = until
}
