package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// spoken takes what an outbox has to say, in words.
func spoken(t *testing.T, o *outbox) (all []string) {
	t.Helper()
	b, err := o.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := protocol.NewReader(bytes.NewReader(b))
	for {
		m, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		switch m := m.(type) {
		case *protocol.Got:
			all = append(all, fmt.Sprintf("got %d %d+%d", m.ID[0], m.First, m.Count))
		case *protocol.Lost:
			all = append(all, fmt.Sprintf("lost %d", m.ID[0]))
		case *protocol.Have:
			all = append(all, fmt.Sprintf("have %d", m.ID[0]))
		default:
			t.Fatalf("%v, %v", m, err)
		}
	}
}

func newOutbox(known func(protocol.ID, int) bool) *outbox {
	o := new(outbox)
	if known == nil {
		known = func(protocol.ID, int) bool { return false }
	}
	o.init(known)
	return o
}

func TestNeighbouringChunksBecomeOneGot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(nil)
		go func() {
			for _, i := range []int{4, 5, 6, 9, 10} {
				o.got(protocol.ID{1}, i, 1, false)
				time.Sleep(gatherFor / 8)
			}
			o.got(protocol.ID{2}, 11, 1, false)
		}()
		if got, want := spoken(t, o), []string{"got 1 4+3", "got 1 9+2", "got 2 11+1"}; !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}

func TestAGotNeverPassesALost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(nil)
		o.got(protocol.ID{1}, 0, 1, false)
		o.say(&protocol.Lost{ID: protocol.ID{1}})
		o.got(protocol.ID{1}, 1, 1, false)
		began := time.Now()
		if got, want := spoken(t, o), []string{"got 1 0+1", "lost 1", "got 1 1+1"}; !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
		if time.Since(began) > 0 {
			t.Error("what should not wait did")
		}
	})
}

func TestWhatTheOtherSideHasGotMeanwhileIsNotSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(func(_ protocol.ID, i int) bool { return i == 2 || i == 3 })
		o.got(protocol.ID{1}, 0, 6, false)
		o.got(protocol.ID{1}, 2, 2, false)
		if got, want := spoken(t, o), []string{"got 1 0+2", "got 1 4+2"}; !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}

func TestANeighbourThatDoesNotListenCostsBoundedMemory(t *testing.T) {
	for name, speak := range map[string]func(o *outbox, i int){
		"have maps": func(o *outbox, _ int) {
			o.say(&protocol.Have{Size: 1000 * protocol.ChunkSize, Chunks: protocol.FullBitmap(1000)})
		},
		"chunks": func(o *outbox, i int) { o.got(protocol.ID{byte(i)}, 2*i, 1, false) },
	} {
		o := newOutbox(nil)
		for i := range 50_000 {
			speak(o, i)
		}
		if len(o.said) > 2*maxSaid || len(o.gots) > maxGots {
			t.Errorf("%s: %d bytes and %d chunks have gathered", name, len(o.said), len(o.gots))
		}
		if _, err := o.next(t.Context()); !errors.Is(err, errTooSlow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
