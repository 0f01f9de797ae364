package sim

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"

	"earshot/cache/policy"
	"earshot/node/schedule"
	"earshot/node/tracker"
	"earshot/protocol"
)

// world is one simulation.
type world struct {
	Config
	now    time.Duration
	seq    uint64
	events heap4
	rng    *rand.Rand

	nodes   []node // the last is the server
	server  int32
	fetches []fetch
	flows   []flow
	freeF   []int32 // fetches to reuse
	freeW   []int32 // flows to reuse
	slab    []held  // cache entries not used yet
	heads   int     // under way from the server
	lately  map[chunk]sending

	line    *schedule.Timeline // of every track
	size    int64
	chunks  int
	perTime float64 // bytes a second of sound
	tracker *tracker.Memory
	result  Result
	latency []float64 // ms, of each play
}

// node is a listener, or the server.
type node struct {
	up, down float64 // bytes a second
	x, y, h  float64 // place, in seconds of round trip
	flows    []int32 // answers waiting or under way, in the order they came
	turn     int
	sending  bool
	online   bool
	session  uint32
	downFree time.Duration

	cache      map[int32]*held
	order      policy.Order[*held]
	used       int64
	limit      int64
	favourites []int32
	watchers   []ref // fetches that have connected to it

	rate  rate
	play  play
	next  int32 // the fetch of the next track; -1 if none
	until time.Duration
}

// ref is a fetch, if it is still the same one.
type ref struct {
	fetch int32
	gen   uint32
}

// held is a track in a node's cache.
type held struct {
	place  policy.Place[*held]
	used   int64
	track  int32
	leases int32
	have   protocol.Bitmap // nil when it is whole
}

// Place, LastUse and Kept are what eviction needs.

// Place is its place in the node's order.
func (h *held) Place() *policy.Place[*held] { return &h.place }

// LastUse is the simulated time of its last use.
func (h *held) LastUse() int64 { return h.used }

// Kept reports whether it is leased.
func (h *held) Kept() bool { return h.leases > 0 }

// flow is one answer on its way.
type flow struct {
	from, to, fetch int32
	track           int32
	first, count    int32
	done            int32 // chunks sent
	fetchGen, gen   uint32
	id              schedule.RequestID
	priority        protocol.Priority
	due             time.Duration // when first is needed
	alive           bool
	queued          bool
	head            bool
}

// Run simulates until the end of Duration, or of ctx.
func Run(ctx context.Context, c Config) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	w := newWorld(c)
	w.populate()
	for len(w.events) > 0 && w.events[0].at <= c.Duration {
		e := w.events.pop()
		w.now = e.at
		w.result.Events++
		if w.result.Events%(1<<16) == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if c.Progress != nil {
				c.Progress(w.now)
			}
		}
		w.handle(&e)
	}
	return w.finish(), nil
}

func newWorld(c Config) *world {
	h := protocol.Header{Track: protocol.Track{
		Size: int64(c.Length.Seconds() * float64(c.Bitrate) / 8), Duration: c.Length, Bitrate: c.Bitrate,
	}}
	for s := range int(c.Length / time.Second) {
		h.Seek = append(h.Seek, int64(s*c.Bitrate/8))
	}
	w := &world{
		lately: map[chunk]sending{},
		Config: c, rng: rand.New(rand.NewPCG(c.Seed, 0x6561727368_6f74)), server: int32(c.Listeners),
		line: schedule.NewTimeline(&h), size: h.Size, chunks: protocol.Chunks(h.Size), perTime: float64(c.Bitrate) / 8,
	}
	// The tracker's time starts in 2001, that it counts from 2000.
	epoch := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	ties := rand.New(rand.NewPCG(c.Seed, 2))
	w.tracker = tracker.NewSimulated(func() time.Time { return epoch.Add(w.now) }, ties.Uint32)
	w.result.Config = c
	return w
}

// at enters an event.
func (w *world) at(t time.Duration, kind eventKind, a, b, c int32, gen uint32) {
	w.seq++
	w.events.push(event{at: max(t, w.now), seq: w.seq, a: a, b: b, c: c, gen: gen, kind: kind})
}

func (w *world) after(d time.Duration, kind eventKind, a, b, c int32, gen uint32) {
	w.at(w.now+d, kind, a, b, c, gen)
}

// rtt is the round trip between two nodes: the distance, and the height of each
// above the plane, which is its access line (Dabek et al., SIGCOMM 2004).
func (w *world) rtt(a, b int32) time.Duration {
	p, q := &w.nodes[a], &w.nodes[b]
	return time.Duration((math.Hypot(p.x-q.x, p.y-q.y) + p.h + q.h) * float64(time.Second))
}

func (w *world) oneWay(a, b int32) time.Duration { return w.rtt(a, b) / 2 }

// reachable reports whether two listeners can connect; always the same answer.
func (w *world) reachable(a, b int32) bool {
	if a > b {
		a, b = b, a
	}
	return float64(mix(uint64(a)<<32|uint64(b))>>11)/(1<<53) < w.Reach
}

// mix is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// trackID and nodeID spread as hashes do: the tracker shards by them.
func trackID(t int32) (id protocol.ID) {
	binary.BigEndian.PutUint64(id[:], mix(uint64(t)))
	binary.BigEndian.PutUint32(id[8:], uint32(t))
	return id
}

func nodeID(n int32) (id protocol.NodeID) {
	binary.BigEndian.PutUint64(id[:], mix(uint64(n)+1<<40))
	binary.BigEndian.PutUint32(id[8:], uint32(n))
	return id
}

// peer is what the tracker is told of a node.
func (w *world) peer(n int32) protocol.Peer {
	p := &w.nodes[n]
	peer := protocol.Peer{Node: nodeID(n)}
	peer.Public = netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(n >> 16), byte(n >> 8), byte(n)}), 4433)
	peer.Coordinate.Vec[0], peer.Coordinate.Vec[1], peer.Coordinate.Height = p.x, p.y, p.h
	return peer
}

// number returns the node that a peer is.
func number(p protocol.Peer) int32 { return int32(binary.BigEndian.Uint32(p.Node[8:])) }
