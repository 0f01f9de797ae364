package schedule

import (
	"testing"
	"time"
)

func TestWhatAPeerWillHaveSoonIsAskedOfItAndAwaited(t *testing.T) {
	b := &bench{t, New(Config{Timeline: track(), Seed: 1, Others: 2}), 0}
	b.add(theServer)
	b.AddSource(0, peerA, Source{Kind: Peer, RTT: 50 * time.Millisecond, Key: 1})
	b.Playhead(0, 0, 0, Playing)
	b.Expect(0, theServer, 0, 1)
	if asked := of(b.step(0), Request, peerA); len(asked) != 0 {
		t.Fatalf("asked before there is anything: %+v", asked)
	}
	b.Promise(0, peerA, 0, 2)
	asked := of(b.step(time.Millisecond), Request, peerA)
	if len(asked) != 2 || asked[0].First != 0 || asked[1].First != 1 || !asked[0].Wait || !asked[1].Wait {
		t.Fatalf("of the promised chunks it is asked for %+v", asked)
	}
	last := b.line.at(1) - lastCall
	for b.now+50*time.Millisecond < last {
		for _, a := range b.step(50 * time.Millisecond) {
			if a.Kind == Request && a.First == 1 {
				t.Fatalf("at %v another is asked too: %+v", b.now, a)
			}
		}
	}
	b.now = last + b.sources[b.find(peerA)].margin()
	if asked := of(b.step(time.Millisecond), Request, theServer); len(asked) != 1 || asked[0].First != 1 {
		t.Errorf("after last call the server is asked for %+v", asked)
	}
}
