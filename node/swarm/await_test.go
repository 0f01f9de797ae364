package swarm

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// fetching has a node fetch a track, of which it has nothing yet.
func fetching(n *Swarm, b *book) (stop func()) {
	b.have = protocol.NewBitmap(protocol.Chunks(b.header.Size))
	return n.Watch(b.id(), listener{})
}

// comes has chunk i of a track come to a node.
func (b *book) comes(n *Swarm, i int) {
	b.mu.Lock()
	b.have.Set(i)
	b.mu.Unlock()
	n.Got(b.id(), i, 1, true)
}

func TestWhoAsksForWhatIsOnItsWayIsAnsweredWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newTown(t), newBook(1, 8)
		defer w.net.Close()
		near, far := w.node(shelf{b.id(): b}, nil), w.node(nil, nil)
		defer near.Close()
		defer far.Close()
		defer fetching(near, b)()
		c := w.neighbour(far, near)

		const later = 300 * time.Millisecond
		time.AfterFunc(later, func() { b.comes(near, 2) })
		asked := time.Now()
		run, err := c.Get(t.Context(), &protocol.Get{ID: b.id(), First: 2, Count: 2, Prove: true, Wait: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		if took := time.Since(asked); took < later || took > later+2*c.RTT() {
			t.Errorf("it is answered after %v, the chunk came after %v", took, later)
		}
		data, err := io.ReadAll(run)
		tree := protocol.NewTree(b.id(), b.header.Size)
		if err != nil || run.Count != 1 || !tree.Add(2, 1, run.Path) || !tree.Verify(2, data) {
			t.Errorf("%d bytes of %d chunks came that do not verify: %v", len(data), run.Count, err)
		}
	})
}

func TestNobodyWaitsForWhatIsNotOnItsWay(t *testing.T) {
	for name, m := range map[string]protocol.Get{"nobody fetches it": {Wait: true}, "the asker is in a hurry": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := newTown(t), newBook(1, 8)
				defer w.net.Close()
				near, far := w.node(shelf{b.id(): b}, nil), w.node(nil, nil)
				defer near.Close()
				defer far.Close()
				stop := fetching(near, b)
				if m.Wait {
					stop()
				} else {
					defer stop()
				}
				c := w.neighbour(far, near)
				asked := time.Now()
				m.ID, m.First, m.Count = b.id(), 2, 1
				_, err := c.Get(t.Context(), &m, nil)
				if refused := (*protocol.Refused)(nil); !errors.As(err, &refused) || refused.Code != protocol.CodeNotFound {
					t.Errorf("it is answered with %v", err)
				}
				if took := time.Since(asked); took > 2*c.RTT() {
					t.Errorf("it takes %v", took)
				}
			})
		})
	}
}

func TestWaitingHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newTown(t), newBook(1, 8)
		defer w.net.Close()
		n := w.node(shelf{b.id(): b}, nil)
		defer n.Close()
		began := time.Now()
		n.await(t.Context(), awaited, func() bool { return false })
		if took := time.Since(began); took != awaited {
			t.Errorf("it ended after %v", took)
		}
		n.waiting.Store(maxAwaited)
		if n.await(t.Context(), awaited, func() bool { return false }); time.Since(began) != awaited {
			t.Error("one more than may waits")
		}
	})
}

func TestOfTwoWhoWaitForSoundTheFirstIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newTown(t), newBook(1, 16)
		defer w.net.Close()
		from := w.node(shelf{b.id(): b}, nil)
		defer from.Close()
		began := time.Now()
		done := make(chan time.Duration, 2)
		for range 2 {
			n := w.node(nil, nil)
			defer n.Close()
			c := w.neighbour(n, from)
			defer func() { <-done }()
			began = time.Now()
			go func() {
				run, err := c.Get(t.Context(), &protocol.Get{ID: b.id(), First: 0, Count: 16, Wait: true}, nil)
				if err != nil {
					t.Error(err)
					done <- 0
					return
				}
				defer run.Close()
				io.Copy(io.Discard, run)
				done <- time.Since(began)
			}()
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		first, second := <-done, <-done
		done <- first
		done <- second
		if second < first*3/2 {
			t.Errorf("the first is served after %v, the second after %v", first, second)
		}
	})
}
