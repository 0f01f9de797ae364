package swarm

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// pipe is a line with a queue that drops nothing, behind a way of some length.
type pipe struct {
	rate   float64 // bytes a second
	base   time.Duration
	jitter time.Duration // at the most, of each packet
	share  int           // of the window one part of so many is used; 0 for all
}

// fill keeps a pipe as full as the window and its pace allow, from a time on, and returns
// what was delivered a second, and the mean queue.
func (p pipe) fill(w *window, from time.Time, d time.Duration) (rate float64, queue time.Duration) {
	type packet struct{ sent, acked time.Time }
	rng := rand.New(rand.NewPCG(1, 2))
	var under []packet // by when they are acknowledged
	now, free, busy := from, from, from
	delivered, queued := 0, time.Duration(0)
	for now.Before(from.Add(d)) {
		for len(under)*packetSize < w.size/max(p.share, 1) && busy.Sub(now) <= mostQueue {
			if w.pace > 0 {
				if busy.Before(now) {
					busy = now
				}
				busy = busy.Add(time.Duration(packetSize / w.pace * float64(time.Second)))
			}
			if free.Before(now) {
				free = now
			}
			queued += free.Sub(now)
			free = free.Add(time.Duration(packetSize / p.rate * float64(time.Second)))
			acked := free.Add(p.base)
			if p.jitter > 0 {
				acked = acked.Add(time.Duration(rng.Int64N(int64(p.jitter))))
			}
			at, _ := slices.BinarySearchFunc(under, acked, func(q packet, t time.Time) int { return q.acked.Compare(t) })
			under = slices.Insert(under, at, packet{now, acked})
		}
		w.wait(now)
		w.room(now, p.share > 1)
		if due := busy.Add(-mostQueue); len(under) == 0 || due.After(now) && due.Before(under[0].acked) {
			now = due // no packet before
			continue
		}
		next := under[0]
		under = under[1:]
		now = next.acked
		w.acked(now, packetSize, p.base, now.Sub(next.sent)-p.base)
		delivered++
	}
	return float64(delivered*packetSize) / now.Sub(from).Seconds(), queued / time.Duration(delivered)
}

func TestTheWindowFindsTheLine(t *testing.T) {
	for _, test := range []struct {
		name string
		pipe
		queue time.Duration // at the most, in the mean
	}{
		{"2 Mbit/s", pipe{rate: 250e3, base: 50 * time.Millisecond}, 40 * time.Millisecond},
		{"4 Mbit/s", pipe{rate: 500e3, base: 50 * time.Millisecond}, 40 * time.Millisecond},
		{"100 Mbit/s", pipe{rate: 12.5e6, base: 50 * time.Millisecond}, 40 * time.Millisecond},
		{"10 Mbit/s, far", pipe{rate: 1.25e6, base: 250 * time.Millisecond}, 70 * time.Millisecond},
		{"20 Mbit/s, near", pipe{rate: 2.5e6, base: 5 * time.Millisecond}, 40 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, start := newWindow(), time.Unix(0, 0)
			test.fill(&w, start, 5*time.Second)
			rate, queue := test.fill(&w, start.Add(5*time.Second), 20*time.Second)
			if rate < 0.9*test.rate {
				t.Errorf("%.0f bytes a second are delivered, of %.0f", rate, test.rate)
			}
			if queue > test.queue {
				t.Errorf("packets queue for %v", queue)
			}
		})
	}
}

func TestAFarLineIsFoundInAFewRoundTrips(t *testing.T) {
	const base = 210 * time.Millisecond
	for _, test := range []struct {
		rate  float64
		trips int     // until the window is as large as the line
		least float64 // of the line that is used in the first 5 s
	}{
		{250e3, 2, 0.9}, {500e3, 2, 0.9}, {1.25e6, 2, 0.9},
		{2.5e6, 6, 0.7}, {12.5e6, 10, 0.5}, // nothing queues before the window has doubled
	} {
		p := pipe{rate: test.rate, base: base}
		w, start := newWindow(), time.Unix(0, 0)
		p.fill(&w, start, time.Duration(test.trips)*base)
		if line := test.rate * base.Seconds(); float64(w.size) < 0.9*line || float64(w.size) > 1.2*line {
			t.Errorf("of %.0f bytes a second, after %d round trips %d may be under way, of %.0f", test.rate, test.trips, w.size, line)
		}
		w = newWindow()
		if _, queue := p.fill(&w, start, time.Duration(test.trips+1)*base); queue > 50*time.Millisecond {
			t.Errorf("of %.0f bytes a second, until it is filled packets queue for %v", test.rate, queue)
		}
		w = newWindow()
		if rate, _ := p.fill(&w, start, 5*time.Second); rate < test.least*test.rate {
			t.Errorf("of %.0f bytes a second, %.0f are delivered in the first 5 s", test.rate, rate)
		}
	}
}

