package tracker

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"earshot/protocol"
)

// Memory is a Tracker in this process's memory: some 30 bytes for each peer of
// each track. Locks are by track.
type Memory struct {
	shards [shards]shard

	mu    sync.Mutex
	nodes map[protocol.NodeID]*node
	swept uint32 // when the nodes were last swept, in seconds since epoch

	clock func() time.Time
	epoch time.Time     // when the tracker began; seconds since then fit 32 bits for a century
	tie   func() uint32 // orders equally near peers
}

// shards lets all cores look up at the same time with few collisions.
const shards = 64

type shard struct {
	mu     sync.Mutex
	tracks map[protocol.ID][]holder
	swept  uint32 // as in Memory
}

// holder is one line of a track: 16 bytes.
type holder struct {
	node *node
	at   uint32 // when it was announced, in seconds since epoch
	all  bool   // the whole track
}

// life is the TTL in the seconds of a holder.
const life = int32(TTL / time.Second)

// node is shared by all lines of one node; one that is gone stays only until
// its lines are swept.
type node struct {
	place atomic.Pointer[place]
	gone  atomic.Bool
	lines atomic.Int32 // on the tracks' lists, at most MaxTracks
	at    uint32       // when it announced last; Memory.mu is held
}

// NewMemory returns an empty tracker.
func NewMemory() *Memory { return NewSimulated(time.Now, rand.Uint32) }

// NewSimulated returns an empty tracker with another clock, and with another
// order among equally near peers than a random one: the same calls then give
// the same answers. Where calls are concurrent both must bear it.
func NewSimulated(clock func() time.Time, tie func() uint32) *Memory {
	m := &Memory{nodes: map[protocol.NodeID]*node{}, clock: clock, epoch: clock(), tie: tie}
	for i := range m.shards {
		m.shards[i].tracks = map[protocol.ID][]holder{}
	}
	return m
}

// now counts from the tracker's beginning, not by the clock on the wall: that may
// be set, and all who are here would be forgotten.
func (m *Memory) now() uint32 { return uint32(m.clock().Sub(m.epoch) / time.Second) }

// over reports whether a time is a TTL ago.
func over(at, now uint32) bool { return int32(now-at) >= life }

func (m *Memory) shard(id protocol.ID) *shard { return &m.shards[id[0]%shards] }

// Announce says that a peer holds tracks.
func (m *Memory) Announce(_ context.Context, peer protocol.Peer, tracks []protocol.Announced) error {
	now := m.now()
	n := m.node(newPlace(peer), now)
	for _, t := range tracks {
		s := m.shard(t.ID)
		s.mu.Lock()
		s.sweep(now)
		s.enter(t.ID, holder{n, now, t.Complete})
		s.mu.Unlock()
	}
	return nil
}

// node returns the record of a peer, brought up to date.
func (m *Memory) node(p *place, now uint32) *node {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	n := m.nodes[p.Node]
	if n == nil {
		n = new(node)
		m.nodes[p.Node] = n
	}
	n.at = now
	n.place.Store(p)
	return n
}

// sweep drops nodes that have been silent, once a TTL: 10 ms for 100,000 of
// them. m.mu is held.
func (m *Memory) sweep(now uint32) {
	if !over(m.swept, now) {
		return
	}
	m.swept = now
	for id, n := range m.nodes {
		if over(n.at, now) {
			n.gone.Store(true)
			delete(m.nodes, id)
		}
	}
}

// enter puts a holder on a track's list: in the place of its older line, of one
// that counts no more, or, if the list is full, of the oldest. s.mu is held.
func (s *shard) enter(id protocol.ID, h holder) {
	list := s.tracks[id]
	instead := -1
	for i, other := range list {
		if other.node == h.node {
			list[i] = h
			return
		}
		if instead < 0 || older(other, list[instead], h.at) {
			instead = i
		}
	}
	if h.node.lines.Add(1) > MaxTracks {
		h.node.lines.Add(-1)
		return
	}
	if instead >= 0 && (len(list) >= MaxPeers || !list[instead].alive(h.at)) {
		list[instead].node.lines.Add(-1)
		list[instead] = h
		return
	}
	s.tracks[id] = append(list, h)
}

// older reports whether a line is to go before another.
func older(a, b holder, now uint32) bool {
	if alive := a.alive(now); alive != b.alive(now) {
		return !alive
	}
	return int32(b.at-a.at) > 0
}

// alive reports whether a line still counts.
func (h holder) alive(now uint32) bool { return !over(h.at, now) && !h.node.gone.Load() }

// sweep drops lines that count no more, once a TTL: 1/64 of the tracks at a
// time. s.mu is held.
func (s *shard) sweep(now uint32) {
	if !over(s.swept, now) {
		return
	}
	s.swept = now
	for id := range s.tracks {
		s.drop(id, func(h holder) bool { return !h.alive(now) })
	}
}

// drop takes lines off a track's list. s.mu is held.
func (s *shard) drop(id protocol.ID, which func(holder) bool) {
	list, known := s.tracks[id]
	if !known {
		return
	}
	list = slices.DeleteFunc(list, func(h holder) bool {
		if !which(h) {
			return false
		}
		h.node.lines.Add(-1)
		return true
	})
	if len(list) == 0 {
		delete(s.tracks, id)
		return
	}
	s.tracks[id] = list
}

// Withdraw says that a node holds tracks no more.
func (m *Memory) Withdraw(_ context.Context, id protocol.NodeID, ids []protocol.ID) error {
	m.mu.Lock()
	n := m.nodes[id]
	m.mu.Unlock()
	if n == nil {
		return nil
	}
	for _, track := range ids {
		s := m.shard(track)
		s.mu.Lock()
		s.drop(track, func(h holder) bool { return h.node == n })
		s.mu.Unlock()
	}
	return nil
}

// Forget says that a node has gone. Its lines are passed over from now on, and
// swept later.
func (m *Memory) Forget(_ context.Context, id protocol.NodeID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.nodes[id]; n != nil {
		n.gone.Store(true)
		delete(m.nodes, id)
	}
	return nil
}

// Count returns how many peers hold a track.
func (m *Memory) Count(_ context.Context, id protocol.ID) (int, error) {
	now := m.now()
	s := m.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, h := range s.tracks[id] {
		if h.alive(now) {
			n++
		}
	}
	return n, nil
}

// Peers returns the peers that hold a track, nearest first.
func (m *Memory) Peers(_ context.Context, id protocol.ID, asker protocol.Peer, max int) ([]protocol.Peer, error) {
	var room [MaxPeers]candidate
	from := newPlace(asker)
	return nearest(m.candidates(room[:0], id, from), max), nil
}

// candidates appends the peers of a track that the asker may be told.
func (m *Memory) candidates(all []candidate, id protocol.ID, asker *place) []candidate {
	now := m.now()
	s := m.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.tracks[id] {
		if p := h.node.place.Load(); h.alive(now) && p.Node != asker.Node {
			all = append(all, asker.candidate(p, h.all, m.tie()))
		}
	}
	return all
}
