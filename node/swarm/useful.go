package swarm

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"earshot/protocol"
)

const (
	// softNeighbours and hardNeighbours are what a listener has in the long run
	// and at the most: Kreitz and Niemela, section III.C.
	softNeighbours = 50
	hardNeighbours = 60
	// fewNeighbours are kept though they are idle, the nearest: they keep search
	// alive when the server goes, with 8 of each for 64 nodes two hops out, and
	// are there when the next start is a race.
	fewNeighbours = 8
	// idleAfter is how long a neighbour beyond those may be of no use: an album's
	// length, after which who shares a taste would have asked or been asked. It
	// costs two packets each keepAlive.
	idleAfter = 45 * time.Minute
	// settle is how long a new neighbour is left in peace: a play's length is
	// needed to see what it is good for; a minute shows the most of it.
	settle = time.Minute
	// tidyEvery is how often neighbours are weighed.
	tidyEvery = 10 * time.Second
	// useHalf is when what was given counts half: a few tracks later.
	useHalf = 10 * time.Minute
	// useful is the worth of one who is not let go for a newcomer that is unknown:
	// a run, which nobody sends by chance.
	useful = 64 << 10
)

// usefulness is what a neighbour is worth to this node, in bytes.
type usefulness struct {
	gave, took       float64 // lately: what they count falls by half each useHalf
	gaveAll, tookAll int64   // as counted last
	worth            float64
}

// weigh brings a neighbour's worth up to date: what it gave, to half what it asked
// for, as who shares a taste will give as well, and what it holds of the tracks
// that play here and is missing.
func (u *usefulness) weigh(gave, took, needed int64, passed time.Duration) {
	decay := math.Exp2(-passed.Seconds() / useHalf.Seconds())
	u.gave = u.gave*decay + float64(gave-u.gaveAll)
	u.took = u.took*decay + float64(took-u.tookAll)
	u.gaveAll, u.tookAll = gave, took
	u.worth = u.gave + u.took/2 + float64(needed)
}

// tidy weighs the neighbours, lets go of those that are of no use, and keeps the
// coordinate current.
func (s *Swarm) tidy(ctx context.Context) {
	wait := lookFirst
	for last := time.Now(); ; wait = min(2*wait, tidyEvery) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		s.look()
		now := time.Now()
		if s.config.Server != nil || now.Sub(last) < tidyEvery {
			continue
		}
		s.weigh(now.Sub(last))
		last = now
		s.mu.Lock()
		drop, code := s.excess(now)
		if drop != nil {
			delete(s.conns, drop.node)
		}
		s.mu.Unlock()
		if drop != nil {
			drop.close(code)
		}
	}
}

// weigh brings all neighbours' worth up to date.
func (s *Swarm) weigh(passed time.Duration) {
	s.mu.Lock()
	missing := make(map[protocol.ID]protocol.Bitmap, len(s.watches))
	for id := range s.watches {
		missing[id] = nil
	}
	conns := s.list()
	s.mu.Unlock()
	for id := range missing {
		if t, ok := s.config.Store.Acquire(id); ok { // what is not stored yet comes to it soon
			missing[id] = t.Have()
			t.Release()
		}
	}
	for _, c := range conns {
		took, gave := c.Transferred()
		needed := c.needed(missing)
		s.mu.Lock()
		c.weigh(gave, took, needed, passed)
		s.mu.Unlock()
	}
}

// needed returns how many bytes the other side holds of tracks that are watched
// here, beyond those that are held here.
func (c *Conn) needed(held map[protocol.ID]protocol.Bitmap) (bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, have := range held {
		for i := range 8 * len(c.theirs[id]) {
			if c.theirs[id].Has(i) && !have.Has(i) {
				bytes += protocol.ChunkSize
			}
		}
	}
	return bytes
}

// excess returns a neighbour to let go, nil if there is none: the least useful
// beyond the soft limit, or one that has been idle for long. s.mu is held.
func (s *Swarm) excess(now time.Time) (*Conn, protocol.Code) {
	peers := len(s.conns)
	if s.conns[protocol.NodeID{}] != nil { // the server's, which is no neighbour's place
		peers--
	}
	if peers > softNeighbours {
		return s.leastUseful(func(c *Conn) bool { return now.Sub(c.since) >= settle }), protocol.CodeTooMany
	}
	if peers <= fewNeighbours {
		return nil, 0
	}
	nearest := s.nearest(fewNeighbours)
	return s.leastUseful(func(c *Conn) bool {
		return now.Sub(c.used()) >= idleAfter && c.worth < useful && !nearest[c] && !c.wanting()
	}), protocol.CodeNone
}

// dispensable returns whom to let go for a newcomer, nil if nobody: one who has
// shown no use in its time. s.mu is held.
func (s *Swarm) dispensable(now time.Time) *Conn {
	return s.leastUseful(func(c *Conn) bool { return now.Sub(c.since) >= settle && c.worth < useful })
}

// leastUseful returns the neighbour of the least worth among those that may go,
// never the server; of those alike the one whose last use is the longest ago. s.mu
// is held.
func (s *Swarm) leastUseful(may func(c *Conn) bool) *Conn {
	var least *Conn
	for _, c := range s.conns {
		if c.server || s.config.Server != nil || !may(c) {
			continue
		}
		if least == nil || c.worth < least.worth || c.worth == least.worth && c.used().Before(least.used()) {
			least = c
		}
	}
	return least
}

// nearest returns the nearest neighbours that share, at most so many. s.mu is held.
func (s *Swarm) nearest(most int) map[*Conn]bool {
	var sharing []*Conn
	for _, c := range s.conns {
		if !c.server && c.Trusted() && c.Sharing() {
			sharing = append(sharing, c)
		}
	}
	slices.SortFunc(sharing, func(a, b *Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
	nearest := map[*Conn]bool{}
	for _, c := range sharing[:min(most, len(sharing))] {
		nearest[c] = true
	}
	return nearest
}

// used is when track data went over the connection last, or when it came up.
func (c *Conn) used() time.Time { return c.since.Add(time.Duration(c.lastUse.Load())) }

// wanting reports whether the other side plays something.
func (c *Conn) wanting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.wants) > 0
}
