package swarm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlogwriter"

	"earshot/protocol"
	"earshot/protocol/identity"
)

// Config is what a Swarm is made of.
type Config struct {
	// Packet is the socket; the Swarm closes it.
	Packet net.PacketConn
	// Self is this node.
	Self protocol.NodeID
	// AcceptTLS and DialTLS come from package identity; DialTLS makes the
	// configuration to reach a node, or the server.
	AcceptTLS *tls.Config
	DialTLS   func(node protocol.NodeID, server bool) *tls.Config
	// Tokens keeps address-validation tokens; may be nil.
	Tokens quic.TokenStore
	// Secret derives the keys of tokens and resets; at least 32 bytes kept
	// across restarts, or nil for keys that end with the process.
	Secret []byte
	// Store is what to share.
	Store Store
	// Catalogue is what neighbours' searches are answered from while the server is
	// away; nil for nothing.
	Catalogue Catalogue
	// Server is the server's role; nil for a listener.
	Server Server
	// ServerAddr is where the server is, HOST:PORT; empty for the server.
	ServerAddr string
	// Coordinate is where the process before was; zero if not known.
	Coordinate protocol.Coordinate
	// Agent names the program to others.
	Agent string
	// NoUpload shares nothing.
	NoUpload bool
	// UploadCap bounds what a listener uploads, in bytes a second; 0 does not.
	// It is asked often, and may be nil.
	UploadCap func() int64
	// Trace is told what QUIC does on each connection, for measurements; nil for nobody.
	Trace func() qlogwriter.Trace
	Log   *slog.Logger // nil: none
}

// maxMembers is how many a server takes at the most: at 100 KB each, what a small
// machine's memory holds.
const maxMembers = 10_000

// Watcher hears what neighbours hold of a track. Its methods are called in
// order for one neighbour and must not block for long.
type Watcher interface {
	// Heard brings a Have, Got or Lost.
	Heard(c *Conn, m protocol.Message)
	// Left says that the neighbour is gone.
	Left(c *Conn)
	// Share opens the track as far as it is there, which can be more than the
	// store has yet; false if only the store has it.
	Share() (Stored, bool)
}

// Swarm is a node's connections with others. Make one with New, end it with Close.
type Swarm struct {
	config   Config
	log      *slog.Logger
	endpoint *endpoint
	uploads  *uploads // of a listener, as the next two
	pacer    *pacer
	back     standBack
	uplink   *uplink // of the server, as the next
	echoes   echoes
	buffers  sync.Pool // of *sendBuffer
	faults   faults
	place    *place
	upstream upstream
	dials    dials
	overlay  overlay
	waiting  atomic.Int32 // for what is on its way here
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	past traffic // of connections that have ended

	mu      sync.Mutex
	closed  bool
	conns   map[protocol.NodeID]*Conn
	retired map[*Conn]struct{} // that lost against one of those, and end soon
	dialing map[protocol.NodeID]*dialing
	watches map[protocol.ID]Watcher
	joined  chan struct{} // closed when a neighbour comes
	news    chan struct{} // closed when a chunk or a proof tree comes
}

type faults struct{ violations, badChunks, timeouts, disconnected atomic.Int64 }

type traffic struct{ uploaded, downloaded, sent, received atomic.Int64 }

// New starts to accept connections, and to keep one with the server.
func New(c Config) (*Swarm, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Swarm{
		config: c, log: c.Log,
		uploads: newUploads(uploadSlots, maxWaiting),
		buffers: sync.Pool{New: func() any { return new(sendBuffer) }},
		conns:   map[protocol.NodeID]*Conn{},
		retired: map[*Conn]struct{}{},
		dialing: map[protocol.NodeID]*dialing{},
		watches: map[protocol.ID]Watcher{},
		joined:  make(chan struct{}),
		news:    make(chan struct{}),
	}
	s.pacer = newPacer(s, c.UploadCap)
	var err error
	if s.place, err = newPlace(c.Coordinate); err != nil {
		return nil, err
	}
	if c.Server != nil {
		s.uplink = newUplink()
	}
	if s.endpoint, err = newEndpoint(c, s.uplink); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.upstream.init()
	s.dials.init()
	s.overlay.init()
	s.wg.Go(func() { s.accept(ctx) })
	s.wg.Go(func() { s.tidy(ctx) })
	if s.uplink != nil {
		s.wg.Go(func() { s.uplink.watch(ctx) })
	}
	if c.ServerAddr != "" {
		s.wg.Go(func() { s.keepServer(ctx) })
	}
	return s, nil
}

// Close ends all connections and waits for everything to end.
func (s *Swarm) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	for _, c := range s.all() {
		c.close(protocol.CodeNone)
	}
	err := s.endpoint.close()
	s.wg.Wait()
	if cerr := s.config.Packet.Close(); err == nil && !errors.Is(cerr, net.ErrClosed) {
		err = cerr
	}
	return err
}

// Self returns who this node is.
func (s *Swarm) Self() protocol.NodeID { return s.config.Self }

// Addr returns the socket's address.
func (s *Swarm) Addr() net.Addr { return s.config.Packet.LocalAddr() }

// Neighbours returns the connections, the server's included, the oldest first.
func (s *Swarm) Neighbours() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

// Joined returns a channel that is closed when the next neighbour comes.
func (s *Swarm) Joined() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joined
}

