package node

import (
	"testing"
	"time"
)

func TestNewProcessesThatBeginTogetherPassTheStartOn(t *testing.T) {
	for name, test := range map[string]struct {
		known bool          // the server knows its line
		late  time.Duration // and takes so long to look up a proof tree
	}{
		"from a server that knows its line": {known: true},
		"from one that does not":            {},
		"from one whose disk is slow":       {known: true, late: 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			track := newLabTrack(1, 20*time.Second, 192_000)
			track.late = test.late
			labWith(withUp(serverLine, 2e6), track).run(t, func(t *testing.T, l *lab) {
				nodes := l.restarted(12, homeLine, test.known)
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
