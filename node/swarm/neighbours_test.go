package swarm

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
	"earshot/protocol/identity"
)

func TestNeighboursAreSixtyAtMostAndFiftyInTheLongRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		for range hardNeighbours + 10 {
			m := w.node(nil, nil)
			defer m.Close()
			m.Connect(t.Context(), []protocol.Peer{peer(n)})
		}
		time.Sleep(time.Second)
		if got := len(n.Neighbours()); got != hardNeighbours {
			t.Errorf("%d neighbours, want %d", got, hardNeighbours)
		}
		time.Sleep(settle + (hardNeighbours-softNeighbours+1)*tidyEvery)
		if got := len(n.Neighbours()); got != softNeighbours {
			t.Errorf("%d neighbours in the long run, want %d", got, softNeighbours)
		}
	})
}

func TestNoMorePeersAreDialledThanThereIsPlaceFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		var peers []protocol.Peer
		for range hardNeighbours + 5 {
			m := w.node(nil, nil)
			defer m.Close()
			peers = append(peers, peer(m))
		}
		n.Connect(t.Context(), append(peers, peer(n), peers[0]))
		if got := len(n.Neighbours()); got != hardNeighbours {
			t.Errorf("%d neighbours, want %d", got, hardNeighbours)
		}
	})
}

func TestTwoNodesThatDialEachOtherKeepOneConnection(t *testing.T) {
	book := newBook(1, 4)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		a, b := w.node(shelve(book), nil), w.node(shelve(book), nil)
		defer a.Close()
		defer b.Close()
		var wg sync.WaitGroup
		wg.Go(func() { a.Connect(t.Context(), []protocol.Peer{peer(b)}) })
		wg.Go(func() { b.Connect(t.Context(), []protocol.Peer{peer(a)}) })
		wg.Wait()
		time.Sleep(time.Second)
		if len(a.Neighbours()) != 1 || len(b.Neighbours()) != 1 {
			t.Fatalf("%d and %d connections", len(a.Neighbours()), len(b.Neighbours()))
		}
		for _, n := range []*Swarm{a, b} {
			if got := fetch(t, n.Neighbours()[0], book, 0, 4); got != len(book.data) {
				t.Errorf("%d bytes came", got)
			}
		}
	})
}

// aliases has a host reached at other addresses too, as a machine with several is.
type aliases struct {
	net.PacketConn
	of map[netip.AddrPort]net.Addr
}

func (c aliases) WriteTo(b []byte, a net.Addr) (int, error) {
	if to, ok := c.of[addrPort(a)]; ok {
		a = to
	}
	return c.PacketConn.WriteTo(b, a)
}

// With a ticket each dial of the race is welcomed by its first packet, before the
// dialler has chosen one.
func TestANodeAtSeveralAddressesIsANeighbourAtOnce(t *testing.T) {
	book := newBook(1, 4)
	for n := 1; n <= protocol.MaxLocalAddrs; n++ {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t)
			defer w.net.Close()
			b := w.node(shelve(book), nil)
			defer b.Close()
			at, names, id := peer(b), aliases{of: map[netip.AddrPort]net.Addr{}}, w.member()
			for i := range n {
				local := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(1 + i)}), 4433)
				at.Local, names.of[local] = append(at.Local, local), b.Addr()
			}
			tickets := identity.OpenTickets(filepath.Join(t.TempDir(), "tickets"))
			for range 2 { // the first leaves a ticket
				a := w.node(nil, func(c *Config) {
					names.PacketConn = c.Packet
					c.Packet, c.Self, c.AcceptTLS = names, id.NodeID(), id.AcceptConfig(make([]byte, 32))
					c.DialTLS = func(node protocol.NodeID, _ bool) *tls.Config { return id.DialConfig(node, tickets) }
				})
				a.Connect(t.Context(), []protocol.Peer{at})
				time.Sleep(time.Second)
				if len(a.Neighbours()) != 1 || len(b.Neighbours()) != 1 {
					t.Errorf("with %d more addresses %d and %d connections", n, len(a.Neighbours()), len(b.Neighbours()))
				} else if got := fetch(t, a.Neighbours()[0], book, 0, 4); got != len(book.data) {
					t.Errorf("%d bytes came", got)
				}
				a.Close()
				time.Sleep(time.Second)
			}
		})
	}
}

func TestAStrangerOfAnotherSwarmIsNotANeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		other := newTown(t)
		other.net.Close()
		w.authority, other.authority = other.authority, w.authority
		stranger := w.node(nil, nil)
		defer stranger.Close()
		stranger.Connect(t.Context(), []protocol.Peer{peer(n)})
		time.Sleep(time.Second)
		if len(stranger.Neighbours()) != 0 || len(n.Neighbours()) != 0 {
			t.Error("it was let in")
		}
	})
}

