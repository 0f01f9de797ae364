package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"earshot/node/library"
	"earshot/node/swarm"
	"earshot/protocol"
)

// Search asks the server's catalogue. What an ID names is told at once where it is
// known here (named). Where the server does not answer, what was seen of its
// catalogue before is found, and what the swarm holds, as far as neighbours and
// theirs reach: they are asked beside the server, not after it.
func (n *Node) Search(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	if n.swarm == nil {
		return n.searchCache(q), nil
	}
	if r, ok := n.named(ctx, q); ok {
		return r, nil
	}
	s := searching{n: n, q: q, until: time.Now().Add(searchPatience), server: make(chan answered, 1), swarm: make(chan protocol.Results, 1)}
	r, err := s.run(ctx)
	return r, translate(err)
}

const (
	// askSwarmAfter is how long the server may take before the neighbours are asked
	// too: a round trip to most places.
	askSwarmAfter = 200 * time.Millisecond
	// searchPatience is how long others are waited for where an answer is at hand: a
	// round trip to anywhere, or two to most places.
	searchPatience = 500 * time.Millisecond
	// searchLong is how long a server is waited for that says nothing at all, where
	// nothing is at hand: it is asked three times in that (RFC 9002, section 6.2.1),
	// and neighbours and theirs have answered. One that is there but slow is waited
	// for as long as it takes.
	searchLong = 2 * time.Second
)

// searching is one search of server and swarm.
type searching struct {
	n      *Node
	q      protocol.Query
	until  time.Time // when there is no more patience
	wg     sync.WaitGroup
	server chan answered         // one slot, as it is asked once at a time
	swarm  chan protocol.Results // one slot, as it is asked once
	asked  bool                  // the swarm was
}

// answered is what the server says.
type answered struct {
	r   protocol.Results
	err error
}

func (s *searching) run(ctx context.Context) (protocol.Results, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.wg.Wait()
	defer cancel()
	soon, patience, long := time.NewTimer(askSwarmAfter), time.NewTimer(searchPatience), time.NewTimer(searchLong)
	defer soon.Stop()
	defer patience.Stop()
	defer long.Stop()
	began := time.Now()
	var found *protocol.Results // by the swarm, when that has answered
	var away error              // the server is, and is not being asked
	var back <-chan struct{}    // closed when it may be here again
	blips, late := 0, false
	s.askServer(ctx)
	for {
		select {
		case a := <-s.server:
			if !errors.Is(a.err, swarm.ErrServerAway) {
				s.n.seen.Note(a.r.Tracks...)
				return a.r, a.err
			}
			away, late = a.err, false
			patience.Reset(searchPatience)
			if blips++; blips == 1 { // no reason to give a search up
				_, back = s.n.swarm.ServerChanged()
			}
			s.askSwarm(ctx)
		case <-back:
			var conn *swarm.Conn
			if conn, back = s.n.swarm.ServerChanged(); conn == nil {
				break
			}
			back, away = nil, nil
			long.Reset(max(searchLong-time.Since(began), searchPatience))
			s.askServer(ctx)
		case <-soon.C:
			s.askSwarm(ctx)
		case r := <-s.swarm:
			found = &r
		case <-patience.C:
			late = true
		case <-long.C:
			if conn, _ := s.n.swarm.ServerChanged(); away == nil && (conn == nil || !conn.IsIntroduced()) {
				away, late = swarm.ErrServerAway, true
			}
		case <-ctx.Done():
			return protocol.Results{}, ctx.Err()
		}
		switch {
		case found == nil:
		case found.Total > 0 && (late || away != nil):
			return *found, nil
		case found.Total == 0 && late && away != nil:
			return *found, away
		}
	}
}

func (s *searching) askServer(ctx context.Context) {
	s.wg.Go(func() {
		r, err := s.n.trySearch(ctx, s.q)
		s.server <- answered{r, err}
	})
}

func (s *searching) askSwarm(ctx context.Context) {
	if s.asked {
		return
	}
	s.asked = true
	s.wg.Go(func() { s.swarm <- s.n.searchSwarm(ctx, s.q, s.until) })
}

// searchSeen finds what was seen of the catalogue: in answers of the server, and
// in the cache. It says nothing of who holds it.
func (n *Node) searchSeen(ctx context.Context, q protocol.Query) protocol.Results {
	r, err := n.trySeen(ctx, q)
	if err != nil {
		if ctx.Err() == nil {
			n.log.Warn("what was seen of the catalogue is not found", "err", err)
		}
		return n.searchCache(q)
	}
	return r
}

func (n *Node) trySeen(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	if !n.seenCached.Swap(true) {
		var cached []protocol.Track
		for in := range n.cache.Tracks() {
			cached = append(cached, in.Track)
		}
		if err := n.seen.Keep(ctx, cached); err != nil {
			n.seenCached.Store(false)
			return protocol.Results{}, err
		}
	}
	return n.seen.Search(ctx, q)
}

func (n *Node) trySearch(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	server, err := n.swarm.Server(ctx)
	if err != nil {
		return protocol.Results{}, err
	}
	r, err := server.Search(ctx, q)
	var refused *protocol.Refused
	if err != nil && ctx.Err() == nil && !errors.As(err, &refused) {
		err = fmt.Errorf("%w: %w", swarm.ErrServerAway, err)
	}
	return r, err
}

// searchCache finds tracks among those that are cached.
func (n *Node) searchCache(q protocol.Query) protocol.Results {
	var found []protocol.Track
	for in := range n.cache.Tracks() {
		if fits(in.Track, q) {
			found = append(found, in.Track)
		}
	}
	library.Sort(found)
	return listed(found, q)
}

func holdsWords(t protocol.Track, words []string) bool {
	fields := strings.Fields(strings.ToLower(t.Title + " " + t.Artist + " " + t.Album))
	for _, w := range words {
		if !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, w) }) {
			return false
		}
	}
	return len(words) > 0
}
