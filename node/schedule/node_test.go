package schedule

import (
	"math/rand/v2"
	"time"

	"earshot/protocol"
)

type node struct {
	w        *swarm
	index    int
	up, down float64 // bytes a second
	delay    time.Duration
	lan      int // nodes of one LAN (not 0) reach each other in 0.5 ms
	dead     bool
	deaf     bool // answers nothing, but stays connected
	refuses  bool
	claims   bool                        // says that it has everything
	corrupt  bool                        // sends wrong bytes
	throttle func(time.Duration) float64 // of the uplink, by time
	flows    []*flow
	turn     int
	sending  bool
	downFree time.Duration

	state    *State
	peers    map[int]bool
	order    []int // peers in the order they came
	inFlight map[RequestID]*flow
	wakeAt   time.Duration
	done     bool

	joined, firstSound time.Duration
	playing            int // chunk
	stalled            bool
	stalledAt          time.Duration
	stutters           int
	silence            time.Duration
	finished           bool
	fromServer         int64
	fromPeers          int64
}

// flow is one answer on its way.
type flow struct {
	from, to     *node
	id           RequestID
	first, count int
	size, sent   int
	priority     protocol.Priority
	admitted     bool // has an upload slot
}

// quantum is how much an uplink sends of one flow at a time.
const quantum = 4 << 10

func newSwarm(seed uint64, line *Timeline, serverUp float64) *swarm {
	w := &swarm{rng: rand.New(rand.NewPCG(seed, 1)), line: line, slots: 4, waiting: 16}
	w.nodes = []*node{{w: w, up: serverUp, down: 100e6 / 8, delay: 5 * time.Millisecond}}
	return w
}

// home adds a listener like those of the figures to beat: 10 up, 50 down
// Mbit/s, 20 ms away.
func (w *swarm) home() *node {
	n := &node{
		w: w, index: len(w.nodes), up: 10e6 / 8, down: 50e6 / 8, delay: 20 * time.Millisecond,
		peers: map[int]bool{}, inFlight: map[RequestID]*flow{}, firstSound: -1,
	}
	w.nodes = append(w.nodes, n)
	return n
}

func (w *swarm) oneWay(a, b *node) time.Duration {
	if a.lan != 0 && a.lan == b.lan {
		return 250 * time.Microsecond
	}
	d := a.delay + b.delay
	if w.jitter > 0 {
		d += time.Duration(w.rng.Int64N(int64(w.jitter)))
	}
	if w.loss > 0 && w.rng.Float64() < w.loss {
		d += a.delay + b.delay + 25*time.Millisecond
	}
	return d
}

func (w *swarm) rtt(a, b *node) time.Duration {
	if a.lan != 0 && a.lan == b.lan {
		return 500 * time.Microsecond
	}
	return 2 * (a.delay + b.delay)
}

func (n *node) key() uint64 { return mix(uint64(n.index)) }

// join opens the track at a time, with a head of so much sound.
func (n *node) join(at, head time.Duration) {
	w := n.w
	w.at(at, func() {
		n.joined = w.now
		w.after(w.oneWay(n, w.nodes[0]), func() { // open reaches the server
			var peers []*node
			for _, p := range w.nodes[1:] {
				if p != n && p.state != nil && !p.dead {
					peers = append(peers, p)
				}
			}
			w.rng.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
			peers = peers[:min(len(peers), 10)]
			count := w.line.after(head)
			// The header is on the server's account from here on, so that
			// whoever opens next hears of this one.
			n.state = New(Config{Timeline: w.line, Self: n.key(), Seed: uint64(n.index)})
			w.after(w.oneWay(n, w.nodes[0]), func() { n.opened(count, peers) })
		})
	})
}

func (n *node) opened(head int, peers []*node) {
	w, s := n.w, n.state
	s.AddSource(w.now, 0, Source{Kind: Server, RTT: w.rtt(n, w.nodes[0])})
	s.Playhead(w.now, 0, 0, Playing)
	n.stalled, n.stalledAt = true, w.now
	if head > 0 {
		id := s.Expect(w.now, 0, 0, head)
		n.answer(w.nodes[0], id, 0, head, protocol.PriorityPlaying)
	}
	for _, p := range peers {
		w.after(w.rtt(n, p)*2, func() { n.connect(p) })
	}
	n.step()
}

func (n *node) connect(p *node) {
	if n.peers[p.index] || n.dead || p.dead {
		return
	}
	for _, pair := range [2][2]*node{{n, p}, {p, n}} {
		a, b := pair[0], pair[1]
		a.peers[b.index] = true
		a.order = append(a.order, b.index)
		a.state.AddSource(n.w.now, SourceID(b.index), Source{Kind: Peer, RTT: n.w.rtt(a, b), Key: b.key()})
		a.state.SetHave(n.w.now, SourceID(b.index), b.bitmap())
		a.state.Listening(n.w.now, SourceID(b.index), !b.done && !b.claims)
	}
	n.step()
	p.step()
}