// ear notes what a watcher hears.
type ear struct {
	mu    sync.Mutex
	heard []string
	left  int
}

func (e *ear) Heard(_ *Conn, m protocol.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch m := m.(type) {
	case *protocol.Have:
		e.heard = append(e.heard, fmt.Sprintf("have %d, listening %v", m.Chunks.Count(), m.Listening))
	case *protocol.Got:
		e.heard = append(e.heard, fmt.Sprintf("got %d+%d", m.First, m.Count))
	case *protocol.Lost:
		e.heard = append(e.heard, "lost")
	}
}

func (e *ear) Share() (Stored, bool) { return nil, false }
func (e *ear) Left(*Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left++
}

func (e *ear) take() (heard []string, left int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard, left = e.heard, e.left
	e.heard, e.left = nil, 0
	return heard, left
}

func TestAWatcherHearsOfEveryChunkOfItsTrack(t *testing.T) {
	book := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		a, b := w.node(nil, nil), w.node(shelve(book), nil)
		defer a.Close()
		book.have.Clear(7)
		var e ear
		stop := a.Watch(book.id(), &e)
		w.neighbour(a, b)
		time.Sleep(time.Second)
		hears := func(want ...string) {
			t.Helper()
			time.Sleep(time.Second)
			if got, _ := e.take(); !slices.Equal(got, want) {
				t.Errorf("heard %q, want %q", got, want)
			}
		}
		hears("have 7, listening false")
		b.Got(book.id(), 7, 1, false)
		hears("got 7+1")
		b.Got(protocol.ID{9}, 0, 1, false) // nobody asked
		hears()
		listens := b.Watch(book.id(), listener{})
		hears("have 7, listening true")
		listens() // it let go of it, or has all of it
		hears("have 7, listening false")
		b.Lost(book.id())
		hears("lost")
		stop()
		time.Sleep(time.Second)
		b.Got(book.id(), 0, 1, false)
		hears()
		stop = a.Watch(book.id(), &e)
		hears("have 7, listening false")
		b.Close()
		time.Sleep(time.Second)
		if _, left := e.take(); left != 1 {
			t.Errorf("heard %d times that it left", left)
		}
		stop()
	})
}

func TestWhoSharesNothingOffersAndSendsNothing(t *testing.T) {
	book := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		a, b := w.node(nil, nil), w.node(shelve(book), func(c *Config) { c.NoUpload = true })
		defer a.Close()
		defer b.Close()
		var e ear
		defer a.Watch(book.id(), &e)()
		c := w.neighbour(a, b)
		b.Got(book.id(), 0, 1, false)
		time.Sleep(time.Second)
		if heard, _ := e.take(); !slices.Equal(heard, []string{"have 0, listening false"}) {
			t.Errorf("heard %q", heard)
		}
		if c.Sharing() {
			t.Error("it says that it shares")
		}
		_, err := c.Get(t.Context(), &protocol.Get{ID: book.id(), Count: 1}, nil)
		if !errors.Is(err, &protocol.Refused{Code: protocol.CodeNotSharing}) {
			t.Errorf("a run: %v", err)
		}
		if _, err := c.GetProof(t.Context(), book.id()); !errors.Is(err, &protocol.Refused{Code: protocol.CodeNotSharing}) {
			t.Errorf("the proof tree: %v", err)
		}
	})
}

func TestARunEndsBeforeWhatIsNotHeld(t *testing.T) {
	book := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		a, b := w.node(nil, nil), w.node(shelve(book), nil)
		defer a.Close()
		defer b.Close()
		book.have.Clear(5)
		c := w.neighbour(a, b)
		if got := fetch(t, c, book, 3, 5); got != 2*protocol.ChunkSize {
			t.Errorf("%d bytes came", got)
		}
		tree, err := c.GetProof(t.Context(), book.id())
		if err != nil || !protocol.VerifyChunk(book.id(), book.header.Size, tree, 3, book.data[3*protocol.ChunkSize:4*protocol.ChunkSize]) {
			t.Errorf("the proof tree: %v", err)
		}
		opened, err := c.Open(t.Context(), &protocol.Open{ID: book.id()})
		if err != nil || opened.Header.Size != book.header.Size || opened.HeadCount != 0 {
			t.Fatalf("the header: %+v, %v", opened, err)
		}
		opened.Head.Close()
	})
}
