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
		if got, want := e.wait(now, id, 7), time.Duration(i)*echoWait; got != want {
			t.Errorf("number %d waits %v, want %v", i, got, want)
		}
	}
	if got := e.wait(now, id, 8); got != 0 {
		t.Errorf("for another chunk one waits %v", got)
	}
	if got := e.wait(now.Add(echoFor+1), id, 7); got != 0 {
		t.Errorf("long after one waits %v", got)
	}
}

func TestTheAccountOfWhatWasSentIsBounded(t *testing.T) {
	var e echoes
	now := time.Unix(1e9, 0)
	for i := range 10 * maxEchoes {
		e.wait(now, protocol.ID{2}, i)
	}
	if len(e.sent) > 2*maxEchoes {
		t.Errorf("it holds %d", len(e.sent))
	}
	e.wait(now.Add(2*echoFor), protocol.ID{2}, 0)
	if len(e.sent) > 1 {
		t.Errorf("of what was sent long ago it holds %d", len(e.sent))
	}
}
