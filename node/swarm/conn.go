package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/time/rate"

	"earshot/protocol"
)

// Conn is the connection with one other node. Its methods may be used by any
// number of goroutines; after it is done they return errors.
type Conn struct {
	swarm  *Swarm
	quic   *quic.Conn
	node   protocol.NodeID
	server bool // the other side is the server
	dialed bool // by this side
	since  time.Time
	out    outbox
	gauge  *gauge              // of what is in flight; nil but for the server's
	first  *quic.ReceiveStream // that came before it was admitted; nil if none was waited for

	silence silence

	greeted   chan struct{} // closed when their hello has come
	greetOnce sync.Once

	rejected struct { // 0-RTT data that the other side did not take
		once sync.Once
		done chan struct{}
		err  error
	}

	uploaded, downloaded atomic.Int64 // bytes of track data
	lastUse              atomic.Int64 // nanoseconds from since to the last such byte
	path                 pacedPath    // of who has the pacer's turn
	corrupt              atomic.Bool  // it sent wrong bytes: never asked again

	announces  *rate.Limiter // of their announcements
	inquiries  inquiries
	usefulness // Swarm.mu is held

	mu     sync.Mutex
	hello  *protocol.Hello                      // theirs, nil before it came
	wants  map[protocol.ID]struct{}             // tracks whose have maps they asked for
	proofs map[protocol.ID]chan<- proofOrRefuse // proof trees due behind Open
	theirs map[protocol.ID]protocol.Bitmap      // their have maps of the tracks we watch
}

// maxWants bounds what one neighbour can make us keep it informed of: the
// track it plays, the next, and some that end or begin.
const maxWants = 64

func newConn(s *Swarm, qc *quic.Conn, node protocol.NodeID, server, dialed bool) *Conn {
	c := &Conn{
		swarm: s, quic: qc, node: node, server: server, dialed: dialed, since: time.Now(),
		wants:  map[protocol.ID]struct{}{},
		proofs: map[protocol.ID]chan<- proofOrRefuse{},
		theirs: map[protocol.ID]protocol.Bitmap{},
	}
	c.announces = rate.NewLimiter(announceRate, announceBurst)
	c.inquiries = newInquiries()
	c.gauge, _ = qc.Context().Value(gaugeKey{}).(*gauge)
	c.greeted = make(chan struct{})
	c.rejected.done = make(chan struct{})
	c.out.init(c.holds)
	return c
}

// Node returns who is on the other side.
func (c *Conn) Node() protocol.NodeID { return c.node }

// Server reports whether the other side is the server.
func (c *Conn) Server() bool { return c.server }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.quic.Context().Done() }

// Addr returns the other side's address.
func (c *Conn) Addr() netip.AddrPort { return addrPort(c.quic.RemoteAddr()) }

// RTT returns the smoothed round-trip time.
func (c *Conn) RTT() time.Duration { return c.quic.ConnectionStats().SmoothedRTT }

// MinRTT returns the shortest round-trip time seen: what a queue adds comes and
// goes, so this is how far away the other side is.
func (c *Conn) MinRTT() time.Duration { return c.quic.ConnectionStats().MinRTT }

// Transferred returns the bytes of track data sent to and received from it.
func (c *Conn) Transferred() (uploaded, downloaded int64) {
	return c.uploaded.Load(), c.downloaded.Load()
}

