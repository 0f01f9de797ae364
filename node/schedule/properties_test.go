package schedule

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"earshot/protocol"
)

// sound checks a State against itself: what its sets say must be what its
// requests and sources say.
func sound(s *State) error {
	covered := make([]int, s.n)
	owed, count, heads := make([]int, len(s.sources)), make([]int, len(s.sources)), make([]int, len(s.sources))
	for _, r := range s.requests {
		for c := int(r.first); c < int(r.first+r.count); c++ {
			covered[c]++
		}
		owed[r.src] += int(r.size - r.bytes)
		count[r.src]++
		if r.head {
			heads[r.src]++
		}
		if !s.sources[r.src].used || r.bytes > r.size {
			return fmt.Errorf("request %+v of no source, or with too much", r)
		}
	}
	missing := 0
	for c := range s.n {
		holders := 0
		for i := range s.sources {
			if src := &s.sources[i]; src.used && src.counted() && src.have != nil && src.have.has(c) {
				holders++
			}
		}
		if !s.have.has(c) {
			missing++
		}
		switch {
		case covered[c] > 2:
			return fmt.Errorf("chunk %d: %d requests", c, covered[c])
		case s.asked.has(c) != (covered[c] > 0) || s.asked2.has(c) != (covered[c] > 1):
			return fmt.Errorf("chunk %d: %d requests, asked %v %v", c, covered[c], s.asked.has(c), s.asked2.has(c))
		case s.want.has(c) && covered[c] == 1 && s.others > 0 && !s.have.has(c): // of the server, and peers may be sooner
		case s.want.has(c) != (!s.have.has(c) && covered[c] == 0):
			return fmt.Errorf("chunk %d: want %v, have %v, %d requests", c, s.want.has(c), s.have.has(c), covered[c])
		case int(s.avail[c]) != holders || s.held.has(c) != (holders > 0):
			return fmt.Errorf("chunk %d: %d holders counted as %d", c, holders, s.avail[c])
		}
	}
	for i := range s.sources {
		src := &s.sources[i]
		holding := 0
		for c := 0; src.have != nil && c < s.n; c++ {
			if src.have.has(c) {
				holding++
			}
		}
		if src.holding != holding {
			return fmt.Errorf("source %d: %d chunks held, counted as %d", src.id, holding, src.holding)
		}
		if src.owed != owed[i] || src.requests != count[i] || src.requests-heads[i] > maxWindow {
			return fmt.Errorf("source %d: owes %d in %d, counted as %d in %d", src.id, owed[i], count[i], src.owed, src.requests)
		}
	}
	if missing != s.left {
		return fmt.Errorf("%d missing counted as %d", missing, s.left)
	}
	if limit := freeHedge + int64(s.rules.Duplicates*float64(s.arrived)); s.counts.Duplicate > limit {
		return fmt.Errorf("%d bytes of duplicates, at most %d allowed", s.counts.Duplicate, limit)
	}
	return nil
}

// adversity makes a swarm of random size, faults and losses.
func adversity(seed uint64) *swarm {
	r := rand.New(rand.NewPCG(seed, 2))
	line := NewTimeline(header(128_000+r.IntN(200_000), time.Duration(20+r.IntN(60))*time.Second))
	w := newSwarm(seed, line, (2+30*r.Float64())*mbit)
	w.jitter = time.Duration(1+r.IntN(50)) * time.Millisecond
	w.loss = 0.05 * r.Float64()
	w.waiting = r.IntN(8)
	for i := range 2 + r.IntN(6) {
		n := w.home()
		n.up = (0.5 + 10*r.Float64()) * mbit
		n.delay = time.Duration(1+r.IntN(100)) * time.Millisecond
		n.join(time.Duration(r.IntN(20_000))*time.Millisecond, time.Duration(r.IntN(6))*time.Second)
		fault := time.Duration(r.IntN(30_000)) * time.Millisecond
		switch {
		case i == 0:
		case r.IntN(4) == 0:
			noticed := time.Duration(r.IntN(10_000)) * time.Millisecond
			w.at(fault, func() {
				if n.state != nil {
					n.die(noticed)
				}
			})
		case r.IntN(4) == 0:
			w.at(fault, func() { n.deaf = true })
		case r.IntN(4) == 0:
			w.at(fault, func() { n.refuses = true })
		case r.IntN(4) == 0:
			n.claims = true
		case r.IntN(6) == 0:
			n.corrupt = true
		}
	}
	return w
}