// Neighbour waits until a node is a neighbour.
func (s *Swarm) Neighbour(ctx context.Context, node protocol.NodeID) (*Conn, error) {
	for {
		s.mu.Lock()
		c, joined := s.conns[node], s.joined
		s.mu.Unlock()
		if c != nil && c.quic.Context().Err() == nil {
			return c, nil
		}
		select {
		case <-joined:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// all returns the connections that are served.
func (s *Swarm) all() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.AppendSeq(s.list(), maps.Keys(s.retired))
}

func (s *Swarm) list() []*Conn {
	conns := make([]*Conn, 0, len(s.conns))
	for _, c := range s.conns {
		conns = append(conns, c)
	}
	slices.SortFunc(conns, func(a, b *Conn) int { return a.since.Compare(b.since) })
	return conns
}

// Coordinate returns where this node is in the network, zero before it knows.
func (s *Swarm) Coordinate() protocol.Coordinate { return s.place.coordinate() }

// Faults counts what neighbours did wrong since the start.
func (s *Swarm) Faults() (violations, badChunks, timeouts, disconnected int64) {
	f := &s.faults
	return f.violations.Load(), f.badChunks.Load(), f.timeouts.Load(), f.disconnected.Load()
}

// Traffic counts bytes since the start.
type Traffic struct {
	Uploaded, Downloaded   int64 // of track data
	WireSent, WireReceived int64 // of QUIC packets
}

// Traffic returns what was sent and received over all connections.
func (s *Swarm) Traffic() Traffic {
	t := Traffic{s.past.uploaded.Load(), s.past.downloaded.Load(), s.past.sent.Load(), s.past.received.Load()}
	for _, c := range s.all() {
		up, down := c.Transferred()
		stats := c.quic.ConnectionStats()
		t.Uploaded += up
		t.Downloaded += down
		t.WireSent += int64(stats.BytesSent)
		t.WireReceived += int64(stats.BytesReceived)
	}
	return t
}

// accept takes in who dials.
func (s *Swarm) accept(ctx context.Context) {
	for {
		qc, err := s.endpoint.listener.Accept(ctx)
		if err != nil {
			return
		}
		s.wg.Go(func() { s.welcome(ctx, qc) })
	}
}

// welcome finds out who dialled. A resumed session tells at once; otherwise the
// handshake ends first, and with it the certificate's verification.
func (s *Swarm) welcome(ctx context.Context, qc *quic.Conn) {
	state := qc.ConnectionState().TLS
	if len(state.PeerCertificates) == 0 {
		select {
		case <-qc.HandshakeComplete():
		case <-qc.Context().Done():
			return
		case <-ctx.Done():
			qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeNone), "")
			return
		}
		state = qc.ConnectionState().TLS
	}
	if state.NegotiatedProtocol == protocol.ALPNJoin {
		s.serveJoin(ctx, qc)
		return
	}
	node, role, err := identity.PeerID(state)
	if err != nil || node == s.config.Self {
		qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeViolation), "who are you")
		return
	}
	c := newConn(s, qc, node, role == identity.RoleServer, false)
	err = s.admit(c)
	if errors.Is(err, errSilent) && c.hasWords(ctx) {
		err = s.admit(c)
	}
	if err != nil {
		c.close(protocol.CodeTooMany)
		return
	}
	s.serveConn(c)
}

// serveConn runs a connection that was admitted to its end.
func (s *Swarm) serveConn(c *Conn) {
	defer s.wg.Done() // added when it was admitted
	c.run()
	up, down := c.Transferred()
	stats := c.quic.ConnectionStats()
	if c.neverAnswered() {
		s.dials.bury(c.Addr())
	}
	s.mu.Lock()
	current := s.conns[c.node] == c
	if current {
		delete(s.conns, c.node)
	}
	watchers := make([]Watcher, 0, len(s.watches))
	for _, w := range s.watches {
		watchers = append(watchers, w)
	}
	s.mu.Unlock()
	s.past.uploaded.Add(up)
	s.past.downloaded.Add(down)
	s.past.sent.Add(int64(stats.BytesSent))
	s.past.received.Add(int64(stats.BytesReceived))
	for _, w := range watchers {
		w.Left(c)
	}
	if s.config.Server != nil && current {
		s.config.Server.Left(c)
	}
	s.log.Debug("connection ended", "node", c.node.Short(), "err", context.Cause(c.quic.Context()))
}

var errTooMany = errors.New("no place for another neighbour")

// admit makes a connection one of the neighbours. Of two connections with the
// same node the one stays that the smaller node dialled, and of two in the same
// direction the newer, so that both sides choose alike. Who dialled several of our
// addresses at once keeps the first that answers, which need not be the newest here;
// on the others it says nothing.
func (s *Swarm) admit(c *Conn) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	old := s.conns[c.node]
	if old != nil && old.dialed != c.dialed && old.dialed == (slices.Compare(s.config.Self[:], c.node[:]) < 0) {
		defer s.mu.Unlock()
		if !s.retires(c, old) {
			return fmt.Errorf("%s is already a neighbour", c.node.Short())
		}
		s.wg.Add(1) // it is served, for a while
		return nil
	}
	if old != nil && !old.dialed && !c.dialed && c.first == nil && s.config.Server == nil { // nobody races for a server
		s.mu.Unlock()
		return errSilent
	}
	limit := hardNeighbours
	if s.config.Server != nil {
		limit = maxMembers
	}
	drop := old
	if old == nil && !c.server && len(s.conns) >= limit {
		if drop = s.dispensable(time.Now()); drop == nil {
			s.mu.Unlock()
			return errTooMany
		}
	}
	if drop != nil {
		delete(s.conns, drop.node)
	}
	s.conns[c.node] = c
	close(s.joined)
	s.joined = make(chan struct{})
	s.wg.Add(1)
	retired := old != nil && s.retires(old, c)
	s.mu.Unlock()
	switch {
	case drop == nil || retired:
	case drop == old:
		old.close(protocol.CodeDuplicate)
	default:
		drop.close(protocol.CodeTooMany)
	}
	return nil
}
