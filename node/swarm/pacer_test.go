package swarm

import (
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

func TestAnOldRoundTripSaysNothingOfTheQueue(t *testing.T) {
	const base, queue = 80 * time.Millisecond, 40 * time.Millisecond
	var p path
	for i, rtt := range []time.Duration{base, base, base, base + queue, base + queue + time.Millisecond} {
		p.add(time.Duration(i)*300*time.Millisecond, rtt)
	}
	if got := p.queue(350 * time.Millisecond); got != queue {
		t.Errorf("of the last 350 ms the queue is %v, want %v", got, queue)
	}
	if got := p.queue(time.Second); got != 0 {
		t.Errorf("of the last second it is %v", got)
	}
}

// TestWhoComesIsSeenOnThePathsThatTell: one that waits for its next request tells of the
// line as it was, and a queue that one path has alone is not the line's.
func TestWhoComesIsSeenOnThePathsThatTell(t *testing.T) {
	const base, queue, now = 80 * time.Millisecond, 60 * time.Millisecond, 10 * time.Second
	seen := func(rtt time.Duration, ago ...time.Duration) *path {
		p := new(path)
		p.add(0, base)
		for _, ago := range ago {
			p.add(now-ago*time.Millisecond, rtt)
		}
		return p
	}
	for name, test := range map[string]struct {
		paths []*path
		want  time.Duration
	}{
		"of two":                    {[]*path{seen(base+queue, 30), seen(base+queue, 10)}, queue},
		"beside one that is silent": {[]*path{seen(base, 120, 90), seen(base+queue, 30, 10)}, queue},
		"by one sample":             {[]*path{seen(base, 120, 90), seen(base+queue, 10)}, 0},
		"on one of two":             {[]*path{seen(base, 40, 20), seen(base+queue, 30, 10)}, 0},
	} {
		if s, ok := viewOf(test.paths, now, pathFresh, quickFor); !ok || s.quick != test.want {
			t.Errorf("%s: the queue is %v, want %v", name, s.quick, test.want)
		}
	}
}

func TestTheOtherSidesOwnWordsAreNoRoundTrip(t *testing.T) {
	const rtt, wobble = 80 * time.Millisecond, 3 * time.Millisecond
	var p pacedPath
	first := quic.ConnectionStats{PacketsReceived: 7, LatestRTT: rtt, SmoothedRTT: rtt, MeanDeviation: wobble}
	if !p.answered(first) {
		t.Error("a first round trip is none")
	}
	words := first
	words.PacketsReceived++
	if p.answered(words) {
		t.Error("a request of theirs is a round trip")
	}
	answer := words
	answer.PacketsReceived++
	answer.MeanDeviation -= wobble / 4 // the same round trip again
	if !p.answered(answer) {
		t.Error("an acknowledgement is no round trip")
	}
	steady := quic.ConnectionStats{PacketsReceived: 20, LatestRTT: rtt, SmoothedRTT: rtt}
	p.answered(steady)
	steady.PacketsReceived++
	if !p.answered(steady) {
		t.Error("where all round trips are the same there is none")
	}
}

func TestWhatIsSentAtOnceMayWaitForItself(t *testing.T) {
	g := newGovernor()
	const pair = 2 * packetData
	if got := g.target(pair); got != pieceMost {
		t.Errorf("on a line that is not known %v are allowed", got)
	}
	for _, test := range []struct {
		mbit float64
		want time.Duration
	}{
		{0.1, pieceMost},
		{2, pair * 8 * pieceSlack * time.Second / 2e6},
		{50, governorTarget},
	} {
		g.most = test.mbit * 1e6 / 8
		if got := g.target(pair); got.Round(time.Microsecond) != test.want.Round(time.Microsecond) {
			t.Errorf("for two packets at %v Mbit/s %v are allowed, want %v", test.mbit, got, test.want)
		}
	}
}
