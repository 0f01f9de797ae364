package schedule

import (
	"testing"
	"time"
)

const mbit = 1e6 / 8 // bytes a second

// track is the one of the figures to beat: 192 kbit/s, 120 s.
func track() *Timeline { return NewTimeline(header(192_000, 120*time.Second)) }

// outcome sums up what the listeners of a swarm heard and cost.
type outcome struct {
	stutters, unfinished int
	silence              time.Duration
	latency              time.Duration // the longest
	counts               Counts
}

func (w *swarm) outcome() (o outcome) {
	for _, n := range w.nodes[1:] {
		if n.dead || n.state == nil {
			continue
		}
		k := n.state.Counts()
		o.counts.Requests += k.Requests
		o.counts.Hedges += k.Hedges
		o.counts.Asked += k.Asked
		o.counts.Duplicate += k.Duplicate
		o.counts.Cancelled += k.Cancelled
		o.counts.Failed += k.Failed
		o.counts.Missed += k.Missed
		o.stutters += n.stutters
		o.silence += n.silence
		o.latency = max(o.latency, n.firstSound-n.joined)
		if !n.finished || !n.done {
			o.unfinished++
		}
	}
	return o
}

// TestListenersTogetherCostTheServerLittleMoreThanOneCopy is the point of it
// all. Heads are 5 s where the server has room, 1 s where it is crowded.
func TestListenersTogetherCostTheServerLittleMoreThanOneCopy(t *testing.T) {
	for _, test := range []struct {
		name      string
		listeners int
		apart     time.Duration
		server    float64
		head      time.Duration
		copies    float64       // at most
		silence   time.Duration // at most, of all listeners together
		rough     bool          // 3 % loss and 40 ms of jitter everywhere
	}{
		{"1 alone", 1, 0, 100 * mbit, 5 * time.Second, 1.01, 0, false},
		{"2 at once", 2, 2 * time.Millisecond, 100 * mbit, 5 * time.Second, 1.1, 0, false},
		{"5 at once", 5, 2 * time.Millisecond, 100 * mbit, 5 * time.Second, 1.25, 0, false},
		{"5 at the same instant", 5, 0, 100 * mbit, 5 * time.Second, 1.25, 0, false},
		{"5 at once, rough network", 5, 2 * time.Millisecond, 100 * mbit, 5 * time.Second, 1.3, 0, true},
		{"5, 10 s apart, rough network", 5, 10 * time.Second, 100 * mbit, 5 * time.Second, 1.3, 0, true},
		{"5, 10 s apart", 5, 10 * time.Second, 100 * mbit, 5 * time.Second, 1.25, 0, false},
		{"5 at once, crowded server", 5, 2 * time.Millisecond, 2 * mbit, time.Second, 1.5, 0, false},
		{"20 at once", 20, 2 * time.Millisecond, 100 * mbit, 5 * time.Second, 2.1, 0, false},
		{"20 at once, 4 Mbit/s, 5 s heads", 20, 2 * time.Millisecond, 4 * mbit, 5 * time.Second, 2.2, 10 * time.Second, false},
		{"20 at once, 4 Mbit/s, 1 s heads", 20, 2 * time.Millisecond, 4 * mbit, time.Second, 1.7, 10 * time.Second, false},
		{"50 at once, 10 Mbit/s, 1 s heads", 50, 2 * time.Millisecond, 10 * mbit, time.Second, 3, 20 * time.Second, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(max(1, 15/test.listeners)) {
				w := newSwarm(seed, track(), test.server)
				if test.rough {
					w.jitter, w.loss = 40*time.Millisecond, 0.03
				}
				for i := range test.listeners {
					w.home().join(time.Duration(i)*test.apart, test.head)
				}
				w.run(5 * time.Minute)
				o := w.outcome()
				t.Logf("%.2f copies, %d stutters, %v of silence, first sound after %v at most, %d requests, %d hedges, %d failed",
					w.copies(), o.stutters, o.silence, o.latency, o.counts.Requests, o.counts.Hedges, o.counts.Failed)
				if w.copies() > test.copies {
					t.Errorf("the server sent %.2f copies, want at most %.2f", w.copies(), test.copies)
				}
				if o.silence > test.silence || test.silence == 0 && o.stutters > 0 {
					t.Errorf("%d stutters, %v of silence, want at most %v", o.stutters, o.silence, test.silence)
				}
				if o.unfinished > 0 {
					t.Errorf("%d listeners did not get it all", o.unfinished)
				}
			}
		})
	}
}

