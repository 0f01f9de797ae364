package schedule

import (
	"testing"
	"time"

	"earshot/protocol"
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

// Two who dial one another keep one of the two connections, and what was asked for on the
// other is lost.
func TestWhatAPromiseLosesIsAskedForAgainThoughTheServerSendsIt(t *testing.T) {
	b := &bench{t, New(Config{Timeline: track(), Seed: 1, Others: 2}), 0}
	b.add(theServer)
	b.Playhead(0, 0, 0, Playing)
	b.Expect(0, theServer, 0, 1)
	b.AddSource(0, peerA, Source{Kind: Peer, RTT: 50 * time.Millisecond, Key: 1})
	b.Promise(0, peerA, 0, 2)
	if asked := of(b.step(time.Millisecond), Request, peerA); len(asked) != 2 {
		t.Fatalf("of the promised chunks it is asked for %+v", asked)
	}
	const again = peerA + 100
	b.AddSource(b.now, again, Source{Kind: Peer, RTT: 50 * time.Millisecond, Key: 1})
	b.Promise(b.now, again, 0, 2)
	b.RemoveSource(b.now, peerA)
	asked := of(b.step(time.Millisecond), Request, again)
	if len(asked) != 2 || asked[0].First != 0 || asked[1].First != 1 {
		t.Errorf("on the connection that is left it is asked for %+v", asked)
	}
}

func TestAThinHeadIsTakenBackWhenAPeersChunkCanBePlayedAsItComes(t *testing.T) {
	for _, c := range []struct {
		name         string
		others, head int
		came         int // bytes of the head
		want         bool
	}{
		{"it has brought less", 2, 1, protocol.SliceSize / 2, true},
		{"it has brought more", 2, 1, 2 * protocol.SliceSize, false},
		{"the server is idle", 2, 30, 0, false},
		{"nobody else waits for the server", 0, 1, 0, false},
	} {
		b := &bench{t, New(Config{Timeline: track(), Seed: 1, Others: c.others}), 0}
		b.add(theServer)
		b.Playhead(0, 0, 0, Playing)
		head := b.Expect(0, theServer, 0, c.head)
		b.Progress(0, head, c.came)
		b.AddSource(0, peerA, Source{Kind: Peer, RTT: 50 * time.Millisecond, Key: 1})
		b.Promise(0, peerA, 0, 2)
		for _, a := range of(b.step(time.Millisecond), Request, peerA) {
			if a.First == 0 {
				b.Progress(b.now, a.ID, protocol.SliceSize)
				b.Sliced(b.now, a.ID)
			}
		}
		taken := false
		for _, a := range b.step(time.Millisecond) {
			taken = taken || a.Kind == Cancel && a.ID == head
		}
		if taken != c.want {
			t.Errorf("%s: taken back %v, want %v", c.name, taken, c.want)
		}
	}
}

func TestWhoFallsSilentBehindASliceIsMadeUpForByTheServerAtLastCall(t *testing.T) {
	b := &bench{t, New(Config{Timeline: track(), Seed: 1, Others: 2}), 0}
	b.add(theServer)
	b.Playhead(0, 0, 0, Playing)
	b.Expect(0, theServer, 0, 1)
	b.AddSource(0, peerA, Source{Kind: Peer, RTT: 80 * time.Millisecond, Key: 1})
	b.Promise(0, peerA, 0, 2)
	const answers = 100 * time.Millisecond
	for _, a := range of(b.step(time.Millisecond), Request, peerA) {
		if a.First == 0 {
			b.now += answers
			b.Progress(b.now, a.ID, protocol.SliceSize)
			b.Sliced(b.now, a.ID)
		}
	}
	slice := b.line.atOffset(protocol.SliceSize)
	for began := b.now; b.now-began < lastCall; {
		heard := int64(b.line.rate * min(b.now-began, slice).Seconds())
		b.Playhead(b.now, heard, 0, Playing)
		if asked := of(b.step(10*time.Millisecond), Request, theServer); len(asked) > 0 && asked[0].First == 0 {
			return
		}
	}
	t.Errorf("the server, whose head was called off, is not asked within %v", lastCall)
}
