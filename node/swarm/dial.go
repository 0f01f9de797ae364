package swarm

import (
	"context"
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
		if !s.reserve(p.Node) {
			continue
		}
		addrs := s.addresses(p, by)
		if len(addrs) == 0 || !s.dials.limit.AllowN(time.Now(), len(addrs)) {
			s.release(p.Node)
			continue
		}
		wg.Go(func() {
			defer s.release(p.Node)
			if err := s.connect(ctx, p, addrs); err != nil {
				s.log.Debug("dialling a peer failed", "node", p.Node.Short(), "err", err)
			}
		})
	}
	wg.Wait()
}

// reserve takes the dialling of a node on, if it is to be dialled.
func (s *Swarm) reserve(node protocol.NodeID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.conns[node]
	_, dialing := s.dialing[node]
	if known || dialing || s.closed || node == s.config.Self || len(s.conns)+len(s.dialing) >= hardNeighbours {
		return false
	}
	s.dialing[node] = struct{}{}
	return true
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

func (s *Swarm) release(node protocol.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.dialing, node)
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

// connect races the addresses of one peer.
func (s *Swarm) connect(ctx context.Context, p protocol.Peer, addrs []netip.AddrPort) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type dialed struct {
		addr netip.AddrPort
		qc   *quic.Conn
		err  error
	}
	results := make(chan dialed, len(addrs))
	for _, a := range addrs {
		go func() { // waited for by the loop below
			qc, err := s.endpoint.dial(ctx, net.UDPAddrFromAddrPort(a), s.config.DialTLS(p.Node, false))
			if err == nil {
				select { // an address counts only when it answers
				case <-qc.HandshakeComplete():
				case <-qc.Context().Done():
					err = context.Cause(qc.Context())
				case <-ctx.Done():
					err = ctx.Err()
					qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeCancelled), "")
				}
			}
			results <- dialed{a, qc, err}
		}()
	}
	var won *quic.Conn
	var failed error
	for range addrs {
		r := <-results
		switch {
		case r.err != nil:
			failed = r.err
			if ctx.Err() == nil {
				s.dials.bury(r.addr)
			}
		case won == nil:
			won = r.qc
			cancel()
		default:
			r.qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeDuplicate), "")
		}
	}
	if won == nil {
		return failed
	}
	c := newConn(s, won, p.Node, false, true)
	if err := s.admit(c); err != nil {
		c.close(protocol.CodeDuplicate)
		return err
	}
	go s.serveConn(c) // s.wg waits for it
	return nil
}
