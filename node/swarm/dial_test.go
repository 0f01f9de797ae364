package swarm

import (
	"context"
	"crypto/tls"
	"io"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
	"earshot/protocol/identity"
)

// Who begins again is remembered at an address of before.
func TestANodeThatIsDialledWhereItWasIsReachedWhereItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		a, b := w.node(nil, nil), w.node(nil, nil)
		defer a.Close()
		defer b.Close()
		before := peer(b)
		before.Public = netip.MustParseAddrPort("198.51.100.1:4433")
		var wg sync.WaitGroup
		defer wg.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wg.Go(func() { a.Connect(ctx, []protocol.Peer{before}) })
		time.Sleep(10 * time.Millisecond)
		a.Connect(t.Context(), []protocol.Peer{before, peer(b)}) // one race: this is of its first call
		time.Sleep(100 * time.Millisecond)
		if len(a.Neighbours()) != 1 {
			t.Error("a dead address held the other up")
		}
	})
}

// reunion is two nodes that have met before, and have parted.
type reunion struct {
	t    *testing.T
	a, b *Swarm
}

func newReunion(t *testing.T, w *town, s Store) *reunion {
	id, tickets := w.member(), identity.OpenTickets(filepath.Join(t.TempDir(), "tickets"))
	r := &reunion{t: t, b: w.node(nil, func(c *Config) { c.Store = s })}
	r.a = w.node(nil, func(c *Config) {
		c.Self, c.AcceptTLS = id.NodeID(), id.AcceptConfig(make([]byte, 32))
		c.DialTLS = func(node protocol.NodeID, _ bool) *tls.Config { return id.DialConfig(node, tickets) }
	})
	if took := r.meet(peer(r.b)); took == 0 {
		t.Error("one who is not known is a neighbour at once")
	}
	time.Sleep(time.Second)
	r.part()
	return r
}

// meet has a dial b as the starter that the server names, and returns when it is a neighbour.
func (r *reunion) meet(at protocol.Peer) (took time.Duration) {
	began := time.Now()
	by := namer{addr: addrPort(r.b.Addr()).Addr(), server: true, fresh: true}
	go r.a.dialAll(r.t.Context(), []protocol.Peer{at}, by)
	for len(r.a.Neighbours()) == 0 {
		<-r.a.Joined()
	}
	return time.Since(began)
}

func (r *reunion) part() {
	for _, c := range r.a.Neighbours() {
		c.close(protocol.CodeNone)
	}
	time.Sleep(time.Second)
}

func (r *reunion) close() {
	r.a.Close()
	r.b.Close()
}

func TestAStarterThatWasMetBeforeIsANeighbourBeforeItAnswers(t *testing.T) {
	book := newBook(1, 4)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		r := newReunion(t, w, shelve(book))
		defer r.close()
		if took := r.meet(peer(r.b)); took != 0 {
			t.Errorf("it is a neighbour after %v", took)
		}
		c := r.a.Neighbours()[0]
		if got := fetch(t, c, book, 0, 4); got != len(book.data) || !c.quic.ConnectionState().Used0RTT {
			t.Errorf("%d bytes came, the first packet took the request: %v", got, c.quic.ConnectionState().Used0RTT)
		}
		r.part()
		gone := peer(r.b)
		gone.Public = netip.MustParseAddrPort("198.51.100.1:4433")
		r.meet(gone)
		time.Sleep(handshakeTimeout + time.Second)
		if n := len(r.a.Neighbours()); n != 0 {
			t.Errorf("one who never answered is one of %d neighbours", n)
		}
		if !r.a.dials.isDead(gone.Public) {
			t.Error("where nobody answered is dialled again at once")
		}
	})
}

// lateStore is a store that comes to hold a track.
type lateStore struct {
	shelf
	open atomic.Bool
}

func (s *lateStore) Acquire(id protocol.ID) (Stored, bool) {
	if !s.open.Load() {
		return nil, false
	}
	return s.shelf.Acquire(id)
}

// The server told the one who asks before it told the starter of the track.
func TestAStarterThatIsAskedBeforeItHasOpenedTheTrackAnswersWhenItHas(t *testing.T) {
	for name, test := range map[string]struct {
		opens time.Duration
		want  int // bytes
	}{"soon": {100 * time.Millisecond, protocol.ChunkSize}, "later than it may be waited for": {2 * opening, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := newTown(t), newBook(1, 4)
				defer w.net.Close()
				store := &lateStore{shelf: shelf{b.id(): b}}
				r := newReunion(t, w, store)
				defer r.close()
				time.AfterFunc(test.opens, func() {
					store.open.Store(true)
					r.b.Watch(b.id(), listener{})
				})
				r.meet(peer(r.b))
				got := 0
				run, err := r.a.Neighbours()[0].Get(t.Context(), &protocol.Get{ID: b.id(), First: 0, Count: 1, Wait: true}, nil)
				if err == nil {
					data, _ := io.ReadAll(run)
					run.Close()
					got = len(data)
				}
				if got != test.want {
					t.Errorf("%d bytes came, want %d: %v", got, test.want, err)
				}
			})
		})
	}
}
