package swarm

import (
	"context"
	"errors"
	"sync"
	"testing"

	"earshot/protocol"
)

// TestAnAnswerMayComeBeforeTheRequestHasEnded: of a neighbour that is faster than this
// goroutine; over real sockets, as in virtual time nobody is.
func TestAnAnswerMayComeBeforeTheRequestHasEnded(t *testing.T) {
	w := newMachine(t)
	a, b := w.node(nil, nil), w.node(shelf{}, nil)
	defer a.Close()
	defer b.Close()
	c := w.neighbour(a, b)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 { // one in some 8,000 was
				_, err := c.Get(context.Background(), &protocol.Get{ID: protocol.ID{1}, Count: 1}, nil)
				var refused *protocol.Refused
				if !errors.As(err, &refused) {
					t.Errorf("a request for what is not there ends with %v", err)
					return
				}
			}
		})
	}
	all.Wait()
}
