package tracker

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/serf/coordinate"

	"earshot/protocol"
)

// Memory is a Tracker in this process's memory: some 40 bytes for each peer of
// each track. Locks are by track.
type Memory struct {
	shards [shards]shard

	mu    sync.Mutex
	nodes map[protocol.NodeID]*node
}

// shards lets all cores look up at the same time with few collisions.
const shards = 64

type shard struct {
	mu     sync.Mutex
	tracks map[protocol.ID][]holder
	swept  int64 // when it was last swept, Unix seconds
}

// holder is one line of a track: 16 bytes.
type holder struct {
	node *node
	at   uint32 // when it was announced, in seconds since epoch
	all  bool   // the whole track
}

// epoch makes seconds fit 32 bits for a century.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// node is shared by all lines of one node; one that is gone stays only until
// its lines are swept.
type node struct {
	peer atomic.Pointer[place]
	gone atomic.Bool
}

type place struct {
	protocol.Peer
	at *coordinate.Coordinate // nil if unknown
}

// NewMemory returns an empty tracker.
func NewMemory() *Memory {
	m := &Memory{nodes: map[protocol.NodeID]*node{}}
	for i := range m.shards {
		m.shards[i].tracks = map[protocol.ID][]holder{}
	}
	return m
}

func seconds(t time.Time) uint32 { return uint32(t.Unix() - epoch) }

func (m *Memory) shard(id protocol.ID) *shard { return &m.shards[id[0]%shards] }

// Announce says that a peer holds tracks.
func (m *Memory) Announce(_ context.Context, peer protocol.Peer, tracks []protocol.Announced) error {
	n := m.node(peer)
	now := seconds(time.Now())
	for _, t := range tracks {
		s := m.shard(t.ID)
		s.mu.Lock()
		s.sweep(now)
		s.tracks[t.ID] = enter(s.tracks[t.ID], holder{n, now, t.Complete})
		s.mu.Unlock()
	}
	return nil
}

// node returns the record of a peer, brought up to date.
func (m *Memory) node(peer protocol.Peer) *node {
	p := &place{Peer: peer, at: point(peer.Coordinate)}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[peer.Node]
	if n == nil {
		n = new(node)
		m.nodes[peer.Node] = n
	}
	n.peer.Store(p)
	return n
}

// enter puts a holder on a track's list, in place of the oldest if it is full.
func enter(list []holder, h holder) []holder {
	oldest := 0
	for i := range list {
		if list[i].node == h.node {
			list[i] = h
			return list
		}
		if list[i].at < list[oldest].at || list[i].node.gone.Load() {
			oldest = i
		}
	}
	if len(list) >= MaxPeers {
		list[oldest] = h
		return list
	}
	return append(list, h)
}

// alive reports whether a line still counts.
func (h holder) alive(now uint32) bool {
	return int32(now-h.at) < int32(TTL/time.Second) && !h.node.gone.Load() // also where the clock was set back
}

// sweep drops lines that count no more, once a TTL: 1/64 of the tracks at a
// time, 2 ms for 100,000 tracks in all. s.mu is held.
func (s *shard) sweep(now uint32) {
	if int64(now)-s.swept < int64(TTL/time.Second) {
		return
	}
	s.swept = int64(now)
	for id, list := range s.tracks {
		list = slices.DeleteFunc(list, func(h holder) bool { return !h.alive(now) })
		if len(list) == 0 {
			delete(s.tracks, id)
		} else {
			s.tracks[id] = list
		}
	}
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
		list := slices.DeleteFunc(s.tracks[track], func(h holder) bool { return h.node == n })
		if len(list) == 0 {
			delete(s.tracks, track)
		} else {
			s.tracks[track] = list
		}
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
	now := seconds(time.Now())
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

// candidate is a peer with what it is ranked by.
type candidate struct {
	place *place
	lan   bool
	near  int // in steps of grain
	all   bool
	tie   uint32
}

const (
	// grain is the difference in round trip below which peers count as equally
	// near: less is noise, and lets one peer be told to everyone.
	grain = 5 * time.Millisecond
	// unknown ranks a peer whose place is not known behind all on Earth.
	unknown = int(time.Minute / grain)
)

// Peers returns the peers that hold a track, nearest first.
func (m *Memory) Peers(_ context.Context, id protocol.ID, asker protocol.Peer, max int) ([]protocol.Peer, error) {
	var room [MaxPeers]candidate
	all := m.candidates(room[:0], id, asker)
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(-compareBool(a.lan, b.lan), cmp.Compare(a.near, b.near), -compareBool(a.all, b.all), cmp.Compare(a.tie, b.tie))
	})
	all = all[:min(len(all), max)]
	peers := make([]protocol.Peer, len(all))
	for i, c := range all {
		peers[i] = c.place.Peer
		if !c.lan {
			peers[i].Local = nil
		}
	}
	return peers, nil
}

func (m *Memory) candidates(all []candidate, id protocol.ID, asker protocol.Peer) []candidate {
	now := seconds(time.Now())
	from := point(asker.Coordinate)
	s := m.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.tracks[id] {
		p := h.node.peer.Load()
		if !h.alive(now) || p.Node == asker.Node {
			continue
		}
		c := candidate{place: p, near: unknown, all: h.all, tie: rand.Uint32()}
		c.lan = sameLAN(p.Public, asker.Public)
		if from != nil && p.at != nil {
			c.near = int(from.DistanceTo(p.at) / grain)
		}
		all = append(all, c)
	}
	return all
}

// sameLAN takes nodes behind one public address for neighbours on one LAN.
func sameLAN(a, b netip.AddrPort) bool { return a.IsValid() && a.Addr() == b.Addr() }

// point returns a coordinate as Serf computes with it, nil if it is unknown.
func point(c protocol.Coordinate) *coordinate.Coordinate {
	if c.IsZero() {
		return nil
	}
	p := coordinate.NewCoordinate(coordinate.DefaultConfig())
	copy(p.Vec, c.Vec[:])
	p.Error, p.Adjustment, p.Height = c.Error, c.Adjustment, c.Height
	if !p.IsValid() {
		return nil
	}
	return p
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
