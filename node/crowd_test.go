package node

import (
	"testing"
	"time"
)

func TestNewProcessesThatBeginTogetherPassTheStartOn(t *testing.T) {
	for name, known := range map[string]bool{"from a server that knows its line": true, "from one that does not": false} {
		t.Run(name, func(t *testing.T) {
			track := newLabTrack(1, 20*time.Second, 192_000)
			labWith(withUp(serverLine, 2e6), track).run(t, func(t *testing.T, l *lab) {
				nodes := l.restarted(12, homeLine, known)
				defer closeAll(nodes)
				all, copies := l.hearAll(nodes, track, 0)
				passedOn(t, all, copies)
			})
		})
	}
}

func passedOn(t *testing.T, all []heard, copies float64) {
	latest := time.Duration(0)
	for i, h := range all {
		if h.err != nil {
			t.Errorf("listener %d: %v", i, h.err)
		}
		latest = max(latest, h.latency)
	}
	t.Logf("%.2f copies, the last begins after %v, silence %v", copies, latest, silenceOf(all))
	if latest > 600*time.Millisecond {
		t.Errorf("the last begins after %v", latest)
	}
	if copies > 3 {
		t.Errorf("the server sends %.2f copies", copies)
	}
}

func silenceOf(all []heard) (sum time.Duration) {
	for _, h := range all {
		sum += h.silence
	}
	return sum
}
