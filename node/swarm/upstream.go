package swarm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"earshot/protocol"
)

// ErrServerAway is returned while the server cannot be reached.
var ErrServerAway = errors.New("the server cannot be reached")

// upstream is the connection with the server: always wanted, sometimes there.
type upstream struct {
	seen atomic.Pointer[netip.AddrPort] // where the server saw this node last
	kick chan struct{}                  // one slot: someone needs it now

	mu      sync.Mutex
	conn    *Conn
	err     error         // of the last try, nil before its end
	changed chan struct{} // closed when conn or err changes
}

const (
	// firstRetry and lastRetry bound the pause between tries to reach the
	// server: soon, as most losses are blips; then rarely, so that a server
	// which comes back is not greeted by all its members in the same second.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 20 * time.Second
)

func (u *upstream) init() {
	u.kick = make(chan struct{}, 1)
	u.changed = make(chan struct{})
}

func (u *upstream) set(c *Conn, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.conn, u.err = c, err
	close(u.changed)
	u.changed = make(chan struct{})
}

// Server returns the connection with the server. It waits for a try that is
// under way, but not for a server that is away: then the error matches
// ErrServerAway and wraps what was seen, and a new try begins.
func (s *Swarm) Server(ctx context.Context) (*Conn, error) {
	u := &s.upstream
	for {
		u.mu.Lock()
		c, err, changed := u.conn, u.err, u.changed
		u.mu.Unlock()
		if c != nil {
			return c, nil
		}
		select {
		case u.kick <- struct{}{}:
		default:
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrServerAway, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ServerChanged returns the connection with the server, nil if there is none,
// and a channel that is closed when that changes.
func (s *Swarm) ServerChanged() (*Conn, <-chan struct{}) {
	s.upstream.mu.Lock()
	defer s.upstream.mu.Unlock()
	return s.upstream.conn, s.upstream.changed
}

// keepServer holds a connection with the server, dialling again whenever it is lost.
func (s *Swarm) keepServer(ctx context.Context) {
	pause := firstRetry
	for {
		c, err := s.dialServer(ctx)
		if ctx.Err() != nil {
			if c != nil {
				c.close(protocol.CodeNone)
				s.serveConn(c)
			}
			s.upstream.set(nil, ctx.Err())
			return
		}
		if err == nil {
			s.upstream.set(c, nil)
			s.serveConn(c)
			err = context.Cause(c.quic.Context())
			select {
			case <-c.quic.HandshakeComplete():
				pause = firstRetry
			default:
			}
		}
		if ctx.Err() != nil {
			s.upstream.set(nil, ctx.Err())
			return
		}
		s.upstream.set(nil, err)
		s.log.Info("the server cannot be reached", "err", err, "again_in", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		case <-s.upstream.kick: // needed now: but never in a tight loop
			select {
			case <-time.After(firstRetry):
			case <-ctx.Done():
				return
			}
		}
		pause = min(2*pause, lastRetry)
	}
}

func (s *Swarm) dialServer(ctx context.Context) (*Conn, error) {
	addr, err := net.ResolveUDPAddr("udp", s.config.ServerAddr)
	if err != nil {
		return nil, err
	}
	qc, err := s.endpoint.dial(ctx, addr, s.config.DialTLS(protocol.NodeID{}, true))
	if err != nil {
		return nil, err
	}
	c := newConn(s, qc, protocol.NodeID{}, true, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeNone), "")
		return nil, net.ErrClosed
	}
	s.conns[c.node] = c
	s.wg.Add(1)
	return c, nil
}