// TestInvariantsHoldAndEveryoneGetsItAll: whatever the peers do, while the
// server answers each living listener gets every chunk; no chunk is asked of
// more than two at once, nothing of one that never said it had it, and
// duplicates stay in their budget.
func TestInvariantsHoldAndEveryoneGetsItAll(t *testing.T) {
	for seed := range uint64(40) {
		w := adversity(seed)
		steps := 0
		w.check = func(n *node, actions []Action) {
			if steps++; steps%8 > 0 && len(actions) == 0 {
				return // the check costs more than the step
			}
			if err := sound(n.state); err != nil {
				t.Fatalf("seed %d, %v, node %d: %v", seed, w.now, n.index, err)
			}
			for _, a := range actions {
				if a.Kind != Request {
					continue
				}
				p := w.nodes[a.Source]
				for c := a.First; c < a.First+a.Count; c++ {
					if p.index != 0 && !p.claims && !p.state.have.has(c) {
						t.Fatalf("seed %d: node %d asked %d for chunk %d, which it lacks", seed, n.index, p.index, c)
					}
				}
			}
		}
		w.run(5 * time.Minute)
		for _, n := range w.nodes[1:] {
			if n.state != nil && !n.dead && !n.done {
				t.Errorf("seed %d: node %d lacks %d chunks; %+v", seed, n.index, n.state.left, n.state.Counts())
			}
		}
	}
}

func TestSameSeedSameActions(t *testing.T) {
	log := func() uint64 {
		h := fnv.New64a()
		w := adversity(7)
		w.check = func(n *node, actions []Action) { fmt.Fprintln(h, w.now, n.index, actions) }
		w.run(2 * time.Minute)
		return h.Sum64()
	}
	if a, b := log(), log(); a != b {
		t.Errorf("two runs differ: %x, %x", a, b)
	}
}

// TestEachRunIsOneListenersAndStays: of listeners who all know one another,
// each block is exactly one's to take, fairly, and when one leaves only its
// blocks move.
func TestEachRunIsOneListenersAndStays(t *testing.T) {
	line := track()
	const listeners = 7
	owner := func(without int) []int {
		owners := make([]int, line.Chunks())
		for c := range owners {
			owners[c] = -1
		}
		for self := range listeners {
			if self == without {
				continue
			}
			s := New(Config{Timeline: line, Self: uint64(self), Track: protocol.ID{1}})
			for p := range listeners {
				if p != self && p != without {
					s.AddSource(0, SourceID(p), Source{Key: uint64(p)})
					s.Listening(0, SourceID(p), true)
				}
			}
			for c := range owners {
				if s.rank(c) == 0 {
					if owners[c] >= 0 {
						t.Fatalf("chunk %d is both %d's and %d's", c, owners[c], self)
					}
					owners[c] = self
				}
			}
		}
		return owners
	}
	all, fewer := owner(-1), owner(3)
	share := make([]int, listeners)
	for c, o := range all {
		share[o]++
		if o != 3 && fewer[c] != o || fewer[c] < 0 {
			t.Errorf("chunk %d moved from %d to %d", c, o, fewer[c])
		}
		if c%runChunks > 0 && all[c-1] != o {
			t.Errorf("chunk %d is not the same listener's as the rest of its run", c)
		}
	}
	for o, n := range share {
		if n == 0 || n > 3*line.Chunks()/listeners {
			t.Errorf("listener %d takes %d of %d chunks", o, n, line.Chunks())
		}
	}
}

func TestBitsetSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		n := 1 + r.IntN(200)
		a, b, d := make(bitset, (n+63)/64), make(bitset, (n+63)/64), make(bitset, (n+63)/64)
		for i := range n {
			if r.IntN(10) == 0 {
				a.set(i)
			}
			if r.IntN(3) == 0 {
				b.set(i)
			}
			if r.IntN(3) == 0 {
				d.set(i)
			}
		}
		from, to := r.IntN(n+1), r.IntN(n+1)
		want := func(ok func(int) bool) int {
			for i := from; i < to; i++ {
				if ok(i) {
					return i
				}
			}
			return to
		}
		for i, pair := range [][2]int{
			{a.next(from, to), want(a.has)},
			{a.nextClear(from, to), want(func(i int) bool { return !a.has(i) })},
			{a.nextWhere(b, d, from, to), want(func(i int) bool { return a.has(i) && b.has(i) && !d.has(i) })},
		} {
			if pair[0] != pair[1] {
				t.Fatalf("search %d in [%d,%d): %d, want %d", i, from, to, pair[0], pair[1])
			}
		}
	}
}
