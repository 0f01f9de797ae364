package swarm

import (
	"cmp"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marcopolo/simnet"

	"earshot/protocol"
	"earshot/protocol/identity"
)

// globe is where hosts are, by number: on a map whose sides light takes 80 and 50
// ms to cross there and back, behind access lines of 2 to 22 ms.
type globe struct{ x, y, access []float64 }

func newGlobe(n int, seed uint64) (g globe) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for range n {
		g.x = append(g.x, rng.Float64()*0.08)
		g.y = append(g.y, rng.Float64()*0.05)
		g.access = append(g.access, 0.002+rng.Float64()*0.02)
	}
	return g
}

func (g globe) rtt(i, j int) time.Duration {
	return time.Duration((math.Hypot(g.x[i]-g.x[j], g.y[i]-g.y[j]) + g.access[i] + g.access[j]) * 1e9)
}

// off is by how much estimates differ from round trips, as a share of these.
type off []float64

func (o *off) add(estimate, rtt time.Duration) {
	*o = append(*o, math.Abs(float64(estimate-rtt))/float64(rtt))
}

func (o off) percentile(p int) float64 {
	slices.Sort(o)
	return o[(len(o)-1)*p/100]
}

func (w *town) spread(g globe) {
	w.net.LatencyFunc = func(p *simnet.Packet) time.Duration {
		from, to := p.From.(*net.UDPAddr).IP.To4()[3], p.To.(*net.UDPAddr).IP.To4()[3]
		return g.rtt(int(from)-2, int(to)-2) / 2 // town numbers its hosts from 2
	}
}

