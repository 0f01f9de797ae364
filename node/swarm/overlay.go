package swarm

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"earshot/protocol"
)

// Catalogue is what a listener can tell of tracks while the server is away: what it
// holds, or has heard of. It answers at once, with no network behind it.
type Catalogue interface {
	Find(ctx context.Context, q protocol.Query) protocol.Results
}

const (
	// askedFirst neighbours are asked, and each passes the question on to askedNext:
	// 220 nodes in all, most of a swarm of friends, for 220 packets.
	askedFirst = 20
	askedNext  = 10
	// askFor is how long answers are waited for, and passFor by who passes the
	// question on: two and one of the longest round trips, with what a busy line adds.
	askFor  = 1500 * time.Millisecond
	passFor = time.Second
	// straggle is how long others are waited for once someone has found something:
	// a round trip to anywhere.
	straggle = 400 * time.Millisecond

	// askRate and askBurst bound the questions of one neighbour: someone types, and
	// each letter is one. passRate and passBurst bound what is passed on for all
	// together, each question to askedNext others, and heardRate and heardBurst
	// what one neighbour passes on: as much and some slack.
	askRate, askBurst     = 2, 20
	passRate, passBurst   = 10, 40
	heardRate, heardBurst = 15, 60
	// maxTaken is how many questions are remembered as taken up: those of minutes.
	maxTaken = 1024
)

// overlay is what a node needs to answer questions that neighbours pass on. None
// goes round for ever, as each hop is one less; what was taken up before costs
// nothing more.
type overlay struct {
	pass *rate.Limiter

	mu    sync.Mutex
	taken map[uint64]int // hops that a question had left, by its token
	order []uint64       // of the tokens, the oldest first
}

// inquiries bounds what one neighbour asks.
type inquiries struct{ own, passed *rate.Limiter }

func newInquiries() inquiries {
	return inquiries{rate.NewLimiter(askRate, askBurst), rate.NewLimiter(heardRate, heardBurst)}
}

// allow reports whether a question may be taken up now.
func (i inquiries) allow(r protocol.Route) bool {
	if r.Hops > 0 {
		return i.own.Allow()
	}
	return i.passed.Allow()
}

func (o *overlay) init() { o.pass, o.taken = rate.NewLimiter(passRate, passBurst), map[uint64]int{} }

// take notes a question; false if it was taken up with as many hops or more.
func (o *overlay) take(r protocol.Route) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	hops, known := o.taken[r.Token]
	if known && hops >= r.Hops {
		return false
	}
	if !known {
		if len(o.order) == maxTaken {
			delete(o.taken, o.order[0])
			o.order = o.order[1:]
		}
		o.order = append(o.order, r.Token)
	}
	o.taken[r.Token] = r.Hops
	return true
}

// ask begins a question of this node's own.
func (o *overlay) ask() protocol.Route {
	r := protocol.Route{Hops: protocol.MaxHops, Token: rand.Uint64()}
	o.take(r) // it may come back
	return r
}

// Search asks the neighbours, and theirs, for tracks: what is found where there is
// no server. Whether answers fit the query is for the caller to see.
func (s *Swarm) Search(ctx context.Context, q protocol.Query) protocol.Results {
	var found []protocol.Results
	flood(ctx, s, askFor, &protocol.Search{Query: q, Route: s.overlay.ask()}, func(_ *Conn, m *protocol.FoundTracks) bool {
		found = append(found, m.Results)
		return len(m.Results.Tracks) > 0
	})
	return MergeResults(q, found...)
}

// FindPeers asks the neighbours, and theirs, who holds a track, and connects with
// those that are none yet.
func (s *Swarm) FindPeers(ctx context.Context, id protocol.ID) {
	var wg sync.WaitGroup
	flood(ctx, s, askFor, &protocol.FindPeers{ID: id, Route: s.overlay.ask()}, func(c *Conn, m *protocol.FoundPeers) bool {
		others := slices.DeleteFunc(m.Peers, func(p protocol.Peer) bool { return p.Node == c.node })
		wg.Go(func() { c.Connect(ctx, others) })
		return len(m.Peers) > 0
	})
	wg.Wait()
}

// flood asks the neighbours, those that come meanwhile too, and hands on what each
// answers, one at a time; each says whether that is of use.
func flood[M protocol.Message](ctx context.Context, s *Swarm, patience time.Duration, m protocol.Message, each func(*Conn, M) bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type answer struct {
		from *Conn
		m    M
		err  error
	}
	answers := make(chan answer)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	asked := map[*Conn]bool{}
	running := 0
	for {
		joined := s.Joined()
		for _, c := range s.askable(nil) {
			if asked[c] || len(asked) == askedFirst {
				continue
			}
			asked[c] = true
			running++
			wg.Go(func() {
				got, err := ask[M](ctx, c, m)
				select {
				case answers <- answer{c, got, err}:
				case <-ctx.Done():
				}
			})
		}
		if running == 0 && len(asked) > 0 {
			return
		}
		select {
		case <-joined:
		case a := <-answers:
			running--
			if a.err == nil && each(a.from, a.m) {
				time.AfterFunc(straggle, cancel) // the first of them counts
			}
		case <-ctx.Done():
			return
		}
	}
}

