package swarm

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/marcopolo/simnet"
	"github.com/quic-go/quic-go"
	"lukechampine.com/blake3/bao"

	"earshot/protocol"
	"earshot/protocol/identity"
)

// town is a simulated network of members, 10 ms from one another, in virtual
// time: it lives inside a synctest bubble.
type town struct {
	t         *testing.T
	net       *simnet.Simnet
	authority *identity.Authority
	hosts     int
}

func newTown(t *testing.T) *town {
	w := newMachine(t)
	w.net = &simnet.Simnet{
		LatencyFunc: func(*simnet.Packet) time.Duration { return 10 * time.Millisecond },
		Logger:      slog.New(slog.DiscardHandler),
	}
	w.net.Start()
	return w
}

// newMachine is a town of this machine's own sockets.
func newMachine(t *testing.T) *town {
	w := &town{t: t}
	var err error
	if w.authority, err = identity.OpenAuthority(t.TempDir(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return w
}

// member makes an identity.
func (w *town) member() *identity.Identity {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	leaf, err := w.authority.Issue(public, identity.RoleMember, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := identity.New(key, leaf, w.authority.Root(), w.authority.Pin())
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// plug gives the next host its line of 50 Mbit/s; without a network a socket of this
// machine, in real time.
func (w *town) plug() net.PacketConn {
	if w.net == nil {
		socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			w.t.Fatal(err)
		}
		return socket
	}
	w.hosts++
	line := simnet.LinkSettings{BitsPerSecond: 50e6, MTU: 1500}
	ip := fmt.Sprintf("203.0.%d.%d", 113+w.hosts/250, 1+w.hosts%250)
	return plainConn{w.net.NewEndpoint(&net.UDPAddr{IP: net.ParseIP(ip).To4(), Port: 4433}, simnet.NodeBiDiLinkSettings{Uplink: line, Downlink: line})}
}

// plainConn writes to addresses in the form that simnet knows hosts by.
type plainConn struct{ net.PacketConn }

func (c plainConn) WriteTo(b []byte, a net.Addr) (int, error) {
	u := a.(*net.UDPAddr)
	return c.PacketConn.WriteTo(b, &net.UDPAddr{IP: u.IP.To4(), Port: u.Port})
}

// node starts a swarm of a new member that shares what the shelf holds.
func (w *town) node(s shelf, change func(*Config)) *Swarm {
	id := w.member()
	c := Config{
		Packet: w.plug(), Self: id.NodeID(), AcceptTLS: id.AcceptConfig(make([]byte, 32)), Store: s,
		DialTLS: func(node protocol.NodeID, _ bool) *tls.Config { return id.DialConfig(node, nil) },
	}
	if change != nil {
		change(&c)
	}
	n, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// peer is how others reach a node.
func peer(n *Swarm) protocol.Peer {
	return protocol.Peer{Node: n.Self(), Public: addrPort(n.Addr())}
}

// neighbour connects two nodes and returns the first one's side.
func (w *town) neighbour(a, b *Swarm) *Conn {
	a.Connect(context.Background(), []protocol.Peer{peer(b)})
	for _, c := range a.Neighbours() {
		if c.Node() == b.Self() {
			return c
		}
	}
	w.t.Fatal("the nodes did not connect")
	return nil
}

// hostile is a member that keeps to nothing: a bare QUIC connection.
type hostile struct {
	t         *testing.T
	transport *quic.Transport
	packet    net.PacketConn
	conn      *quic.Conn
}

// hostile connects a member without manners to a node.
func (w *town) hostile(to *Swarm) *hostile {
	id := w.member()
	packet := w.plug()
	h := &hostile{t: w.t, packet: packet, transport: &quic.Transport{Conn: packet}}
	var err error
	h.conn, err = h.transport.Dial(context.Background(), to.Addr(), id.DialConfig(to.Self(), nil), &quic.Config{
		DisablePathMTUDiscovery: true, MaxIdleTimeout: idleTimeout, KeepAlivePeriod: keepAlive,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (h *hostile) close() {
	h.conn.CloseWithError(0, "")
	h.transport.Close()
	h.packet.Close()
}

// uni opens a stream and writes to it.
func (h *hostile) uni(b []byte) *quic.SendStream {
	s, err := h.conn.OpenUniStream()
	if err == nil {
		_, err = s.Write(b)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// ask opens a request stream and writes to it.
func (h *hostile) ask(b []byte) *quic.Stream {
	s, err := h.conn.OpenStreamSync(context.Background())
	if err == nil {
		_, err = s.Write(b)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// closedWith waits for the other side to close the connection and returns the
// code.
func (h *hostile) closedWith() protocol.Code {
	<-h.conn.Context().Done()
	var closed *quic.ApplicationError
	if err := context.Cause(h.conn.Context()); !errors.As(err, &closed) {
		h.t.Errorf("the connection ended with %v", err)
		return protocol.CodeNone
	}
	return protocol.Code(closed.ErrorCode)
}

func (h *hostile) connected() bool { return h.conn.Context().Err() == nil }

func hello() []byte { return protocol.Append(nil, &protocol.Hello{Sharing: true}) }

// shelf is a store of tracks in memory.
type shelf map[protocol.ID]*book

// book is a track, of which some may be missing.
type book struct {
	header protocol.Header
	data   []byte
	proof  []byte

	mu   sync.Mutex
	have protocol.Bitmap
	held int // by those who read
}

// newBook makes a track of so many chunks, all held.
func newBook(seed uint64, chunks int) *book {
	data := make([]byte, chunks*protocol.ChunkSize-100)
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	proof, id := bao.EncodeBuf(data, protocol.ChunkGroup, true)
	h := protocol.Header{
		Track:  protocol.Track{ID: id, Duration: time.Duration(chunks) * time.Second, Size: int64(len(data)), Bitrate: 8 * protocol.ChunkSize},
		Format: protocol.FormatMP3, SampleRate: 44100, Channels: 2, Samples: int64(chunks) * 44100,
	}
	for i := range chunks {
		h.Seek = append(h.Seek, int64(i)*protocol.ChunkSize)
	}
	return &book{
		header: h, data: data, proof: proof, have: protocol.FullBitmap(chunks),
	}
}

func (b *book) id() protocol.ID { return b.header.ID }

func (s shelf) Acquire(id protocol.ID) (Stored, bool) {
	b := s[id]
	if b == nil {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held++
	return b, true
}

func (b *book) Header() protocol.Header { return b.header }

func (b *book) Have() protocol.Bitmap {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.have.Clone()
}

func (b *book) ReadChunk(i int, buf []byte) (int, error) {
	return copy(buf, b.data[i*protocol.ChunkSize:][:protocol.ChunkLen(b.header.Size, i)]), nil
}

func (b *book) Proof() ([]byte, bool) { return b.proof, true }
func (b *book) Path(first, count int) ([]byte, bool) {
	return protocol.Path(b.proof, b.header.Size, first, count), true
}

func (b *book) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held--
}

// readers returns how many have not let go.
func (b *book) readers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

func shelve(books ...*book) shelf {
	s := shelf{}
	for _, b := range books {
		s[b.id()] = b
	}
	return s
}

// fetch asks for a run and reads all that comes, which must be the track's.
func fetch(t *testing.T, c *Conn, b *book, first, count int) (n int) {
	t.Helper()
	run, err := c.Get(t.Context(), &protocol.Get{ID: b.id(), First: first, Count: count, Priority: protocol.PriorityPlaying}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	data, err := io.ReadAll(run)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, b.data[first*protocol.ChunkSize:][:len(data)]) {
		t.Error("wrong bytes came")
	}
	return len(data)
}
