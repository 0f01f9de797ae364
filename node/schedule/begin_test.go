package schedule

import (
	"testing"
	"time"
)

// begin returns the State of someone who begins together with others, is being
// sent chunk 0 by the server, and is to take chunk 4.
func begin(t *testing.T) *bench {
	b := &bench{t, New(Config{Timeline: track(), Seed: 1, Others: 5, PartFirst: 4, PartCount: 1}), 0}
	b.add(theServer)
	b.Playhead(0, 0, 0, Playing)
	b.Expect(0, theServer, 0, 1)
	return b
}

func TestThePartOfWhoBeginsIsAskedForAtOnceAndSoonerThanItIsPlayed(t *testing.T) {
	b := begin(t)
	asked := of(b.step(0), Request, theServer)
	if len(asked) == 0 || asked[0].First != 4 {
		t.Fatalf("asked for %+v", asked)
	}
	if want := b.line.at(4) - Spread; asked[0].Within != want {
		t.Errorf("it is needed within %v, want %v", asked[0].Within, want)
	}
}

func TestWhoBeginsWithOthersAsksTheServerForTheirPartsAtTheLastCall(t *testing.T) {
	b := begin(t)
	second := b.line.at(1)
	for b.now < second {
		heard := int64(b.line.rate * b.now.Seconds()) // while it comes
		b.Playhead(b.now, heard+1000, b.line.atOffset(heard+1000)-b.line.atOffset(heard), Playing)
		for _, a := range b.step(10 * time.Millisecond) {
			if a.Kind == Request && a.First == 1 {
				if left := b.slack(b.now, 1); left > lastCall {
					t.Errorf("asked %v before it is needed", left)
				}
				return
			}
		}
	}
	t.Error("it was not asked for in time")
}

func TestWhatAPlayerHasInHandIsTimeToFetchTheNext(t *testing.T) {
	const ahead = time.Second
	b := newBench(t, Playing, theServer)
	for c := range 3 {
		b.Arrived(b.now, c)
	}
	b.Playhead(b.now, 3<<14, ahead, Playing)
	if got, want := b.slack(b.now, 3), ahead; got != want {
		t.Errorf("the next chunk is needed within %v, want %v", got, want)
	}
	b.now += ahead / 2
	b.Playhead(b.now, 3<<14, ahead/2, Playing)
	if got, want := b.slack(b.now, 3), ahead/2; got != want {
		t.Errorf("the next chunk is needed within %v, want %v", got, want)
	}
}

func TestWhatComesBehindAGapIsNotNeededBeforeIt(t *testing.T) {
	b := newBench(t, Playing, theServer)
	b.Playhead(b.now, 0, 0, Playing)
	b.now += 10 * time.Second // nothing has come, nothing sounds
	if got, want := b.slack(b.now, 1), b.line.at(1); got != want {
		t.Errorf("the second chunk is needed within %v, want %v", got, want)
	}
}

// The least head of a track of a high bitrate has several chunks: each is asked of
// whoever has it first, though the server is sending it.
func TestALeastHeadIsAskedOfPeersToo(t *testing.T) {
	const chunks = 3 // 0.4 s
	for _, c := range []struct {
		others int
		head   int
		peers  bool
	}{
		{others: 5, head: chunks, peers: true},
		{others: 0, head: chunks, peers: false}, // nobody else waits for the server
		{others: 5, head: 30, peers: false},     // the server is idle
	} {
		b := &bench{t, New(Config{Timeline: NewTimeline(header(900_000, 60*time.Second)), Seed: 1, Others: c.others}), 0}
		b.add(theServer)
		b.Playhead(0, 0, 0, Playing)
		b.Expect(0, theServer, 0, c.head)
		b.add(1)
		asked := of(b.step(0), Request, 1)
		if got := len(asked) > 0 && asked[0].First == 0; got != c.peers {
			t.Errorf("%d others, a head of %d chunks: asked of the peer %+v, want %v", c.others, c.head, asked, c.peers)
		}
	}
}