// askable returns the neighbours to ask: the most useful, then the nearest.
func (s *Swarm) askable(except *Conn) []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Conn
	for _, c := range s.conns {
		if !c.server && c != except && c.Trusted() {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *Conn) int {
		return cmp.Or(cmp.Compare(b.worth, a.worth), cmp.Compare(a.RTT(), b.RTT()))
	})
	return all
}

// passOn asks other neighbours what one has asked here, and hands on the answers,
// one at a time.
func passOn[M protocol.Message](ctx context.Context, from *Conn, m protocol.Message, each func(*Conn, M)) {
	s := from.swarm
	if !s.overlay.pass.Allow() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, passFor)
	defer cancel()
	conns := s.askable(from)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, c := range conns[:min(len(conns), askedNext)] {
		wg.Go(func() {
			if got, err := ask[M](ctx, c, m); err == nil {
				mu.Lock()
				defer mu.Unlock()
				each(c, got)
			}
		})
	}
	wg.Wait()
}

// serveSearch answers with what is known here, and, two hops from the asker, by
// others.
func (c *Conn) serveSearch(ctx context.Context, m *protocol.Search, to *Answer) error {
	if !c.inquiries.allow(m.Route) {
		return &protocol.Refused{Code: protocol.CodeBusy}
	}
	var found []protocol.Results
	if c.swarm.overlay.take(m.Route) {
		if catalogue := c.swarm.config.Catalogue; catalogue != nil && !c.swarm.config.NoUpload {
			found = append(found, catalogue.Find(ctx, m.Query))
		}
		if m.Route.Hops > 0 {
			next := &protocol.Search{Query: m.Query, Route: protocol.Route{Hops: m.Route.Hops - 1, Token: m.Route.Token}}
			passOn(ctx, c, next, func(_ *Conn, m *protocol.FoundTracks) { found = append(found, m.Results) })
		}
	}
	return to.Send(&protocol.FoundTracks{Results: MergeResults(m.Query, found...)})
}

// serveFindPeers answers with this node, if it holds some of the track, and, two
// hops from the asker, with others who say so of themselves.
func (c *Conn) serveFindPeers(ctx context.Context, m *protocol.FindPeers, to *Answer) error {
	if !c.inquiries.allow(m.Route) {
		return &protocol.Refused{Code: protocol.CodeBusy}
	}
	answer := &protocol.FoundPeers{}
	if c.swarm.overlay.take(m.Route) {
		if t, err := c.swarm.acquire(m.ID); err == nil {
			if t.Have().Count() > 0 {
				answer.Peers = append(answer.Peers, protocol.Peer{Node: c.swarm.config.Self})
			}
			t.Release()
		}
		if m.Route.Hops > 0 {
			next := &protocol.FindPeers{ID: m.ID, Route: protocol.Route{Hops: m.Route.Hops - 1, Token: m.Route.Token}}
			passOn(ctx, c, next, func(other *Conn, m *protocol.FoundPeers) {
				holds := slices.ContainsFunc(m.Peers, func(p protocol.Peer) bool { return p.Node == other.node })
				if holds && mayTell(other.Addr().Addr(), c.Addr().Addr()) {
					answer.Peers = append(answer.Peers, protocol.Peer{Node: other.node, Public: other.Addr(), Coordinate: other.Peer().Coordinate})
				}
			})
		}
	}
	answer.Listeners = len(answer.Peers)
	return to.Send(answer)
}

// MergeResults makes one answer of several: each track once, the answers in turn,
// so that one that is long cannot keep the others out.
func MergeResults(q protocol.Query, all ...protocol.Results) protocol.Results {
	limit := q.Limit
	if limit == 0 || limit > protocol.MaxResults {
		limit = protocol.MaxResults
	}
	var r protocol.Results
	seen := map[protocol.ID]bool{}
	longest := 0
	for _, one := range all {
		longest = max(longest, len(one.Tracks))
		r.Total = max(r.Total, one.Total)
	}
	for i := range longest {
		for _, one := range all {
			if i < len(one.Tracks) && !seen[one.Tracks[i].ID] {
				seen[one.Tracks[i].ID] = true
				r.Tracks = append(r.Tracks, one.Tracks[i])
			}
		}
	}
	r.Total = max(r.Total, len(r.Tracks))
	r.Tracks = r.Tracks[:min(len(r.Tracks), limit)]
	return r
}
