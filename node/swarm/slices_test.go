package swarm

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// scroll is a book whose chunks come slice by slice.
type scroll struct {
	*book
	come int // slices of the chunk that is missing; under mu
}

// coming is a store and a watcher of a scroll.
type coming struct {
	listener
	s *scroll
}

func (c coming) Share() (Stored, bool) { return c.s, true }

func (s *scroll) Slices(i int) (n int, values []byte) {
	size := protocol.ChunkLen(s.header.Size, i)
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(s.come*protocol.SliceSize, size), protocol.Slices(i, s.data[i*protocol.ChunkSize:][:size])
}

func (s *scroll) ReadSlices(i int, buf []byte) (int, error) {
	n, _ := s.Slices(i)
	return copy(buf[:n], s.data[i*protocol.ChunkSize:]), nil
}

// comes has one more slice come.
func (s *scroll) comes(n *Swarm) {
	s.mu.Lock()
	s.come++
	s.mu.Unlock()
	n.Arrived()
}

// unrolling returns two nodes, of which near has nothing of a track yet, and fetches it.
func unrolling(t *testing.T) (c *Conn, near *Swarm, s *scroll, stop func()) {
	w := newTown(t)
	s = &scroll{book: newBook(1, 8)}
	s.have = protocol.NewBitmap(8)
	near, far := w.node(nil, nil), w.node(nil, nil)
	unwatch := near.Watch(s.id(), coming{s: s})
	return w.neighbour(far, near), near, s, func() {
		unwatch()
		far.Close()
		near.Close()
		w.net.Close()
	}
}

func TestAChunkIsPassedOnAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, near, s, stop := unrolling(t)
		defer stop()
		const pause = 300 * time.Millisecond
		began := time.Now()
		for k := range 4 {
			time.AfterFunc(time.Duration(k+1)*pause, func() { s.comes(near) })
		}
		run, err := c.Get(t.Context(), &protocol.Get{ID: s.id(), First: 2, Count: 1, Prove: true, Wait: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		tree := protocol.NewTree(s.id(), s.header.Size)
		if !tree.Add(2, 1, run.Path) || !tree.AddSlices(2, run.Slices) {
			t.Fatal("what verifies its slices did not come with it")
		}
		b := make([]byte, protocol.SliceSize)
		for k := range 4 {
			if _, err := io.ReadFull(run, b); err != nil || !tree.VerifySlice(2, k, b) {
				t.Fatalf("slice %d: %v", k, err)
			}
			if took, came := time.Since(began), time.Duration(k+1)*pause; took < came || took > came+2*c.RTT() {
				t.Errorf("slice %d is here after %v, it came after %v", k, took, came)
			}
		}
		if rest, err := io.ReadAll(run); len(rest) > 0 || err != nil {
			t.Errorf("%d bytes more, %v", len(rest), err)
		}
	})
}

func TestAChunkOfWhichNoMoreComesIsGivenUp(t *testing.T) {
	for name, end := range map[string]func(s *scroll, unwatch func()){
		"it stalls":             func(*scroll, func()) {},
		"it is fetched no more": func(_ *scroll, unwatch func()) { unwatch() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := newTown(t), &scroll{book: newBook(1, 8), come: 1}
				defer w.net.Close()
				s.have = protocol.NewBitmap(8)
				near, far := w.node(nil, nil), w.node(nil, nil)
				defer near.Close()
				defer far.Close()
				unwatch := near.Watch(s.id(), coming{s: s})
				c := w.neighbour(far, near)
				began := time.Now()
				run, err := c.Get(t.Context(), &protocol.Get{ID: s.id(), First: 2, Count: 1, Wait: true}, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer run.Close()
				end(s, unwatch)
				got, err := io.ReadAll(run)
				if err == nil || !bytes.HasPrefix(s.data[2*protocol.ChunkSize:], got) || len(got) != protocol.SliceSize {
					t.Errorf("%d bytes came, then: %v", len(got), err)
				}
				if took := time.Since(began); took > awaited+3*c.RTT() {
					t.Errorf("it takes %v", took)
				}
				unwatch()
				if !near.uploads.try() {
					t.Error("it keeps its slot")
				}
			})
		})
	}
}

func TestWhoIsToldOfAStarterBeforeThatHasOpenedTheTrackIsAnsweredWhenItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newTown(t), newBook(1, 4)
		defer w.net.Close()
		store := &lateStore{shelf: shelf{b.id(): b}}
		near, far := w.node(nil, func(c *Config) { c.Store = store }), w.node(nil, nil)
		defer near.Close()
		defer far.Close()
		c := w.neighbour(far, near)
		time.AfterFunc(opening/2, func() { store.open.Store(true); near.Watch(b.id(), listener{}) })
		run, err := c.Get(t.Context(), &protocol.Get{ID: b.id(), Count: 1, Wait: true}, nil)
		if err != nil {
			t.Fatalf("asked on a connection that was there before: %v", err)
		}
		run.Close()
		m := &protocol.Get{ID: protocol.ID{1}, Count: 1, Wait: true}
		asked := time.Now()
		_, err = c.Get(t.Context(), m, nil)
		if refused := (*protocol.Refused)(nil); !errors.As(err, &refused) || time.Since(asked) > opening+2*c.RTT() {
			t.Errorf("what nobody opens: %v after %v", err, time.Since(asked))
		}
	})
}

func TestANeighbourIsAwaitedUntilItIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		near, far := w.node(nil, nil), w.node(nil, nil)
		defer near.Close()
		defer far.Close()
		const later = time.Second
		time.AfterFunc(later, func() { w.neighbour(far, near) })
		began := time.Now()
		c, err := far.Neighbour(t.Context(), near.Self())
		if err != nil || c.Node() != near.Self() || time.Since(began) < later {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
