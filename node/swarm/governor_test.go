package swarm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// thinLine is a line with a queue that drops at its tail, in steps of a
// millisecond: what is sent in one is a fluid, what is acknowledged comes a round
// trip and the queue later.
type thinLine struct {
	rate   float64       // bytes a second
	most   time.Duration // of queue
	rtt    time.Duration // without it
	queue  float64       // bytes
	trips  []time.Duration
	noise  func() time.Duration
	ours   float64 // bytes that got through
	others float64
	lost   bool
}

// send takes what is sent in a millisecond, by us and by others.
func (u *thinLine) send(ours, others float64) {
	const ms = 0.001
	room := max(0, u.most.Seconds()*u.rate-u.queue+u.rate*ms)
	pass := min(1, room/max(ours+others, 1e-9))
	u.lost = u.lost || pass < 1
	u.ours += ours * pass
	u.others += others * pass
	u.queue = max(0, u.queue+(ours+others)*pass-u.rate*ms)
	trip := u.rtt + time.Duration(u.queue/u.rate*float64(time.Second))
	if u.noise != nil {
		trip += u.noise()
	}
	u.trips = append(u.trips, trip)
}

// seen is the round trip that is known at millisecond i.
func (u *thinLine) seen(i int) (time.Duration, bool) {
	for back := int(u.rtt / time.Millisecond); back < i; back++ {
		if at := i - back; u.trips[at] <= time.Duration(back)*time.Millisecond {
			return u.trips[at], true
		}
	}
	return 0, false
}

// governed is what a simulation came to, in the part that is looked at.
type governed struct {
	ours, others float64         // bytes a second
	queue        []time.Duration // each millisecond, sorted
	least, most  float64         // rates
}

func (g governed) at(percent int) time.Duration { return g.queue[(len(g.queue)-1)*percent/100] }

// govern runs the governor on a line for a time, beside others, and looks at what
// happens from a moment on.
func govern(u *thinLine, length, from time.Duration, others func(at time.Duration, u *thinLine) float64) governed {
	g, p := newGovernor(), path{}
	var out governed
	var oursBefore, othersBefore float64
	for i := range int(length / time.Millisecond) {
		now := time.Duration(i) * time.Millisecond
		var rival float64
		if others != nil {
			rival = others(now, u)
		}
		u.send(g.rate()/1000, rival/1000)
		if now%sampleEvery == 0 {
			if trip, ok := u.seen(i); ok {
				p.add(now, trip)
				s, _ := viewOf([]*path{&p}, now, pathFresh, quickFor)
				s.lost, s.used, s.piece = u.lost, true, pieceOf(g.rate())
				if g.see(now, s) {
					p.rebase()
				}
				u.lost = false
			}
		}
		if now == from {
			oursBefore, othersBefore = u.ours, u.others
			out.least, out.most = g.rate(), g.rate()
		}
		if now >= from {
			out.queue = append(out.queue, time.Duration(u.queue/u.rate*float64(time.Second)))
			out.least, out.most = min(out.least, g.rate()), max(out.most, g.rate())
		}
	}
	span := (length - from).Seconds()
	out.ours, out.others = (u.ours-oursBefore)/span, (u.others-othersBefore)/span
	slices.Sort(out.queue)
	return out
}

func mean(d []time.Duration) (m time.Duration) {
	for _, x := range d {
		m += x / time.Duration(len(d))
	}
	return m
}

const bloat = 500 * time.Millisecond

func TestTheGovernorFillsALineWithoutAQueue(t *testing.T) {
	for _, mbit := range []float64{0.3, 1, 2, 10, 40} {
		for _, rtt := range []time.Duration{20 * time.Millisecond, 80 * time.Millisecond, 250 * time.Millisecond} {
			t.Run(fmt.Sprint(mbit, " Mbit/s, ", rtt), func(t *testing.T) {
				u := &thinLine{rate: mbit * 1e6 / 8, most: bloat, rtt: rtt}
				got := govern(u, 60*time.Second, 20*time.Second, nil)
				if got.ours < 0.75*u.rate {
					t.Errorf("it uses %.0f %% of the line", 100*got.ours/u.rate)
				}
				if mean(got.queue) > 10*time.Millisecond || got.at(95) > 25*time.Millisecond {
					t.Errorf("the queue is %v, p95 %v, at most %v", mean(got.queue), got.at(95), got.at(100))
				}
				t.Logf("%.0f %% of the line, queue %v, p95 %v, most %v", 100*got.ours/u.rate, mean(got.queue), got.at(95), got.at(100))
			})
		}
	}
}

