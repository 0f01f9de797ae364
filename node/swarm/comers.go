package swarm

import (
	"context"
	"time"
)

// comers are the connections that come: what the server's side of a handshake takes,
// 1.8 KB with the first answer, goes in turns with all else. Of
// 20 who come at once it would be 140 ms of queue at 2 Mbit/s, in which the start waits
// that they pass on to one another. QUIC takes them one by one, so one at most waits.
type comers struct {
	next   chan struct{} // closed when the one that waits is let in; nil if none does
	at     time.Time     // when the one before was
	silent bool          // nothing was sent to that one yet
	last   *gauge        // that one
	row    int           // let in since others had a turn
	closed bool
}

const (
	// comeTime is how long it takes until something is sent to who was let in: QUIC
	// answers at once, unless what came is no handshake.
	comeTime = 2 * time.Millisecond
	// comePatience is how long one waits at the most: as long as a handshake takes at
	// 150 kbit/s, where no more than that comes on at all.
	comePatience = 100 * time.Millisecond
	// comersRow is how many go before those who can wait, a turn of whom is as long as
	// three of these: so a crowd is soon in, and no flood takes all of the line.
	comersRow = 8
)

// come reports whether one waits, or another may come behind the one let in just now, and
// others are to wait for it.
func (c *comers) come(now time.Time) bool {
	return c.row < comersRow && (c.next != nil || now.Sub(c.at) < comeTime)
}

// let lets the one in that waits.
func (c *comers) let() {
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// letIn lets the one in that waits, if it is its turn, and reports whether it has: it
// goes by turns with sound that would end, and with a start that others wait for, and
// before the rest. l.mu is held.
func (l *uplink) letIn(now time.Time) bool {
	c := &l.comers
	switch {
	case c.next == nil,
		c.silent && now.Sub(c.at) < comeTime,
		c.row > 0 && (l.sound.needed(now.Add(l.hurry()/2)) || l.awaited()),
		c.row >= comersRow && l.waiting():
		return false
	}
	c.let()
	c.at, c.silent, c.last = now, true, nil
	c.row++
	return true
}

// answered says that a connection has been sent what was asked first, but for what takes
// turns.
func (l *uplink) answered(g *gauge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.comers.spoken(g) {
		l.grant(time.Now())
	}
}

// spoken takes note that the one who came last has been sent something, if it is that one.
func (c *comers) spoken(g *gauge) bool {
	first := c.silent && c.last == g
	if first {
		c.silent = false
	}
	return first
}

// awaited reports whether the next start is of one who is not told of another who will
// have it: it may be waited for by others, who are told of this one.
func (l *uplink) awaited() bool { return len(l.starts) > 0 && l.starts[0].due.IsZero() }

// admit waits until a connection may begin.
func (l *uplink) admit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, comePatience)
	defer cancel()
	again := time.NewTicker(comeTime)
	defer again.Stop()
	next := make(chan struct{})
	l.mu.Lock()
	if l.comers.closed {
		l.mu.Unlock()
		return
	}
	l.comers.next = next
	l.mu.Unlock()
	for {
		l.mu.Lock()
		l.grant(time.Now())
		l.mu.Unlock()
		select {
		case <-next:
			return
		case <-again.C:
		case <-ctx.Done():
			l.mu.Lock()
			defer l.mu.Unlock()
			l.comers.let()
			return
		}
	}
}
