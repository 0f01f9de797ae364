package swarm

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/time/rate"

	"earshot/protocol"
)

const (
	// dialBurst and dialRate bound the addresses dialled: all that a new process
	// and its first tracks name, and then one a second. An address is sent four
	// packets where nobody answers, so what others name makes this node send
	// strangers 5 KB a second at the most.
	dialBurst = 64
	dialRate  = 1
	// deadFor is how long an address that did not answer is left alone: the
	// tracker names it until it notices too, idleTimeout after the node has gone.
	deadFor = idleTimeout
	// maxDead bounds what is remembered of them.
	maxDead = 256
	// seenPatience is how long the server may take to say where it sees this node,
	// which it does together with its first answer.
	seenPatience = time.Second
)

// dials bounds what is dialled.
type dials struct {
	limit *rate.Limiter
	mu    sync.Mutex
	dead  map[netip.AddrPort]time.Time // that did not answer, until when
}

func (d *dials) init() {
	d.limit, d.dead = rate.NewLimiter(dialRate, dialBurst), map[netip.AddrPort]time.Time{}
}

// isDead reports whether an address did not answer lately.
func (d *dials) isDead(a netip.AddrPort) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.dead[a])
}

func (d *dials) bury(a netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if len(d.dead) >= maxDead {
		for other, until := range d.dead {
			if len(d.dead) >= maxDead || !now.Before(until) {
				delete(d.dead, other)
			}
		}
	}
	d.dead[a] = now.Add(deadFor)
}

// Connect dials the peers that are not neighbours yet, as this node remembers
// them, and returns when each is one or has failed, or with ctx.
func (s *Swarm) Connect(ctx context.Context, peers []protocol.Peer) {
	s.dialAll(ctx, peers, namer{self: true})
}

// Connect dials the peers that the answer names. A starter that the server names began a
// moment ago, so with a ticket it is a neighbour before it has answered: what it is asked
// for goes with the first packet, a round trip sooner.
func (o *Opening) Connect(ctx context.Context) {
	peers := o.Peers
	if o.Starter && o.conn.server && len(peers[0].Local) == 0 { // else its addresses race
		by := namer{addr: o.conn.Addr().Addr(), server: true, fresh: true}
		var starter sync.WaitGroup
		defer starter.Wait()
		starter.Go(func() { o.conn.swarm.dialAll(ctx, o.Peers[:1], by) })
		peers = peers[1:]
	}
	o.conn.Connect(ctx, peers)
}

// Connect dials peers that the other side has named. What may be dialled depends
// on who named it.
func (c *Conn) Connect(ctx context.Context, peers []protocol.Peer) {
	if c.server && slices.ContainsFunc(peers, func(p protocol.Peer) bool { return len(p.Local) > 0 }) {
		select { // it says where it sees us
		case <-c.greeted:
		case <-time.After(seenPatience):
		case <-c.Done():
		case <-ctx.Done():
		}
	}
	c.swarm.dialAll(ctx, peers, namer{addr: c.Addr().Addr(), server: c.server})
}

func (s *Swarm) dialAll(ctx context.Context, peers []protocol.Peer, by namer) {
	var wg sync.WaitGroup
	for _, p := range peers {
		addrs := s.addresses(p, by)
		d, first := s.enter(p.Node, addrs)
		if !first {
			continue
		}
		d.early = (by.self || by.fresh) && len(addrs) == 1
		wg.Go(func() {
			if err := s.connect(ctx, p.Node, d); err != nil {
				s.log.Debug("dialling a peer failed", "node", p.Node.Short(), "err", err)
			}
		})
	}
	wg.Wait()
}

// dialing is the race of a node's addresses. Others of it that are named meanwhile come
// into it: those that this node remembers, and dials first, may be of before a restart.
type dialing struct {
	early   bool                // there is one address, which is likely to answer: it need not be waited for
	addrs   []netip.AddrPort    // that are or were in it; under Swarm.mu
	entered chan netip.AddrPort // of them, those that wait for their start; raceSize slots
}

// raceSize is how many addresses of one node are raced: what one peer message names, and
// some of before.
const raceSize = 2 * (1 + protocol.MaxLocalAddrs)