// TestNearestPeerCarriesTheTrack: one peer on the LAN and three far away hold
// it all.
func TestNearestPeerCarriesTheTrack(t *testing.T) {
	w := newSwarm(1, track(), 100*mbit)
	for range 4 {
		w.home().join(0, 5*time.Second)
	}
	w.run(150 * time.Second)
	n := w.home()
	near := w.nodes[1]
	n.lan, near.lan, near.up = 1, 1, 100*mbit
	n.join(w.now, time.Second)
	var all, fromNear int
	w.check = func(m *node, actions []Action) {
		for _, a := range actions {
			if m == n && a.Kind == Request && a.Source != 0 {
				all += a.Count
				if int(a.Source) == near.index {
					fromNear += a.Count
				}
			}
		}
	}
	w.run(w.now + 150*time.Second)
	if o := w.outcome(); o.stutters+o.unfinished > 0 {
		t.Errorf("%+v", o)
	}
	if fromNear*10 < all*8 {
		t.Errorf("%d of %d chunks from the nearest peer, want 80 %%", fromNear, all)
	}
	if n.fromServer > track().size/10 {
		t.Errorf("%d bytes from the server though peers hold it all", n.fromServer)
	}
}

// TestFaultyPeersCostNoStutter puts one listener among faulty holders of the
// whole track, with a server to fall back on.
func TestFaultyPeersCostNoStutter(t *testing.T) {
	for name, fault := range map[string]func(w *swarm, i int, p *node){
		"silent":         func(_ *swarm, _ int, p *node) { p.deaf = true },
		"refusing":       func(_ *swarm, _ int, p *node) { p.refuses = true },
		"lying":          func(_ *swarm, _ int, p *node) { p.claims = true; clear(p.state.have) },
		"corrupting":     func(_ *swarm, _ int, p *node) { p.corrupt = true },
		"one corrupting": func(_ *swarm, i int, p *node) { p.corrupt = i == 0 },
		"slow":           func(_ *swarm, _ int, p *node) { p.up = 4 << 10 },
		"slow, then dead": func(w *swarm, _ int, p *node) {
			start := w.now
			p.throttle = func(now time.Duration) float64 {
				switch t := now - start; {
				case t > 20*time.Second:
					return 1e-6
				case t > 10*time.Second:
					return 0.02
				}
				return 0.1
			}
		},
		"killed one by one": func(w *swarm, i int, p *node) {
			p.up = 0.4 * mbit
			w.after(time.Duration(i+1)*5*time.Second, func() { p.die(10 * time.Second) })
		},
		"a tenth of the speed first shown": func(w *swarm, i int, p *node) {
			start := w.now
			p.throttle = func(now time.Duration) float64 {
				if i%2 == 0 && now > start+2*time.Second {
					return 0.1
				}
				return 1
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSwarm(1, track(), 20*mbit)
			w.jitter, w.loss = 40*time.Millisecond, 0.03
			for range 4 {
				w.home().join(0, 5*time.Second)
			}
			w.run(150 * time.Second)
			for i, p := range w.nodes[1:] {
				fault(w, i, p)
			}
			n := w.home()
			n.join(w.now, 5*time.Second)
			w.run(w.now + 150*time.Second)
			k := n.state.Counts()
			t.Logf("stutters %d, server %.2f copies, %+v", n.stutters, float64(n.fromServer)/float64(w.line.size), k)
			if n.stutters > 0 || !n.finished || !n.done {
				t.Errorf("stutters %d (%v), finished %v, complete %v", n.stutters, n.silence, n.finished, n.done)
			}
		})
	}
}

// TestPeersAloneSufficeWhenTheServerDies: five listeners, the server cut off
// after 20 s; what the group holds plays on for all.
func TestPeersAloneSufficeWhenTheServerDies(t *testing.T) {
	w := newSwarm(1, track(), 100*mbit)
	for range 5 {
		w.home().join(0, 5*time.Second)
	}
	w.run(20 * time.Second)
	w.nodes[0].dead = true
	w.nodes[0].flows = nil
	w.run(5 * time.Minute)
	if o := w.outcome(); o.stutters > 0 || o.unfinished > 0 {
		t.Errorf("%+v", o)
	}
}
