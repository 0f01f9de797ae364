package schedule

import (
	"testing"
	"time"

	"earshot/protocol"
)

func TestASourceThatGoesIsReplacedAtOnce(t *testing.T) {
	for name, end := range map[string]func(b *bench, a Action){
		"removed":      func(b *bench, a Action) { b.RemoveSource(b.now, peerA) },
		"disconnected": func(b *bench, a Action) { b.Failed(b.now, a.ID, Disconnected) },
		"unwilling":    func(b *bench, a Action) { b.Failed(b.now, a.ID, Unwilling) },
		"corrupt":      func(b *bench, a Action) { b.Failed(b.now, a.ID, Corrupt) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Playing, peerA)
			first := of(b.step(0), Request, peerA)
			b.add(peerB)
			b.Progress(b.now, first[0].ID, 1000)
			end(b, first[0])
			a := of(b.step(0), Request, peerB)
			if len(a) == 0 || a[0].First != first[0].First {
				t.Errorf("asked %+v of the other, want from chunk %d on", a, first[0].First)
			}
		})
	}
}

func TestASourceThatRefusesIsAskedAgainButNotAtOnce(t *testing.T) {
	b := newBench(t, Playing, peerA)
	var gaps []time.Duration
	for range 5 {
		a := of(b.step(0), Request, peerA)
		for _, r := range a {
			b.Failed(b.now, r.ID, Busy)
		}
		asked := b.now
		for len(of(b.step(10*time.Millisecond), Request, peerA)) == 0 {
			if b.now > asked+10*time.Second {
				t.Fatal("never asked again")
			}
		}
		for _, r := range b.requests {
			b.Failed(b.now, r.id, Busy)
		}
		gaps = append(gaps, b.now-asked)
		b.now = b.sources[0].until
	}
	if gaps[0] < busyBackoff/2 {
		t.Errorf("asked again after %v", gaps[0])
	}
	if gaps[len(gaps)-1] < 4*gaps[0] {
		t.Errorf("the backoff does not grow: %v", gaps)
	}
}

func TestACorruptSourceIsNeverAskedAgain(t *testing.T) {
	b := newBench(t, Playing, peerA)
	b.Failed(b.now, of(b.step(0), Request, peerA)[0].ID, Corrupt)
	b.RemoveSource(b.now, peerA)
	b.add(peerA)
	for range 60 {
		if a := of(b.step(time.Second), Request, peerA); len(a) > 0 {
			t.Fatalf("asked %+v", a)
		}
	}
}

func TestAShortAnswerStrikesWhatWasNotBrought(t *testing.T) {
	b := newBench(t, Playing, theServer, peerA)
	for c := range 8 { // peers first
		b.Arrived(b.now, c)
	}
	a := of(b.step(0), Request, peerA)[0]
	b.Progress(b.now, a.ID, protocol.ChunkSize)
	b.Arrived(b.now, a.First)
	b.Finished(b.now, a.ID)
	for c := a.First + 1; c < a.First+a.Count; c++ {
		if b.sources[b.find(peerA)].holds(c) {
			t.Errorf("chunk %d is still taken for held", c)
		}
	}
}

func TestAHaveMapOfAnotherSizeHoldsNothing(t *testing.T) {
	for name, change := range map[string]func(have protocol.Bitmap) protocol.Bitmap{
		"shorter":                func(have protocol.Bitmap) protocol.Bitmap { return have[:len(have)-1] },
		"longer":                 func(have protocol.Bitmap) protocol.Bitmap { return append(have, 0xff) },
		"chunks behind the last": func(have protocol.Bitmap) protocol.Bitmap { have[len(have)-1] = 0xff; return have },
	} {
		t.Run(name, func(t *testing.T) {
			line := NewTimeline(header(192_000, 61*time.Second)) // of 90 chunks
			b := &bench{t, New(Config{Timeline: line, Seed: 1}), 0}
			b.add(peerA)
			b.Playhead(0, 0, 0, Playing)
			if line.Chunks()%8 == 0 {
				t.Fatal("no chunk can be behind the last")
			}
			b.SetHave(0, peerA, change(protocol.FullBitmap(line.Chunks())))
			if asked := of(b.step(0), Request, peerA); len(asked) > 0 {
				t.Errorf("it is asked for %+v", asked)
			}
		})
	}
}