func (n *node) bitmap() protocol.Bitmap {
	if n.claims {
		return protocol.FullBitmap(n.w.line.Chunks())
	}
	b := protocol.NewBitmap(n.state.n)
	for c := range n.state.n {
		if n.state.have.has(c) {
			b.Set(c)
		}
	}
	return b
}

// die ends a node; the others notice after a while.
func (n *node) die(noticed time.Duration) {
	n.dead = true
	n.flows = nil
	for _, i := range n.order {
		p := n.w.nodes[i]
		n.w.after(noticed, func() {
			if p.state != nil && !p.dead {
				p.state.RemoveSource(n.w.now, SourceID(n.index))
				p.step()
			}
		})
	}
}

// step drives the State and carries out what it decides.
func (n *node) step() {
	if n.dead || n.state == nil {
		return
	}
	w := n.w
	actions, next := n.state.Step(w.now)
	if w.check != nil {
		w.check(n, actions)
	}
	for _, a := range actions {
		p := w.nodes[a.Source]
		if a.Kind == Cancel {
			if f := n.inFlight[a.ID]; f != nil {
				delete(n.inFlight, a.ID)
				w.after(w.oneWay(n, f.from), func() { f.from.remove(f) })
			}
			continue
		}
		w.after(w.oneWay(n, p), func() { n.asked(p, a) })
	}
	if next != Never && (n.wakeAt <= w.now || next < n.wakeAt) {
		n.wakeAt = next
		w.at(next, func() {
			if n.wakeAt == w.now {
				n.step()
			}
		})
	}
}

// asked is a request reaching its source p.
func (n *node) asked(p *node, a Action) {
	w := n.w
	switch {
	case p.dead || p.deaf:
		w.after(10*time.Second, func() { n.fail(a.ID, Timeout) })
	case p.index != 0 && !p.holds(a.First):
		w.after(w.oneWay(n, p), func() { n.fail(a.ID, NotFound) })
	case p.refuses || p.index != 0 && len(p.flows) >= w.slots+w.waiting:
		w.after(w.oneWay(n, p), func() { n.fail(a.ID, Busy) })
	default:
		n.answer(p, a.ID, a.First, a.Count, a.Priority)
	}
}

func (n *node) fail(id RequestID, why Reason) {
	if !n.dead {
		n.state.Failed(n.w.now, id, why)
		n.step()
	}
}

// holds reports whether a node can serve chunk c; one that only claims to may
// be made to serve it all the same, wrongly (corrupt).
func (n *node) holds(c int) bool {
	return n.corrupt || n.state.have.has(c)
}

func (n *node) receive(f *flow, q, done int) {
	if n.dead || n.inFlight[f.id] != f {
		return // cancelled
	}
	w, s := n.w, n.state
	if f.from.index == 0 {
		n.fromServer += int64(q)
	} else {
		n.fromPeers += int64(q)
	}
	s.Progress(w.now, f.id, q)
	if f.from.corrupt && done >= protocol.ChunkSize {
		delete(n.inFlight, f.id)
		f.from.remove(f)
		n.fail(f.id, Corrupt)
		return
	}
	c := f.first + (done-1)/protocol.ChunkSize
	if done%protocol.ChunkSize == 0 || done == f.size {
		n.arrived(c)
	}
	if done == f.size {
		delete(n.inFlight, f.id)
		s.Finished(w.now, f.id)
	}
	n.step()
}

func (n *node) arrived(c int) {
	w := n.w
	if n.state.have.has(c) {
		return
	}
	n.state.Arrived(w.now, c)
	n.done = n.state.Done()
	for _, i := range n.order {
		p := w.nodes[i]
		w.after(w.oneWay(n, p), func() {
			if p.dead {
				return
			}
			p.state.Got(w.now, SourceID(n.index), c, 1)
			p.step()
		})
	}
	if n.stalled && c == n.playing {
		if n.firstSound < 0 {
			n.firstSound = w.now
		} else {
			n.stutters++
			n.silence += w.now - n.stalledAt
		}
		n.stalled = false
		n.play()
	}
}

// play plays the chunk at hand and comes back for the next.
func (n *node) play() {
	w, c := n.w, n.playing
	n.state.Playhead(w.now, int64(c)*protocol.ChunkSize, 0, Playing)
	w.after(w.line.at(c+1)-w.line.at(c), func() {
		if n.dead || n.playing != c {
			return
		}
		if n.playing++; n.playing == n.state.n {
			n.finished = true
			return
		}
		if !n.state.have.has(n.playing) {
			n.stalled, n.stalledAt = true, w.now
			n.step()
			return
		}
		n.play()
		n.step()
	})
}

// copies is what the server has sent, in copies of the track.
func (w *swarm) copies() float64 { return float64(w.wire) / float64(w.line.size) }

// header makes a track of constant bitrate.
func header(bitrate int, length time.Duration) *protocol.Header {
	h := &protocol.Header{}
	h.Duration = length
	h.Size = int64(length.Seconds() * float64(bitrate) / 8)
	for s := range int(length / time.Second) {
		h.Seek = append(h.Seek, int64(s)*int64(bitrate)/8)
	}
	return h
}
