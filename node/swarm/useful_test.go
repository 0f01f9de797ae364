package swarm

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// stander is a neighbour as the choice of whom to let go sees it.
func stander(now time.Time, age, idle time.Duration, worth float64) *Conn {
	c := &Conn{since: now.Add(-age)}
	c.worth = worth
	if idle > 0 {
		c.lastUse.Store(int64(now.Add(-idle).Sub(c.since)))
	}
	return c
}

func standing(conns ...*Conn) *Swarm {
	s := &Swarm{conns: map[protocol.NodeID]*Conn{}}
	for i, c := range conns {
		c.node = protocol.NodeID{byte(i + 1)}
		s.conns[c.node] = c
	}
	return s
}

func TestTheLeastUsefulNeighbourGoesFirst(t *testing.T) {
	now := time.Unix(1e9, 0)
	server := stander(now, 2*time.Hour, 0, 0)
	server.server = true
	never, idle, lately := stander(now, time.Hour, 0, 0), stander(now, time.Hour, 10*time.Minute, 0), stander(now, time.Hour, time.Second, 0)
	little, much := stander(now, time.Hour, 0, 1e4), stander(now, time.Hour, 0, 1e6)
	s := standing(much, idle, server, never, little, lately)
	var order []*Conn
	for {
		least := s.leastUseful(func(*Conn) bool { return true })
		if least == nil {
			break
		}
		order = append(order, least)
		delete(s.conns, least.node)
	}
	if !slices.Equal(order, []*Conn{never, idle, lately, little, much}) {
		t.Errorf("%d went, in another order or more than may", len(order))
	}
}

func TestANewcomerTakesThePlaceOfNobodyUseful(t *testing.T) {
	now := time.Unix(1e9, 0)
	fresh, good, idle := stander(now, settle/2, 0, 0), stander(now, time.Hour, 0, useful), stander(now, time.Hour, 0, 0)
	s := standing(fresh, good, idle)
	if got := s.dispensable(now); got != idle {
		t.Errorf("it takes the place of %v", got)
	}
	delete(s.conns, idle.node)
	if got := s.dispensable(now); got != nil {
		t.Errorf("it takes the place of %v, who is useful or new", got)
	}
}

func TestWhatANeighbourGaveCountsLessAndLess(t *testing.T) {
	var u usefulness
	u.weigh(1<<20, 0, 0, tidyEvery)
	gave := u.worth
	for range int(useHalf / tidyEvery) {
		u.weigh(1<<20, 0, 0, tidyEvery)
	}
	if ratio := u.worth / gave; ratio < 0.49 || ratio > 0.51 {
		t.Errorf("after %v it counts %.2f of what it did", useHalf, ratio)
	}
	var taker, holder usefulness
	taker.weigh(0, 1<<20, 0, tidyEvery)
	holder.weigh(0, 0, 2<<20, tidyEvery)
	if !(taker.worth > 0 && taker.worth < gave && holder.worth > gave) {
		t.Errorf("who asked is worth %.0f, who gave %.0f, who holds what is needed %.0f", taker.worth, gave, holder.worth)
	}
}

// listener watches nothing of what it hears.
type listener struct{}

func (listener) Heard(*Conn, protocol.Message) {}
func (listener) Left(*Conn)                    {}
func (listener) Share() (Stored, bool)         { return nil, false }

func TestWhoHoldsWhatIsNeededStaysAndTheIdleGo(t *testing.T) {
	book := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		defer n.Watch(book.id(), listener{})() // it plays, and has nothing of it
		holder := w.node(shelve(book), nil)
		defer holder.Close()
		n.Connect(t.Context(), []protocol.Peer{peer(holder)})
		for range softNeighbours + 4 {
			m := w.node(nil, nil)
			defer m.Close()
			m.Connect(t.Context(), []protocol.Peer{peer(n)})
		}
		time.Sleep(settle + 8*tidyEvery)
		kept := func() bool {
			return slices.ContainsFunc(n.Neighbours(), func(c *Conn) bool { return c.Node() == holder.Self() })
		}
		if got := len(n.Neighbours()); got != softNeighbours || !kept() {
			t.Errorf("%d neighbours are left, who holds what is needed is one: %v", got, kept())
		}
		time.Sleep(idleAfter + softNeighbours*tidyEvery)
		if got := len(n.Neighbours()); got < fewNeighbours || got > fewNeighbours+1 || !kept() {
			t.Errorf("after %v %d neighbours are left, who holds what is needed is one: %v", idleAfter, got, kept())
		}
	})
}
