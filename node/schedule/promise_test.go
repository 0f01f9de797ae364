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

// begins returns a State that begins, with the server and two peers; peerA sends the first
// chunk as it comes there.
func begins(t *testing.T) (b *bench, coming RequestID) {
	b = &bench{t, New(Config{Timeline: track(), Seed: 1, Others: 1}), 0}
	b.add(theServer)
	b.Playhead(0, 0, 0, Playing)
	for _, id := range []SourceID{peerA, peerB} {
		b.AddSource(0, id, Source{Kind: Peer, RTT: 80 * time.Millisecond, Key: uint64(id)})
	}
	return b, b.Expect(0, peerA, 0, 1)
}

func TestOfThoseWhoSendTheStartAsItComesTheFirstWhoseSliceIsHereIsKept(t *testing.T) {
	b, coming := begins(t)
	second := b.Expect(0, peerB, 0, 1)
	if second == 0 {
		t.Fatal("of two who send it one is not counted")
	}
	b.Progress(b.now, second, protocol.SliceSize)
	b.Sliced(b.now, second)
	cancelled := of(b.step(time.Millisecond), Cancel, 0)
	if len(cancelled) != 1 || cancelled[0].ID != coming {
		t.Errorf("cancelled: %+v", cancelled)
	}
}

func TestAThirdWhoSendsTheStartNowTakesThePlaceOfOneWhoHasNotBegun(t *testing.T) {
	for name, come := range map[string]int{"both have not": 0, "the server has": protocol.SliceSize / 2} {
		b := &bench{t, New(Config{Timeline: track(), Seed: 1, Others: 2}), 0}
		b.add(theServer)
		b.Playhead(0, 0, 0, Playing)
		head := b.Expect(0, theServer, 0, 1)
		b.AddSource(0, peerA, Source{Kind: Peer, RTT: 80 * time.Millisecond, Key: 1})
		b.AddSource(0, peerB, Source{Kind: Peer, RTT: 80 * time.Millisecond, Key: 2})
		b.Promise(0, peerB, 0, 1)
		asked := of(b.step(time.Millisecond), Request, peerB)
		if len(asked) != 1 || asked[0].First != 0 || !asked[0].Wait {
			t.Fatalf("asked for: %+v", asked)
		}
		b.Progress(b.now, head, come)
		if b.Expect(b.now, peerA, 0, 1) == 0 {
			t.Fatal("the third is not counted")
		}
		cancelled := of(b.step(time.Millisecond), Cancel, 0)
		if len(cancelled) != 1 || come > 0 && cancelled[0].ID != asked[0].ID {
			t.Errorf("%s: cancelled: %+v", name, cancelled)
		}
	}
}

func TestWhatTheServerTellsLaterCountsFromThen(t *testing.T) {
	b, _ := begins(t)
	if asked := of(b.step(time.Millisecond), Request, theServer); len(asked) != 0 {
		t.Fatalf("who begins with others asks the server for %+v", asked)
	}
	const part = 7
	b.Told(b.now, 3, part, 1)
	asked := of(b.step(time.Millisecond), Request, theServer)
	if len(asked) != 1 || asked[0].First != part || asked[0].Count != 1 {
		t.Errorf("of its part it asks the server for %+v", asked)
	}
}

func TestWhoFallsSilentBehindASliceOfTheStartIsMadeUpForByTheServer(t *testing.T) {
	b, coming := begins(t)
	b.now = 100 * time.Millisecond
	b.Progress(b.now, coming, protocol.SliceSize)
	b.Sliced(b.now, coming)
	for began := b.now; b.now-began < lastCall; {
		b.Playhead(b.now, int64(b.line.rate*min(b.now-began, b.line.atOffset(protocol.SliceSize)).Seconds()), 0, Playing)
		if asked := of(b.step(10*time.Millisecond), Request, theServer); len(asked) > 0 && asked[0].First == 0 {
			return
		}
	}
	t.Errorf("the server is not asked within %v", lastCall)
}
