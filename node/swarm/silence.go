package swarm

import (
	"sync"
	"time"

	"earshot/protocol"
)

// silence ends a connection on which nothing comes though something is waited
// for: the other side is gone, or this one's address has changed and packets go
// to the old one. Where nothing comes for a while the other side is greeted once
// more, which it need not answer but must acknowledge. Whoever waits then asks
// others, and whoever is needed is dialled again, in 0-RTT.
type silence struct {
	mu       sync.Mutex
	waiting  int
	timer    *time.Timer // nil while nobody waits
	received uint64      // packets, when it was set
	probed   bool
}

const (
	// silentAfter is when a connection is suspected: others that are slow to
	// answer, as a peer whose slots are taken, need not say more.
	silentAfter = time.Second
	// deadAfter is what it has to acknowledge, or three round trips if those are
	// longer: QUIC has by then sent what it got no answer to three times (RFC
	// 9002, section 6.2). The sum is half of what the schedule calls urgent, so
	// that there is time to ask others.
	deadAfter = 500 * time.Millisecond
)

// await says that something must come from the other side, until done is called.
func (c *Conn) await() (done func()) {
	s := &c.silence
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting++; s.waiting == 1 {
		c.listen(silentAfter)
	}
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.waiting--; s.waiting == 0 {
			s.timer.Stop()
			s.timer = nil
		}
	})
}

// listen sets the timer. c.silence.mu is held.
func (c *Conn) listen(least time.Duration) {
	stats := c.quic.ConnectionStats()
	c.silence.received, c.silence.probed = stats.PacketsReceived, least == deadAfter
	if c.silence.timer != nil {
		c.silence.timer.Stop()
	}
	c.silence.timer = time.AfterFunc(max(least, 3*stats.SmoothedRTT), func() {
		switch silent, probed := c.stillSilent(); {
		case !silent:
		case probed:
			c.swarm.log.Info("closing on a neighbour that has fallen silent", "node", c.node.Short())
			c.close(protocol.CodeCancelled)
		default:
			c.out.say(c.swarm.helloMessage(c))
			c.silence.mu.Lock()
			defer c.silence.mu.Unlock()
			if c.silence.waiting > 0 {
				c.listen(deadAfter)
			}
		}
	})
}

// stillSilent reports whether someone waits and nothing has come since the timer
// was set, and whether the other side was greeted then. Otherwise it goes on
// listening, if someone waits.
func (c *Conn) stillSilent() (silent, probed bool) {
	s := &c.silence
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == 0 || c.quic.Context().Err() != nil {
		return false, false
	}
	select {
	case <-c.quic.HandshakeComplete():
	default: // has a time limit of its own
		c.listen(silentAfter)
		return false, false
	}
	if c.quic.ConnectionStats().PacketsReceived != s.received {
		c.listen(silentAfter)
		return false, false
	}
	return true, s.probed
}
