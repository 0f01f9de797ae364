package swarm

import (
	"testing"
	"time"

	"earshot/protocol"
)

func TestWhatWasJustSentToOneWaitsForTheNext(t *testing.T) {
	var e echoes
	now, id := time.Unix(1e9, 0), protocol.ID{1}
	for i := range 4 {
		if got, want := e.wait(now, protocol.NodeID{1}, id, 7), time.Duration(i)*echoWait; got != want {
			t.Errorf("number %d waits %v, want %v", i, got, want)
		}
	}
	if got := e.wait(now, protocol.NodeID{1}, id, 8); got != 0 {
		t.Errorf("for another chunk one waits %v", got)
	}
	if got := e.wait(now.Add(echoFor+1), protocol.NodeID{1}, id, 7); got != 0 {
		t.Errorf("long after one waits %v", got)
	}
}

func TestTheAccountOfWhatWasSentIsBounded(t *testing.T) {
	var e echoes
	now := time.Unix(1e9, 0)
	for i := range 10 * maxEchoes {
		e.wait(now, protocol.NodeID{1}, protocol.ID{2}, i)
	}
	if len(e.sent) > 2*maxEchoes {
		t.Errorf("it holds %d", len(e.sent))
	}
	e.wait(now.Add(2*passedOnIn), protocol.NodeID{1}, protocol.ID{2}, 0)
	if len(e.sent) > 1 {
		t.Errorf("of what was sent long ago it holds %d", len(e.sent))
	}
}

func TestWhatAnotherIsSentIsElsewhereForThoseWhoCanWait(t *testing.T) {
	id, taker, asker := protocol.ID{1}, protocol.NodeID{1}, protocol.NodeID{2}
	for name, test := range map[string]struct {
		to, asker protocol.NodeID
		chunk     int
		within    time.Duration // that it is needed in; 0: it is not known
		after     time.Duration
		want      bool
	}{
		"far ahead":                 {taker, asker, 7, 20 * time.Second, time.Second, true},
		"in no hurry":               {taker, asker, 7, 0, time.Second, true},
		"needed soon":               {taker, asker, 7, canWait - 1, time.Second, false},
		"another chunk":             {taker, asker, 8, 0, time.Second, false},
		"long after":                {taker, asker, 7, 0, passedOnIn, false},
		"asked again":               {taker, taker, 7, 0, time.Second, false},
		"who had it shares nothing": {protocol.NodeID{}, asker, 7, 0, time.Second, false},
	} {
		var e echoes
		now := time.Unix(1e9, 0)
		e.wait(now, test.to, id, 7)
		if got := e.elsewhere(now.Add(test.after), test.asker, id, test.chunk, test.within); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
