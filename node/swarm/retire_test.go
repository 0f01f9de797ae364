package swarm

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func TestWhatWasAskedOnTheConnectionThatIsNotKeptIsAnswered(t *testing.T) {
	book := newBook(1, 4)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		a, b := w.node(shelve(book), nil), w.node(shelve(book), nil)
		defer a.Close()
		defer b.Close()
		var asked [2]*Conn
		var wg sync.WaitGroup
		for i, n := range []*Swarm{a, b} {
			other := []*Swarm{b, a}[i]
			wg.Go(func() { n.Connect(t.Context(), []protocol.Peer{peer(other)}) })
			wg.Go(func() {
				c, err := n.Neighbour(t.Context(), other.Self())
				if err != nil {
					t.Error(err)
					return
				}
				asked[i] = c
				if got := fetch(t, c, book, 0, 4); got != len(book.data) {
					t.Errorf("%d bytes came", got)
				}
			})
		}
		wg.Wait()
		if asked[0].dialed != asked[1].dialed {
			t.Fatal("both asked on the same connection: this tests nothing")
		}
		if len(a.Neighbours()) != 1 || len(b.Neighbours()) != 1 {
			t.Errorf("%d and %d neighbours", len(a.Neighbours()), len(b.Neighbours()))
		}
		for _, n := range []*Swarm{a, b} {
			if sent := n.Traffic().Uploaded; sent != int64(len(book.data)) {
				t.Errorf("%d bytes are counted", sent)
			}
		}
		time.Sleep(retireAfter + time.Second)
		ended := 0
		for _, c := range asked {
			select {
			case <-c.Done():
				ended++
			default:
			}
		}
		kept := 0
		for _, n := range []*Swarm{a, b} {
			n.mu.Lock()
			kept += len(n.retired)
			n.mu.Unlock()
		}
		if ended != 1 || kept > 0 {
			t.Errorf("of the two %d have ended, %d are kept in mind", ended, kept)
		}
	})
}