func TestWhatIsWithheldDoesNotCloseTheWindow(t *testing.T) {
	for _, base := range []time.Duration{50 * time.Millisecond, 210 * time.Millisecond} {
		p := pipe{rate: 500e3, base: base}
		w, start := newWindow(), time.Unix(0, 0)
		p.fill(&w, start, 5*time.Second)
		p.share = 2
		if _, queue := p.fill(&w, start.Add(5*time.Second), 20*time.Second); queue > mostQueue {
			t.Errorf("at %v, where half the line is used, packets queue for %v", base, queue)
		}
		if least := p.rate * base.Seconds(); float64(w.size) < 0.9*least {
			t.Errorf("at %v %d may be under way, of %.0f", base, w.size, least)
		}
		p.rate /= 4
		p.fill(&w, start.Add(25*time.Second), 10*time.Second)
		if most := p.rate * (base + 2*mostQueue).Seconds() * probeGain; float64(w.size) > max(most, leastWindow) {
			t.Errorf("at %v, when the line is slower, %d may be under way, of %.0f", base, w.size, most)
		}
	}
}

func TestAcknowledgementsThatComeTogetherAreNoTrain(t *testing.T) {
	const base, queue = 200 * time.Millisecond, 30 * time.Millisecond
	for _, test := range []struct {
		name  string
		every time.Duration // an acknowledgement
		ways  int           // the later half was sent so much sooner, over a longer one
	}{{"held up on the way", 10 * time.Microsecond, 1}, {"of two ways", time.Millisecond, 2}} {
		w, start := newWindow(), time.Unix(0, 0)
		w.wait(start)
		for i := range firstWindow / packetSize {
			w.acked(start.Add(base+queue+time.Duration(i)*test.every), packetSize, base/time.Duration(1+i%test.ways), queue)
		}
		if w.size > 2*firstWindow {
			t.Errorf("%s: the window went to %d", test.name, w.size)
		}
	}
}

func TestOnlyALineThatStaysThinIsPaced(t *testing.T) {
	for _, test := range []struct {
		rate  float64
		after time.Duration
		paced bool
	}{
		{250e3, time.Second, false}, // it may be another in a moment
		{250e3, 20 * time.Second, true},
		{2e6, 20 * time.Second, false},
	} {
		w := newWindow()
		pipe{rate: test.rate, base: 50 * time.Millisecond}.fill(&w, time.Unix(0, 0), test.after)
		if paced := w.pace > 0; paced != test.paced {
			t.Errorf("of %.0f bytes a second, after %v: paced %v", test.rate, test.after, paced)
		}
	}
}

func TestAWayThatJittersDoesNotCloseTheWindow(t *testing.T) {
	p := pipe{rate: 1e6, base: 50 * time.Millisecond, jitter: 40 * time.Millisecond}
	w, start := newWindow(), time.Unix(0, 0)
	p.fill(&w, start, 20*time.Second)
	if rate, _ := p.fill(&w, start.Add(20*time.Second), 20*time.Second); rate < 0.5*p.rate {
		t.Errorf("%.0f bytes a second are delivered, of %.0f", rate, p.rate)
	}
}

func TestTheWindowFollowsALineThatChanges(t *testing.T) {
	w, now := newWindow(), time.Unix(0, 0)
	for _, rate := range []float64{1e6, 250e3, 2e6} {
		p := pipe{rate: rate, base: 50 * time.Millisecond}
		p.fill(&w, now, 10*time.Second)
		now = now.Add(10 * time.Second)
		got, queue := p.fill(&w, now, 10*time.Second)
		now = now.Add(10 * time.Second)
		if got < 0.9*rate || queue > 60*time.Millisecond {
			t.Errorf("at %.0f bytes a second, %.0f are delivered, and packets queue for %v", rate, got, queue)
		}
	}
}

