package schedule

import (
	"testing"
	"time"

	"earshot/protocol"
)

// refuses has the server say of each run that another is sent it, and returns the requests
// to it in the time.
func (b *bench) refuses(during time.Duration) (asked []Action, at []time.Duration) {
	for end := b.now + during; b.now < end; {
		b.Playhead(b.now, int64(b.line.rate*b.now.Seconds()), 0, Playing)
		for _, a := range of(b.step(10*time.Millisecond), Request, theServer) {
			asked, at = append(asked, a), append(at, b.now)
			b.Failed(b.now, a.ID, Elsewhere)
		}
	}
	return asked, at
}

// ahead returns a State that holds what is near, and begins to ask the server for the rest.
func ahead(t *testing.T) *bench {
	have := protocol.NewBitmap(track().Chunks())
	for i := range track().after(20 * time.Second) {
		have.Set(i)
	}
	b := &bench{t, New(Config{Timeline: track(), Have: have, Seed: 1}), 0}
	b.add(theServer)
	b.Playhead(0, 0, 0, Playing)
	b.step(0)
	b.now += b.rules.Settle
	return b
}

func TestWhatTheServerSendsToAnotherIsLeftToThatOneForAWhile(t *testing.T) {
	b := ahead(t)
	asked, at := b.refuses(passedOnIn - 10*time.Millisecond)
	seen := map[int]bool{}
	for _, a := range asked {
		if seen[a.First] {
			t.Errorf("chunk %d is asked for again", a.First)
		}
		seen[a.First] = true
	}
	if len(asked) < 2 || at[1]-at[0] > 20*time.Millisecond {
		t.Fatalf("the next run is asked for at %v", at)
	}
	again, _ := b.refuses(200 * time.Millisecond)
	if len(again) == 0 || !seen[again[0].First] {
		t.Errorf("after that time it is asked for %+v", again)
	}
}

func TestWhatIsNeededSoonIsAskedOfTheServerThoughItIsElsewhere(t *testing.T) {
	b := &bench{t, New(Config{Timeline: track(), Seed: 1}), 0}
	b.add(theServer)
	b.Playhead(0, 0, 0, Playing)
	b.passes(0, 0, 4)
	for _, c := range []struct {
		slack time.Duration
		want  bool
	}{{Never, true}, {passedOnBy + 1, true}, {passedOnBy, false}, {0, false}} {
		if got := b.elsewhere(0, 2, c.slack); got != c.want {
			t.Errorf("with %v left: %v", c.slack, got)
		}
	}
	asked := of(b.step(time.Millisecond), Request, theServer)
	if len(asked) == 0 || asked[0].First != 0 {
		t.Errorf("asked for: %+v", asked)
	}
}

func TestWhatIsElsewhereIsAskedOfWhoHasIt(t *testing.T) {
	b := ahead(t)
	asked, _ := b.refuses(100 * time.Millisecond)
	if len(asked) == 0 {
		t.Fatal("nothing is asked for")
	}
	b.AddSource(b.now, peerA, Source{Kind: Peer, RTT: 50 * time.Millisecond, Key: 1})
	b.Got(b.now, peerA, asked[0].First, 1)
	got := of(b.step(time.Millisecond), Request, peerA)
	if len(got) != 1 || got[0].First != asked[0].First {
		t.Errorf("asked for: %+v", got)
	}
}

func TestTheAccountOfWhatIsElsewhereIsBounded(t *testing.T) {
	b := ahead(t)
	for i := range 10 * maxPassing {
		b.passes(b.now, i%100, 1)
	}
	if len(b.passing) > maxPassing {
		t.Errorf("it holds %d", len(b.passing))
	}
	b.passes(b.now+2*passedOnIn, 0, 1)
	if len(b.passing) != 1 {
		t.Errorf("of what is over it holds %d", len(b.passing)-1)
	}
}