// TestNodesThatNeverMetKnowHowFarTheyAre: each is connected with about eight of 24,
// over real QUIC, and the others' coordinates come from the server of a swarm.
func TestNodesThatNeverMetKnowHowFarTheyAre(t *testing.T) {
	const n, dials = 24, 4
	synctest.Test(t, func(t *testing.T) {
		w := &town{t: t, net: &simnet.Simnet{Logger: slog.New(slog.DiscardHandler)}}
		g := newGlobe(n, 7)
		w.spread(g)
		w.net.Start()
		defer w.net.Close()
		var err error
		if w.authority, err = identity.OpenAuthority(t.TempDir(), time.Now()); err != nil {
			t.Fatal(err)
		}
		var nodes []*Swarm
		for range n {
			node := w.node(nil, nil)
			defer node.Close()
			nodes = append(nodes, node)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		met := map[[2]int]bool{}
		for i, node := range nodes {
			for _, j := range rng.Perm(n)[:dials] {
				met[[2]int{min(i, j), max(i, j)}] = true
				node.Connect(t.Context(), []protocol.Peer{peer(nodes[j])})
			}
		}
		time.Sleep(2 * time.Minute)
		var wrong off
		rightOrder, orders := 0, 0
		for i := range n {
			type other struct{ estimate, rtt time.Duration }
			var others []other
			for j := range n {
				if i == j || met[[2]int{min(i, j), max(i, j)}] {
					continue
				}
				o := other{nodes[i].place.distance(nodes[j].Coordinate()), g.rtt(i, j)}
				wrong.add(o.estimate, o.rtt)
				others = append(others, o)
			}
			near := slices.MinFunc(others, func(a, b other) int { return cmp.Compare(a.estimate, b.estimate) })
			for _, o := range others {
				orders++
				if near.rtt <= o.rtt {
					rightOrder++
				}
			}
		}
		t.Logf("off by %.0f %% in the median, %.0f %% at the 90th percentile; the nearest by estimate is nearer than %d %% of the others",
			100*wrong.percentile(50), 100*wrong.percentile(90), 100*rightOrder/orders)
		if wrong.percentile(50) > 0.25 || wrong.percentile(90) > 0.65 || rightOrder*100 < orders*60 {
			t.Error("that is too far off")
		}
		if e := nodes[0].Coordinate().Error; e > 0.4 {
			t.Errorf("a node is unsure of itself by %.2f", e)
		}
	})
}

// looks has nodes look at all of their neighbours, some of which may lie about
// where they are, and returns how far off the honest are among themselves.
func looks(t *testing.T, n, rounds int, lie func(round, i int) (protocol.Coordinate, bool)) off {
	g := newGlobe(n, 3)
	places := make([]*place, n)
	for i := range places {
		var err error
		if places[i], err = newPlace(protocol.Coordinate{}); err != nil {
			t.Fatal(err)
		}
	}
	honest := func(round, i int) bool { _, lies := lie(round, i); return !lies }
	for round := range rounds {
		said := make([]protocol.Coordinate, n)
		for i, p := range places {
			var lies bool
			if said[i], lies = lie(round, i); !lies {
				said[i] = p.coordinate()
			}
		}
		for i, p := range places {
			var sights []sight
			for j := range n {
				if j != i {
					sights = append(sights, sight{protocol.NodeID{byte(j), 1}, said[j], g.rtt(i, j)})
				}
			}
			p.look(sights)
		}
	}
	var wrong off
	for i := range n {
		for j := range i {
			if honest(rounds, i) && honest(rounds, j) {
				wrong.add(places[i].distance(places[j].coordinate()), g.rtt(i, j))
			}
		}
	}
	return wrong
}

func at(v float64) (c protocol.Coordinate) {
	c.Vec[0], c.Vec[7], c.Error = v, v, 1e-9
	return c
}

func TestCoordinatesThatLieDoNoHarm(t *testing.T) {
	const n, rounds = 12, 40
	none := looks(t, n, rounds, func(int, int) (protocol.Coordinate, bool) { return protocol.Coordinate{}, false })
	for name, lie := range map[string]func(round int) protocol.Coordinate{
		"far away":               func(int) protocol.Coordinate { return at(0.8) },
		"out of this world":      func(int) protocol.Coordinate { return at(59) },
		"not a number":           func(int) protocol.Coordinate { return at(math.NaN()) },
		"infinite":               func(int) protocol.Coordinate { return at(math.Inf(1)) },
		"jumping":                func(round int) protocol.Coordinate { return at(0.7 * float64(round%3-1)) },
		"a tower":                func(int) protocol.Coordinate { c := at(0.01); c.Height = 1; return c },
		"a pit":                  func(int) protocol.Coordinate { c := at(0.01); c.Height = -1; return c },
		"wrong by an adjustment": func(int) protocol.Coordinate { c := at(0.01); c.Adjustment = -1; return c },
	} {
		wrong := looks(t, n, rounds, func(round, i int) (protocol.Coordinate, bool) { return lie(round), i >= n-3 })
		t.Logf("%s: the honest are off by %.0f %%, %.0f %% where nobody lies", name, 100*wrong.percentile(50), 100*none.percentile(50))
		if got, most := wrong.percentile(50), none.percentile(50)+0.1; !(got <= most) {
			t.Errorf("%s, three of twelve: the honest are off by %.2f, more than %.2f", name, got, most)
		}
	}
}

func TestACoordinateOutlivesItsProcess(t *testing.T) {
	p, err := newPlace(at(0.05))
	if err != nil || p.coordinate() != at(0.05) {
		t.Errorf("%v, %v", p.coordinate(), err)
	}
	for _, bad := range []protocol.Coordinate{{}, at(math.NaN()), at(1e9)} {
		if p, err := newPlace(bad); err != nil || !p.coordinate().IsZero() {
			t.Errorf("of %v: %v, %v", bad, p.coordinate(), err)
		}
	}
}

func TestWhereANodeIsIsSaidAgainWhenItHasMoved(t *testing.T) {
	p, _ := newPlace(at(0.05))
	if c, yes := p.moved(); !yes || c != at(0.05) {
		t.Errorf("first: %v, %v", c, yes)
	}
	if _, yes := p.moved(); yes {
		t.Error("and again, though it has not moved")
	}
	far := sight{protocol.NodeID{1}, at(0.051), 200 * time.Millisecond}
	for range 10 {
		p.look([]sight{far})
	}
	if _, yes := p.moved(); !yes {
		t.Error("it has moved and does not say so")
	}
}

func TestWhoCannotBeWhereItSaysIsNotBelieved(t *testing.T) {
	for name, test := range map[string]struct {
		says     protocol.Coordinate
		credible bool
	}{
		"where it is":       {at(0.008), true},
		"nowhere":           {protocol.Coordinate{}, true},
		"somewhat off":      {at(0.06), true},
		"on another planet": {at(0.8), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t)
			defer w.net.Close()
			a, b := w.node(nil, func(c *Config) { c.Coordinate = at(0.001) }), w.node(nil, func(c *Config) { c.Coordinate = test.says })
			defer a.Close()
			defer b.Close()
			c := w.neighbour(a, b)
			time.Sleep(lookFirst / 2) // before they learn better
			if got := c.Credible(); got != test.credible {
				t.Errorf("%s: credible %v, %v away and %v by estimate", name, got, c.RTT(), c.Distance())
			}
		})
	}
}