// cbr is a constant flow from a moment on.
func cbr(from time.Duration, mbit float64) func(time.Duration, *thinLine) float64 {
	return func(at time.Duration, _ *thinLine) float64 {
		if at < from {
			return 0
		}
		return mbit * 1e6 / 8
	}
}

// reno is a flow that fills the queue until it drops, as TCP does.
func reno(from time.Duration) func(time.Duration, *thinLine) float64 {
	window, next := 15_000.0, time.Duration(0)
	return func(at time.Duration, u *thinLine) float64 {
		if at < from {
			return 0
		}
		trip := u.rtt + time.Duration(u.queue/u.rate*float64(time.Second))
		full := u.queue > 0.98*u.most.Seconds()*u.rate
		switch {
		case full && at >= next:
			window, next = window/2, at+2*trip
		case !full:
			window += 1500 * 0.001 / trip.Seconds() // a packet each round trip
		}
		return window / trip.Seconds()
	}
}

func TestTheGovernorLeavesTheLineToOthers(t *testing.T) {
	line := func() *thinLine { return &thinLine{rate: 2e6 / 8, most: bloat, rtt: 80 * time.Millisecond} }
	t.Run("a constant flow of nine tenths", func(t *testing.T) {
		got := govern(line(), 90*time.Second, 40*time.Second, cbr(20*time.Second, 1.8))
		if got.others < 0.99*1.8e6/8 || mean(got.queue) > 10*time.Millisecond {
			t.Errorf("it keeps %.0f %%, queue %v, p95 %v", 100*got.others/(1.8e6/8), mean(got.queue), got.at(95))
		}
		if got.ours < 0.03e6/8 {
			t.Errorf("and leaves us %.0f kbit/s of 200", got.ours*8/1000)
		}
		t.Logf("others %.1f %%, ours %.0f kbit/s, queue %v, p95 %v, most %v", 100*got.others/(1.8e6/8), got.ours*8/1000, mean(got.queue), got.at(95), got.at(100))
	})
	t.Run("a flow that fills the queue", func(t *testing.T) {
		got := govern(line(), 120*time.Second, 40*time.Second, reno(20*time.Second))
		if got.others < 0.9*2e6/8 {
			t.Errorf("it keeps %.0f %%", 100*got.others/(2e6/8))
		}
		t.Logf("others %.1f %%, ours %.0f kbit/s, queue %v", 100*got.others/(2e6/8), got.ours*8/1000, mean(got.queue))
	})
	t.Run("and takes it back afterwards", func(t *testing.T) {
		fill := reno(20 * time.Second)
		got := govern(line(), 120*time.Second, 80*time.Second, func(at time.Duration, u *thinLine) float64 {
			if at > 60*time.Second {
				return 0
			}
			return fill(at, u)
		})
		if got.ours < 0.75*2e6/8 {
			t.Errorf("it uses %.0f %% of the line", 100*got.ours/(2e6/8))
		}
	})
}

func TestTheGovernorIsNotMisled(t *testing.T) {
	t.Run("by jitter", func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		u := &thinLine{rate: 2e6 / 8, most: bloat, rtt: 80 * time.Millisecond, noise: func() time.Duration {
			return time.Duration(rng.Int64N(int64(10 * time.Millisecond)))
		}}
		got := govern(u, 60*time.Second, 20*time.Second, nil)
		if got.ours < 0.5*u.rate || mean(got.queue) > 10*time.Millisecond {
			t.Errorf("it uses %.0f %% of the line, queue %v", 100*got.ours/u.rate, mean(got.queue))
		}
		t.Logf("it uses %.0f %% of the line, queue %v", 100*got.ours/u.rate, mean(got.queue))
	})
	t.Run("by a longer route", func(t *testing.T) {
		u := &thinLine{rate: 2e6 / 8, most: bloat, rtt: 40 * time.Millisecond}
		got := govern(u, 90*time.Second, 60*time.Second, func(at time.Duration, u *thinLine) float64 {
			if at == 20*time.Second {
				u.rtt = 90 * time.Millisecond
			}
			return 0
		})
		if got.ours < 0.75*u.rate {
			t.Errorf("it uses %.0f %% of the line", 100*got.ours/u.rate)
		}
		t.Logf("it uses %.0f %% of the line, queue %v", 100*got.ours/u.rate, mean(got.queue))
	})
	t.Run("by a shorter one", func(t *testing.T) {
		u := &thinLine{rate: 2e6 / 8, most: bloat, rtt: 90 * time.Millisecond}
		got := govern(u, 60*time.Second, 40*time.Second, func(at time.Duration, u *thinLine) float64 {
			if at == 20*time.Second {
				u.rtt = 40 * time.Millisecond
			}
			return 0
		})
		if got.ours < 0.75*u.rate || mean(got.queue) > 10*time.Millisecond {
			t.Errorf("it uses %.0f %% of the line, queue %v", 100*got.ours/u.rate, mean(got.queue))
		}
	})
	t.Run("by a queue that is always full", func(t *testing.T) {
		u := &thinLine{rate: 2e6 / 8, most: bloat, rtt: 80 * time.Millisecond}
		got := govern(u, 120*time.Second, 60*time.Second, cbr(20*time.Second, 3))
		if got.most > 2*governorFloor {
			t.Errorf("it sends up to %.0f kbit/s there", got.most*8/1000)
		}
	})
}

