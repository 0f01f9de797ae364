package schedule

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot/protocol"
)

// firstPlay plays a track over a line of which nothing is known before, as a stream
// does, and returns how long it waited, and whether it ran dry.
func firstPlay(line *Timeline, rate func(time.Duration) float64, seed uint64) (waited time.Duration, dry bool) {
	const step = 20 * time.Millisecond
	var flow Throughput
	flow.Busy(0, true)
	have := protocol.NewBitmap(line.Chunks())
	got, sent, playing, again := 0, 0.0, false, time.Duration(0)
	for now := 50 * time.Millisecond; got < int(line.size); now += step {
		for sent += rate(now) * step.Seconds(); sent >= packet; sent -= packet {
			got = min(got+packet, int(line.size))
			flow.Arrived(now, packet)
		}
		for c := range got / protocol.ChunkSize {
			have.Set(c)
		}
		switch {
		case playing && now-waited > line.atOffset(int64(got)):
			return waited, true
		case !playing && got >= leastBurst && now >= again:
			rest := Rest{Line: line, Have: have, Partly: got % protocol.ChunkSize, Alone: true}
			wait, _ := flow.Wait(now, rest, seed+uint64(now))
			waited, playing = now, wait == 0
			again = now + max(min(wait/8, now/8, time.Second), period)
		}
	}
	return waited, false
}

// comesAndGoes is a line that changes every half a second to two, between nearly
// nothing and twice the bitrate; a tenth more than that in the mean.
func comesAndGoes(line *Timeline, seed uint64) func(time.Duration) float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	rate, until := 0.0, time.Duration(0)
	return func(now time.Duration) float64 {
		for now >= until {
			rate = []float64{0.07, 0.44, 0.88, 1.33, 2, 2}[rng.IntN(6)] * line.rate
			until += 500*time.Millisecond + time.Duration(rng.Int64N(int64(1500*time.Millisecond)))
		}
		return rate
	}
}

func TestALineThatComesAndGoesIsNotBegunOnInAGoodSpell(t *testing.T) {
	line := NewTimeline(header(192_000, 120*time.Second))
	const plays = 40
	var waits []time.Duration
	dry := 0
	for seed := range uint64(plays) {
		waited, ranDry := firstPlay(line, comesAndGoes(line, seed), seed)
		waits = append(waits, waited)
		if ranDry {
			dry++
		}
	}
	slices.Sort(waits)
	if dry > plays/20 {
		t.Errorf("of %d plays %d ran dry", plays, dry)
	}
	if half := waits[plays/2]; half > 10*time.Second {
		t.Errorf("half of them waited %v", half)
	}
}

func TestALineThatStaysAsItIsIsBelievedAfterAWhile(t *testing.T) {
	line := NewTimeline(header(192_000, 120*time.Second))
	for _, c := range []struct {
		times       float64 // the bitrate
		least, most time.Duration
	}{
		{1.1, 3 * time.Second, 7 * time.Second},
		{1.5, 3 * time.Second, 7 * time.Second},
		{2, 2 * time.Second, 5 * time.Second},
		{3.1, 0, time.Second},
	} {
		waited, dry := firstPlay(line, steady(c.times*line.rate), 1)
		if dry || waited < c.least || waited > c.most {
			t.Errorf("at %v times the bitrate it begins after %v (ran dry: %v), want %v to %v", c.times, waited, dry, c.least, c.most)
		}
	}
}

func TestAPacketLostIsNoSpell(t *testing.T) {
	line := NewTimeline(header(192_000, 120*time.Second))
	for _, c := range []struct {
		lull        time.Duration // that nothing comes, before what was missed does
		least, most time.Duration // that is waited
	}{{100 * time.Millisecond, 0, 200 * time.Millisecond}, {time.Second, time.Second, longest}} {
		lulls := func(now time.Duration) float64 { // of two seconds
			switch at := now - 500*time.Millisecond; {
			case at < 0 || at > c.lull+20*time.Millisecond:
				return 5 * line.rate
			case at < c.lull:
				return 0
			default:
				return 5 * line.rate * c.lull.Seconds() / 0.02
			}
		}
		flow, now := arriving(lulls, 2*time.Second)
		wait, _ := flow.Wait(now, fromStart(line, 0), 1)
		if wait < c.least || wait > c.most {
			t.Errorf("after a lull of %v it waits %v", c.lull, wait)
		}
	}
}