// enter has addresses of a node dialled that are not yet, unless it is a neighbour. first
// says that the race begins with them.
func (s *Swarm) enter(node protocol.NodeID, addrs []netip.AddrPort) (d *dialing, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[node] != nil || s.closed || node == s.config.Self {
		return nil, false
	}
	if d = s.dialing[node]; d == nil {
		if len(s.conns)+len(s.dialing) >= hardNeighbours {
			return nil, false
		}
		d, first = &dialing{entered: make(chan netip.AddrPort, raceSize)}, true
	}
	addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return slices.Contains(d.addrs, a) })
	if len(addrs) == 0 || len(d.addrs)+len(addrs) > raceSize || !s.dials.limit.AllowN(time.Now(), len(addrs)) {
		return nil, false
	}
	for _, a := range addrs {
		d.entered <- a // has room for all
	}
	d.addrs = append(d.addrs, addrs...)
	s.dialing[node] = d
	return d, first
}

// leave takes a race out that is over: won, or lost and nobody has entered it since, else
// it is false.
func (s *Swarm) leave(node protocol.NodeID, d *dialing, won bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !won && len(d.entered) > 0 {
		return false
	}
	delete(s.dialing, node)
	return true
}

// Knows tells of those who can pass a start on without being sought: neighbours that
// share, the longest known first, and who is being dialled. protocol.MaxKnows at the most.
func (s *Swarm) Knows() []protocol.Hint {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hints []protocol.Hint
	for _, c := range s.list() {
		if !c.server && c.Trusted() && c.Sharing() {
			hints = append(hints, c.node.Hint())
		}
	}
	for node := range s.dialing {
		hints = append(hints, node.Hint())
	}
	return hints[:min(len(hints), protocol.MaxKnows)]
}

// Alone reports whether there is no neighbour, and none is being dialled.
func (s *Swarm) Alone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if !c.server {
			return false
		}
	}
	return len(s.dialing) == 0
}

// addresses returns those of a peer that are to be dialled.
func (s *Swarm) addresses(p protocol.Peer, by namer) (addrs []netip.AddrPort) {
	lan := s.isNear(p.Public)
	for _, a := range append([]netip.AddrPort{p.Public}, p.Local[:min(len(p.Local), protocol.MaxLocalAddrs)]...) {
		if mayDial(a, by, lan) && !s.isOwn(a) && !s.dials.isDead(a) && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// dialed is what became of one address.
type dialed struct {
	addr netip.AddrPort
	qc   *quic.Conn
	err  error
}

// connect races the addresses of one node.
func (s *Swarm) connect(ctx context.Context, node protocol.NodeID, d *dialing) error {
	racing, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed)
	var won *quic.Conn
	var failed error
	for running := 0; running > 0 || won == nil && !s.leave(node, d, false); {
		select {
		case a := <-d.entered:
			running++
			go func() { results <- s.dial(racing, node, a, d.early) }() // waited for by this loop
		case r := <-results:
			running--
			switch {
			case r.err != nil:
				failed = r.err
				if racing.Err() == nil {
					s.dials.bury(r.addr)
				}
			case won == nil:
				won = r.qc
				cancel()
			default:
				r.qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeDuplicate), "")
			}
		}
	}
	if won == nil {
		return failed
	}
	defer s.leave(node, d, true)
	c := newConn(s, won, node, false, true)
	if err := s.admit(c); err != nil {
		c.close(protocol.CodeDuplicate)
		return err
	}
	go s.serveConn(c) // s.wg waits for it
	return nil
}

// neverAnswered reports whether a connection has ended on which this node spoke at once,
// and nobody did on the other side.
func (c *Conn) neverAnswered() bool {
	var timeout net.Error
	return c.dialed && !c.IsConfirmed() && errors.As(context.Cause(c.quic.Context()), &timeout) && timeout.Timeout()
}

// dial dials one address; it counts only when it answers, unless early is set and a
// ticket allows to speak at once.
func (s *Swarm) dial(ctx context.Context, node protocol.NodeID, a netip.AddrPort, early bool) dialed {
	qc, err := s.endpoint.dial(ctx, net.UDPAddrFromAddrPort(a), s.config.DialTLS(node, false))
	if err == nil && !early {
		select {
		case <-qc.HandshakeComplete():
		case <-qc.Context().Done():
			err = context.Cause(qc.Context())
		case <-ctx.Done():
			err = ctx.Err()
			qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeCancelled), "")
		}
	}
	return dialed{a, qc, err}
}
