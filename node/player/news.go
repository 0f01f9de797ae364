package player

import (
	"context"
	"sync"
	"time"

	"earshot/node/control"
)

// maxNews bounds what waits for a receiver that is slow: some twenty tracks'
// worth, as progress replaces progress.
const maxNews = 64

// news carries reports to the node, events to the caller and what is to be saved
// to wherever that is, each in order and by a goroutine of its own.
type news struct {
	reports box[control.Report]
	events  box[Event]
	saves   box[Saved]
	cancel  context.CancelFunc
	carry   sync.WaitGroup
}

// newNews starts them. They outlive the end of ctx: the last report comes after it.
func newNews(ctx context.Context, cfg Config) *news {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n := &news{
		cancel:  cancel,
		reports: newBox(func(r control.Report) bool { return r.State == control.StatePlaying }),
		events:  newBox(func(e Event) bool { return e.Kind == EventProgress }),
		saves:   newBox(func(Saved) bool { return true }),
	}
	n.carry.Go(func() {
		n.reports.carry(func(r control.Report) {
			_ = cfg.Source.Report(ctx, r) // a node that takes no reports plays all the same
		})
	})
	n.carry.Go(func() { n.events.carry(cfg.Events) })
	if cfg.Save != nil {
		n.carry.Go(func() { n.saves.carry(cfg.Save) })
	}
	return n
}

// close delivers what is left, the reports within newsGrace.
func (n *news) close() {
	n.reports.close()
	n.events.close()
	n.saves.close()
	t := time.AfterFunc(newsGrace, n.cancel)
	n.carry.Wait()
	t.Stop()
	n.cancel()
}

// box is a queue that never blocks who puts into it. Where its receiver is slow,
// newer progress takes the place of older, and at maxNews the oldest goes.
type box[T any] struct {
	progress func(T) bool
	wake     signal

	mu      sync.Mutex
	waiting []T
	closed  bool
}

func newBox[T any](progress func(T) bool) box[T] {
	return box[T]{progress: progress, wake: make(signal, 1)}
}

func (b *box[T]) put(v T) {
	b.mu.Lock()
	k := len(b.waiting)
	switch {
	case k > 0 && b.progress(v) && b.progress(b.waiting[k-1]):
		b.waiting[k-1] = v
	case k >= maxNews:
		b.waiting = append(b.waiting[1:k:k], v)
	default:
		b.waiting = append(b.waiting, v)
	}
	b.mu.Unlock()
	b.wake.raise()
}

func (b *box[T]) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.wake.raise()
}

// carry delivers until the box is closed and empty.
func (b *box[T]) carry(deliver func(T)) {
	for {
		b.mu.Lock()
		all, closed := b.waiting, b.closed
		b.waiting = nil
		b.mu.Unlock()
		for _, v := range all {
			deliver(v)
		}
		if len(all) == 0 {
			if closed {
				return
			}
			<-b.wake
		}
	}
}