// TestAWayThatJittersIsNoQueue: and one that grows is, though it grows fast.
func TestAWayThatJittersIsNoQueue(t *testing.T) {
	const base, most = 80 * time.Millisecond, 40 * time.Millisecond
	rng := rand.New(rand.NewPCG(1, 1))
	var jitters, grows path
	seen, missed := 0, 0
	for now := time.Duration(0); now < time.Minute; now += sampleEvery {
		each := func() time.Duration { return time.Duration(rng.Int64N(int64(most))) }
		jitters.add(now, base+each()+each())
		at := now % (2500 * time.Millisecond)
		queue := min(at/4, 2500*time.Millisecond-at) // to 500 ms in 2 s, and gone as fast as a line can
		grows.add(now, base+queue)
		if now < 10*time.Second { // to be known
			continue
		}
		if jitters.queue(pathFresh) > governorTarget {
			seen++
		}
		if queue > governorFlee && at < 2*time.Second && grows.queue(pathFresh) < queue-pathFresh/4-governorTarget {
			missed++
		}
	}
	if looks := int(50 * time.Second / sampleEvery); seen > looks/20 || missed > 0 {
		t.Errorf("of %d looks a queue is seen in %d that is none, and not seen in %d", looks, seen, missed)
	}
}

// TestAQueueIsNoJitter: also where a path is looked at seldom, and not evenly, as the one
// of several that waits for its next request.
func TestAQueueIsNoJitter(t *testing.T) {
	const base = 80 * time.Millisecond
	var p path
	now := time.Duration(0)
	for i := range 300 {
		now += sampleEvery
		if i%3 == 0 {
			now += 180 * time.Millisecond
		}
		at := now % (10 * time.Second)
		queue := max(0, min(at/4, 400*time.Millisecond, (8*time.Second-at)/4))
		p.add(now, base+queue)
		if hidden := p.usual(); hidden > governorTarget {
			t.Fatalf("of a queue of %v, %v is taken for jitter", queue, hidden)
		}
	}
}

// TestAQueueGoesAlsoWhereOursIsTheSmallerShare: by what the line is relieved of, and not
// by a part of what is little.
func TestAQueueGoesAlsoWhereOursIsTheSmallerShare(t *testing.T) {
	const line, left, queue = 250e3, 17e3, 12 * time.Millisecond // bytes a second
	for _, ours := range []float64{1.2 * left, 2 * left, 0.25 * line} {
		g := newGovernor()
		g.started, g.before, g.most, g.now = true, line, line, ours
		g.see(0, view{queue: queue, rtt: 80 * time.Millisecond, used: true, piece: pieceOf(ours)})
		if relief := ours - g.rate(); relief < min(0.6*ours, queue.Seconds()*line/drainTime.Seconds(), ours-governorFloor)-1 {
			t.Errorf("of %.0f bytes a second %.0f are left off, with a queue of %v", ours, relief, queue)
		}
	}
}

// TestTheGovernorKeepsItsBounds: whatever it is told.
func TestTheGovernorKeepsItsBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		g, now := newGovernor(), time.Duration(0)
		for range 2000 {
			now += time.Duration(rng.Int64N(int64(time.Second)))
			before := g.rate()
			s := view{
				queue: time.Duration(rng.Int64N(int64(time.Second))), rtt: time.Duration(rng.Int64N(int64(time.Second))),
				lost: rng.IntN(2) == 0, used: rng.IntN(2) == 0, piece: pieceOf(before),
			}
			if rng.IntN(2) == 0 {
				s.queue = 0
			}
			target := g.target(s.piece)
			g.see(now, s)
			after := g.rate()
			switch {
			case !(after >= governorFloor && after <= governorMost):
				t.Fatalf("the rate is %v", after)
			case s.queue > target && after > before:
				t.Fatalf("it goes up at a queue of %v", s.queue)
			case after > before*(1+largeStep)+1:
				t.Fatalf("it goes from %v to %v at once", before, after)
			case !s.used && after > before:
				t.Fatal("it goes up without having used what it had")
			}
		}
	}
}