func TestWhatNobodyWaitsBehindLeavesTheWindowAlone(t *testing.T) {
	w, now := newWindow(), time.Unix(0, 0)
	for range 1000 {
		now = now.Add(10 * time.Millisecond)
		w.acked(now, packetSize, 50*time.Millisecond, 300*time.Millisecond)
	}
	if w.size != firstWindow {
		t.Errorf("the window went to %d", w.size)
	}
}

func TestAFewPacketsDoNotOpenTheWindow(t *testing.T) {
	const way = 50 * time.Millisecond
	for name, shared := range map[string]bool{"of one after another": false, "of a crowd": true} {
		t.Run(name, func(t *testing.T) {
			w, now := newWindow(), time.Unix(0, 0)
			w.share(shared)
			for range 5 {
				w.wait(now)
				w.acked(now.Add(2*way), packetSize, way, 0)
				w.acked(now.Add(4*way), packetSize, way, 0)
				now = now.Add(10 * time.Second)
			}
			if w.size != firstWindow || w.found {
				t.Errorf("the window is %d, found %v", w.size, w.found)
			}
		})
	}
}

func TestACrowdBeginsAnewOnALineThatIsNotKnown(t *testing.T) {
	w := newWindow()
	w.size = 4 * firstWindow // by those who came before
	w.share(true)
	if w.size != firstWindow {
		t.Errorf("the window is %d", w.size)
	}
}

func TestWhatCameToOneWhoseWayIsNotKnownCountsForTheRateAlone(t *testing.T) {
	const way, queue = 50 * time.Millisecond, 20 * time.Millisecond
	w, now := newWindow(), time.Unix(0, 0)
	w.wait(now)
	for i := range 20 { // 240,000 bytes a second, of that half to each
		at := now.Add(way + queue + time.Duration(i)*10*time.Millisecond)
		w.acked(at, packetSize, way, queue)
		w.came(at, packetSize)
	}
	if !w.found || w.rate() < 200e3 || w.rate() > 280e3 || w.base != way {
		t.Errorf("found %v, %.0f bytes a second, a way of %v", w.found, w.rate(), w.base)
	}
}

// What is sent now and then waits behind itself, as on a slower line.
func TestTheRateOfAFullLineIsRecalledAfterAPause(t *testing.T) {
	const way, queue, gap = 50 * time.Millisecond, 20 * time.Millisecond, 17 * time.Millisecond
	w, now := newWindow(), time.Unix(0, 0)
	pipe{rate: 500e3, base: way}.fill(&w, now, 10*time.Second)
	now = now.Add(10 * time.Second)
	before := w.rate()
	for range 2 * probeRounds {
		w.room(now, true) // it has room: little is sent
		w.wait(now)
		for range 10 {
			now = now.Add(gap)
			w.acked(now, packetSize, way, queue)
		}
	}
	if w.rate() > before/2 {
		t.Fatalf("the rate is %.0f still", w.rate())
	}
	now = now.Add(2 * roundPause)
	w.wait(now)
	if w.rate() < 0.9*before || float64(w.size) < 0.9*before*way.Seconds() {
		t.Errorf("the rate is %.0f, of %.0f, the window %d", w.rate(), before, w.size)
	}
}

func TestOfACrowdOneRoundThatSawTooMuchDoesNotCount(t *testing.T) {
	w := newWindow()
	copy(w.rates[:], []float64{500e3, 580e3, 510e3, 490e3})
	if got := w.rate(); got != 580e3 {
		t.Errorf("of one listener after another the rate is %.0f", got)
	}
	w.share(true)
	if got := w.rate(); got != 510e3 {
		t.Errorf("of a crowd it is %.0f", got)
	}
	w.rates = [probeRounds]float64{500e3}
	if got := w.rate(); got != 500e3 {
		t.Errorf("of one round it is %.0f", got)
	}
}

func TestABaselineForgetsAWayThatIsNoMore(t *testing.T) {
	var b baseline
	now := time.Unix(0, 0)
	b.add(now, 20*time.Millisecond)
	for range 3 {
		now = now.Add(baseSpan + time.Second)
		b.add(now, 80*time.Millisecond)
	}
	if got := b.add(now, 90*time.Millisecond); got != 80*time.Millisecond {
		t.Errorf("the round trip without a queue is %v", got)
	}
}
