package swarm

import (
	"container/heap"
	"context"
	"sync"
	"sync/atomic"

	"earshot/protocol"
)

// uploads hands out the few slots in which runs are sent, the most urgent first.
type uploads struct {
	most int           // who may wait
	next atomic.Uint64 // order of arrival, to be fair among equals

	mu      sync.Mutex
	free    int
	waiting waiters
}

const (
	// uploadSlots is how many runs are sent at once: with more, each gets so
	// little of a home's uplink that none is in time (Kreitz and Niemela,
	// section III.D, use 4).
	uploadSlots = 4
	// maxWaiting bounds who waits for a slot; the next is told to ask others.
	maxWaiting = 16
)

type waiter struct {
	priority protocol.Priority
	order    uint64
	turn     chan struct{}
	index    int
}

func (w *waiter) before(o *waiter) bool {
	return w.priority < o.priority || w.priority == o.priority && w.order < o.order
}

func newUploads(slots, waiting int) *uploads { return &uploads{free: slots, most: waiting} }

// try takes a slot if one is free; the caller releases it.
func (u *uploads) try() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.free == 0 {
		return false
	}
	u.free--
	return true
}

// acquire waits for a slot; the caller releases it. CodeBusy if too many wait.
func (u *uploads) acquire(ctx context.Context, p protocol.Priority) error {
	return u.acquireAs(ctx, p, u.next.Add(1))
}

// acquireAs waits for a slot as one that came in such an order (next).
func (u *uploads) acquireAs(ctx context.Context, p protocol.Priority, order uint64) error {
	u.mu.Lock()
	if u.free > 0 {
		u.free--
		u.mu.Unlock()
		return nil
	}
	if len(u.waiting) >= u.most {
		u.mu.Unlock()
		return &protocol.Refused{Code: protocol.CodeBusy}
	}
	w := &waiter{priority: p, order: order, turn: make(chan struct{})}
	heap.Push(&u.waiting, w)
	u.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	u.mu.Lock()
	if w.index >= 0 {
		heap.Remove(&u.waiting, w.index)
		u.mu.Unlock()
		return ctx.Err()
	}
	u.mu.Unlock()
	u.release() // the turn came at the same moment
	return ctx.Err()
}

// outranks reports whether one waits who would go before one of such a priority and
// order.
func (u *uploads) outranks(p protocol.Priority, order uint64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.waiting) > 0 && u.waiting[0].before(&waiter{priority: p, order: order})
}

func (u *uploads) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.waiting) == 0 {
		u.free++
		return
	}
	close(heap.Pop(&u.waiting).(*waiter).turn)
}

// waiters is a heap: the most urgent first, then who came first.
type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].before(w[j]) }
func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}
func (w *waiters) Push(x any) {
	x.(*waiter).index = len(*w)
	*w = append(*w, x.(*waiter))
}
func (w *waiters) Pop() any {
	last := (*w)[len(*w)-1]
	(*w)[len(*w)-1] = nil
	*w = (*w)[:len(*w)-1]
	last.index = -1
	return last
}
