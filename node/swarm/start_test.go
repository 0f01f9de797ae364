package swarm

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// opensToWait asks for the first chunk of a track as it comes to the other side.
func opensToWait(t *testing.T, c *Conn, id protocol.ID) (*Opening, error) {
	return c.Open(t.Context(), &protocol.Open{ID: id, Head: time.Second, Wait: true})
}

func TestWhoBeginsTooGivesTheStartAsItComes(t *testing.T) {
	for name, seconds := range map[string]int{"a song": 8, "a night": 24_000} { // whose header fills no buffer
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, near, s, stop := unrolling(t)
				defer stop()
				for len(s.header.Seek) < seconds {
					s.header.Seek = append(s.header.Seek, s.header.Size)
				}
				s.header.Duration = time.Duration(seconds) * time.Second
				const pause = 300 * time.Millisecond
				began := time.Now()
				for k := range 4 {
					time.AfterFunc(time.Duration(k+1)*pause, func() { s.comes(near) })
				}
				o, err := opensToWait(t, c, s.id())
				if err != nil {
					t.Fatal(err)
				}
				defer o.Head.Close()
				tree := protocol.NewTree(s.id(), o.Header.Size)
				if o.HeadFirst != 0 || o.HeadCount != 1 || !tree.Add(0, o.Proven, o.Path) || !tree.AddSlices(0, o.Slices) {
					t.Fatalf("head %d+%d, %d proven, %d bytes of slices", o.HeadFirst, o.HeadCount, o.Proven, len(o.Slices))
				}
				b := make([]byte, protocol.SliceSize)
				for k := range 4 {
					if _, err := io.ReadFull(o.Head, b); err != nil || !tree.VerifySlice(0, k, b) {
						t.Fatalf("slice %d: %v", k, err)
					}
					if took, came := time.Since(began), time.Duration(k+1)*pause; took < came || took > came+2*c.RTT() {
						t.Errorf("slice %d is here after %v, it came after %v", k, took, came)
					}
				}
			})
		})
	}
}

func TestWhoBeganAMomentAgoGivesTheFirstChunkAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, s, stop := unrolling(t)
		defer stop()
		s.mu.Lock()
		s.have.Set(0)
		s.mu.Unlock()
		asked := time.Now()
		o, err := opensToWait(t, c, s.id())
		if err != nil {
			t.Fatal(err)
		}
		defer o.Head.Close()
		b, err := io.ReadAll(o.Head)
		tree := protocol.NewTree(s.id(), o.Header.Size)
		if err != nil || !tree.Add(0, 1, o.Path) || !tree.Verify(0, b) || time.Since(asked) > 2*c.RTT() {
			t.Errorf("%d bytes after %v, %v", len(b), time.Since(asked), err)
		}
	})
}

func TestWhoIsAskedForAStartThatDoesNotComeRefuses(t *testing.T) {
	held := newBook(1, 4)
	for name, test := range map[string]struct {
		id     protocol.ID
		share  bool
		code   protocol.Code
		within time.Duration
	}{
		"it holds the track":      {held.id(), true, protocol.CodeNotFound, 0},
		"nobody opens it there":   {protocol.ID{1}, true, protocol.CodeNotFound, opening},
		"it shares nothing":       {held.id(), false, protocol.CodeNotSharing, 0},
		"nothing of it ever come": {newBook(2, 4).id(), true, protocol.CodeNotFound, awaited},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t)
				defer w.net.Close()
				empty := &scroll{book: newBook(2, 4)}
				empty.have = protocol.NewBitmap(4)
				near := w.node(shelve(held), func(c *Config) { c.NoUpload = !test.share })
				far := w.node(nil, nil)
				defer near.Close()
				defer far.Close()
				defer near.Watch(empty.id(), coming{s: empty})()
				c := w.neighbour(far, near)
				asked := time.Now()
				_, err := opensToWait(t, c, test.id)
				refused := (*protocol.Refused)(nil)
				took := time.Since(asked)
				if !errors.As(err, &refused) || refused.Code != test.code || took < test.within || took > test.within+2*c.RTT() {
					t.Errorf("after %v: %v", took, err)
				}
				if near.waiting.Load() != 0 {
					t.Error("it is still waited for")
				}
				for range uploadSlots {
					if !near.uploads.try() {
						t.Error("it keeps a slot")
					}
				}
			})
		})
	}
}

// What a home's uplink carries first is what lets one more begin.
func TestWhoHasNothingOfAStartYetGoesBeforeWhoHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newTown(t), &scroll{book: newBook(1, 8), come: 4}
		defer w.net.Close()
		s.have = protocol.NewBitmap(8)
		near := w.node(nil, func(c *Config) { c.UploadCap = func() int64 { return 50_000 } })
		defer near.Close()
		defer near.Watch(s.id(), coming{s: s})()
		const askers = 3
		var first, whole [askers]time.Duration
		began := make(chan struct{})
		done := make(chan struct{})
		for i := range askers {
			n := w.node(nil, nil)
			defer n.Close()
			c := w.neighbour(n, near)
			go func() {
				defer func() { done <- struct{}{} }()
				<-began
				o, err := opensToWait(t, c, s.id())
				if err != nil {
					t.Error(err)
					return
				}
				defer o.Head.Close()
				asked := time.Now()
				io.CopyN(io.Discard, o.Head, protocol.SliceSize)
				first[i] = time.Since(asked)
				io.Copy(io.Discard, o.Head)
				whole[i] = time.Since(asked)
			}()
		}
		s.mu.Lock()
		s.come = 0
		s.mu.Unlock()
		close(began)
		time.Sleep(100 * time.Millisecond)
		for range 4 {
			s.comes(near)
			time.Sleep(10 * time.Millisecond)
		}
		for range askers {
			<-done
		}
		for i := range askers {
			for j := range askers {
				if first[i] > whole[j] {
					t.Errorf("one begins after %v, when another has had all after %v", first[i], whole[j])
				}
			}
		}
	})
}