// Confirmed waits until the other side is known to be here now, and its words
// are not a replay of 0-RTT data.
func (c *Conn) Confirmed(ctx context.Context) error {
	select {
	case <-c.quic.HandshakeComplete():
		return nil
	case <-c.Done():
		return context.Cause(c.quic.Context())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Introduced waits until the other side is Confirmed and has said who it is: Peer
// and Sharing are complete then.
func (c *Conn) Introduced(ctx context.Context) error {
	select {
	case <-c.greeted:
		return c.Confirmed(ctx)
	case <-c.Done():
		return context.Cause(c.quic.Context())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// IsIntroduced reports whether Introduced would return at once, without an error.
func (c *Conn) IsIntroduced() bool {
	select {
	case <-c.greeted:
		return c.IsConfirmed()
	default:
		return false
	}
}

// IsConfirmed reports whether Confirmed would return at once: what came before may be a
// replay.
func (c *Conn) IsConfirmed() bool {
	select {
	case <-c.quic.HandshakeComplete():
		return true
	default:
		return false
	}
}

// Peer returns what others need to reach the other side, as it said and as it
// was seen.
func (c *Conn) Peer() protocol.Peer {
	p := protocol.Peer{Node: c.node, Public: c.Addr()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hello != nil {
		p.Local, p.Coordinate = c.hello.Local, c.hello.Coordinate
	}
	return p
}

// moved takes note of where the other side is now.
func (c *Conn) moved(to protocol.Coordinate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hello != nil && !to.IsZero() {
		h := *c.hello
		h.Coordinate = to
		c.hello = &h
	}
}

// Distance estimates the round trip to the other side from where both say they
// are (network coordinates); 0 where that is not known.
func (c *Conn) Distance() time.Duration { return c.swarm.place.distance(c.Peer().Coordinate) }

// Credible reports whether the other side can be where it says it is, by the round
// trip to it. Young coordinates are far off, so much is believed.
func (c *Conn) Credible() bool {
	says, is := c.Distance(), c.quic.ConnectionStats().MinRTT
	return says == 0 || says <= 3*is+credit && is <= 3*says+credit
}

// credit is what a coordinate may be off by in any case: the width of a continent.
const credit = 100 * time.Millisecond

// Sharing reports whether the other side uploads, as far as it has said.
func (c *Conn) Sharing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hello == nil || c.hello.Sharing
}

// Corrupt reports that the other side sent a chunk that failed verification. It
// is counted, and the other side is not asked again.
func (c *Conn) Corrupt() {
	c.corrupt.Store(true)
	c.swarm.faults.badChunks.Add(1)
}

// Lied reports that the other side said something untrue that does harm. It is
// counted, and the other side is not asked again.
func (c *Conn) Lied() {
	c.corrupt.Store(true)
	c.swarm.faults.violations.Add(1)
}

// Misled counts something untrue that the other side said, where that does no harm.
func (c *Conn) Misled(what string) {
	c.swarm.faults.violations.Add(1)
	c.swarm.log.Debug("a neighbour is wrong", "node", c.node.Short(), "what", what)
}

// Trusted reports whether the other side may be asked for chunks.
func (c *Conn) Trusted() bool { return !c.corrupt.Load() }

// close ends the connection with a code; the other side learns it.
func (c *Conn) close(code protocol.Code) {
	c.quic.CloseWithError(quic.ApplicationErrorCode(code), code.String())
}

// violation ends the connection for what the other side sent.
func (c *Conn) violation(err error) {
	c.swarm.faults.violations.Add(1)
	c.swarm.log.Warn("closing on a violation", "node", c.node.Short(), "err", err)
	c.close(protocol.CodeOf(err))
}

// run serves the connection until it ends. It owns every goroutine of it.
func (c *Conn) run() {
	ctx := c.quic.Context()
	var wg sync.WaitGroup
	wg.Go(func() { c.writeControl(ctx) })
	wg.Go(func() { c.acceptUni(ctx, &wg) })
	c.acceptRequests(ctx, &wg)
	wg.Wait()
}

// errSilent is why a connection does not replace another one yet: it may be one that
// its dialler is about to drop.
var errSilent = errors.New("nothing was said on it")

// hasWords waits for the first stream of a connection that is not admitted: false if
// it ends before, or stays silent for longer than a handshake may take.
func (c *Conn) hasWords(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	var err error
	c.first, err = c.quic.AcceptUniStream(ctx)
	return err == nil
}

// nextUni returns the next stream that the other side opened for its words alone.
func (c *Conn) nextUni(ctx context.Context) (*quic.ReceiveStream, error) {
	if s := c.first; s != nil {
		c.first = nil
		return s, nil
	}
	return c.quic.AcceptUniStream(ctx)
}

// acceptUni takes the other side's control stream, and proof trees.
func (c *Conn) acceptUni(ctx context.Context, wg *sync.WaitGroup) {
	var controlled atomic.Bool
	for {
		s, err := c.nextUni(ctx)
		if errors.Is(err, quic.Err0RTTRejected) && c.afterRejection(ctx) == nil {
			continue
		}
		if err != nil {
			return
		}
		wg.Go(func() {
			r := protocol.NewReader(s)
			m, err := r.Next()
			switch m := m.(type) {
			case *protocol.Hello:
				if controlled.Swap(true) {
					c.violation(protocol.ErrMalformed)
					return
				}
				c.swarm.hello(c, m)
				c.readControl(r)
			case *protocol.Proof:
				c.takeProof(s, r, m)
			default:
				if err == nil {
					err = fmt.Errorf("%w: %v is no beginning of a stream", protocol.ErrMalformed, m.Type())
				}
				if errors.Is(err, protocol.ErrMalformed) || errors.Is(err, protocol.ErrTooLarge) {
					c.violation(err)
				}
				s.CancelRead(quic.StreamErrorCode(protocol.CodeViolation))
			}
		})
	}
}

// readControl hears what the other side says, in order, until the end.
func (c *Conn) readControl(r *protocol.Reader) {
	for {
		m, err := r.Next()
		if err != nil {
			if errors.Is(err, protocol.ErrMalformed) || errors.Is(err, protocol.ErrTooLarge) || errors.Is(err, io.EOF) {
				c.violation(err)
			}
			return
		}
		if err := c.swarm.heard(c, m); err != nil {
			c.violation(err)
			return
		}
	}
}

// writeControl opens this side's control stream, greets, and says what is in
// the outbox until the connection ends. Where 0-RTT data is rejected it begins
// again: a greeting says all that must be known. Who does not listen is let go.
func (c *Conn) writeControl(ctx context.Context) {
	for {
		s, err := c.quic.OpenUniStreamSync(ctx)
		if err == nil {
			s.SetPriority(0, false)
			err = c.sayAll(s)
		}
		if errors.Is(err, quic.Err0RTTRejected) && c.afterRejection(ctx) == nil {
			continue
		}
		if deaf(err) {
			c.swarm.faults.timeouts.Add(1)
			c.swarm.log.Warn("closing on a neighbour that does not listen", "node", c.node.Short(), "err", err)
			c.close(protocol.CodeTooLarge)
		}
		return
	}
}

// deaf reports whether the other side did not take what was said to it.
func deaf(err error) bool {
	var stopped *quic.StreamError
	return errors.Is(err, errTooSlow) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &stopped) && stopped.Remote
}

func (c *Conn) sayAll(s *quic.SendStream) error {
	b := c.swarm.greeting(c)
	for {
		s.SetWriteDeadline(time.Now().Add(sendTimeout))
		if _, err := s.Write(b); err != nil {
			return err
		}
		var err error
		if b, err = c.out.next(s.Context()); err != nil {
			return err
		}
	}
}

// afterRejection makes the connection usable after its 0-RTT data was refused;
// whoever sent some then sends it again.
func (c *Conn) afterRejection(ctx context.Context) error {
	c.rejected.once.Do(func() {
		defer close(c.rejected.done)
		_, c.rejected.err = c.quic.NextConnection(c.quic.Context())
	})
	select {
	case <-c.rejected.done:
		return c.rejected.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := u.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
