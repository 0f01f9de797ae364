package swarm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func TestAtMostFourUploadsGoOnAtOnceTheMostUrgentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploads(uploadSlots, maxWaiting)
		for range uploadSlots {
			if err := u.acquire(t.Context(), protocol.PriorityBackground); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		var order []protocol.Priority
		var wg sync.WaitGroup
		waiting := []protocol.Priority{
			protocol.PriorityBackground, protocol.PriorityPrefetch, protocol.PriorityPlaying, protocol.PriorityUrgent, protocol.PriorityPlaying,
		}
		for _, p := range waiting {
			wg.Go(func() {
				if err := u.acquire(t.Context(), p); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, p)
				mu.Unlock()
			})
			synctest.Wait()
		}
		if len(order) > 0 {
			t.Fatalf("%d got a slot while all were taken", len(order))
		}
		for range waiting {
			u.release()
			synctest.Wait()
		}
		wg.Wait()
		slices.Sort(waiting)
		if !slices.Equal(order, waiting) {
			t.Errorf("the slots went to %v, want %v", order, waiting)
		}
	})
}

func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploads(1, maxWaiting)
		if err := u.acquire(t.Context(), protocol.PriorityPlaying); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- u.acquire(ctx, protocol.PriorityUrgent) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("it got %v", err)
		}
		u.release()
		if err := u.acquire(t.Context(), protocol.PriorityBackground); err != nil {
			t.Error(err)
		}
	})
}

func TestASlotGivenToOneWhoGaveUpIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploads(1, maxWaiting)
		u.acquire(t.Context(), protocol.PriorityPlaying)
		for range 100 { // the two meet in either order
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error)
			go func() { got <- u.acquire(ctx, protocol.PriorityPlaying) }()
			synctest.Wait()
			go cancel()
			u.release()
			if <-got != nil {
				if err := u.acquire(t.Context(), protocol.PriorityPlaying); err != nil {
					t.Fatal(err)
				}
			}
			cancel()
		}
	})
}

func TestWhoComesWhenTooManyWaitIsToldToAskOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploads(1, maxWaiting)
		u.acquire(t.Context(), protocol.PriorityPlaying)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range maxWaiting {
			wg.Go(func() { u.acquire(ctx, protocol.PriorityPlaying) })
		}
		synctest.Wait()
		if err := u.acquire(t.Context(), protocol.PriorityUrgent); !errors.Is(err, &protocol.Refused{Code: protocol.CodeBusy}) {
			t.Errorf("it got %v", err)
		}
		cancel()
		wg.Wait()
	})
}

func TestUploadsKeepToTheirCap(t *testing.T) {
	book := newBook(1, 32)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		const rate = 8 << 10 // bytes a second: the run takes longer than sendTimeout
		a := w.node(shelve(book), func(c *Config) { c.UploadCap = func() int64 { return rate } })
		defer a.Close()
		b := w.node(nil, nil)
		defer b.Close()
		began := time.Now()
		if got := fetch(t, w.neighbour(b, a), book, 0, 32); got != 32*protocol.ChunkSize-100 {
			t.Errorf("%d bytes came", got)
		}
		want := time.Duration(len(book.data)) * time.Second / rate
		if took := time.Since(began); took < want-time.Second || took > want+time.Second {
			t.Errorf("it took %v, want %v", took, want)
		}
	})
}
