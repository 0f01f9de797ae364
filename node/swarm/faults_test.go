package swarm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"earshot/protocol"
)

// attacked puts a hostile member and a well-behaved neighbour at a node that holds
// a track. After the attack the neighbour must be served as before.
func attacked(t *testing.T, attack func(t *testing.T, n *Swarm, h *hostile, b *book)) {
	book := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(shelve(book), nil)
		defer n.Close()
		friend := w.node(nil, nil)
		defer friend.Close()
		c := w.neighbour(friend, n)
		h := w.hostile(n)
		attack(t, n, h, book)
		if got := fetch(t, c, book, 0, 8); got != len(book.data) {
			t.Errorf("afterwards a neighbour got %d bytes", got)
		}
		h.close()
		time.Sleep(time.Minute) // all timeouts are over
		if held := book.readers(); held != 0 {
			t.Errorf("%d readers hold the track for ever", held)
		}
		if free := freeSlots(n); free != uploadSlots {
			t.Errorf("%d upload slots are left", free)
		}
	})
}

func freeSlots(n *Swarm) int {
	n.uploads.mu.Lock()
	defer n.uploads.mu.Unlock()
	return n.uploads.free
}

func TestWhatIsNotAllowedOnAControlStreamEndsTheConnection(t *testing.T) {
	wants := hello()
	for i := range maxWants + 1 {
		wants = protocol.Append(wants, &protocol.Want{ID: protocol.ID{byte(i)}})
	}
	oversized := quicvarint.Append(quicvarint.Append(nil, uint64(protocol.TypeHello)), 1<<30)
	garbage := append(quicvarint.Append(hello(), uint64(protocol.TypeHave)), 3, 1, 2, 3)
	for name, test := range map[string]struct {
		says []byte
		code protocol.Code
	}{
		"garbage":                 {garbage, protocol.CodeViolation},
		"a message of 1 GiB":      {oversized, protocol.CodeTooLarge},
		"no hello first":          {protocol.Append(nil, &protocol.Want{}), protocol.CodeViolation},
		"a request":               {protocol.Append(hello(), &protocol.Get{Count: 1}), protocol.CodeViolation},
		"more wants than allowed": {wants, protocol.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			attacked(t, func(t *testing.T, n *Swarm, h *hostile, _ *book) {
				h.uni(test.says)
				if code := h.closedWith(); code != test.code {
					t.Errorf("it ended with %v, want %v", code, test.code)
				}
				if violations, _, _, _ := n.Faults(); violations != 1 {
					t.Errorf("%d violations are counted", violations)
				}
			})
		})
	}
}

func TestASecondControlStreamEndsTheConnection(t *testing.T) {
	attacked(t, func(t *testing.T, n *Swarm, h *hostile, _ *book) {
		h.uni(hello())
		synctest.Wait()
		time.Sleep(time.Second)
		if !h.connected() {
			t.Fatal("the first one ended it")
		}
		h.uni(hello())
		if code := h.closedWith(); code != protocol.CodeViolation {
			t.Errorf("it ended with %v", code)
		}
	})
}

func TestTheEndOfAControlStreamEndsTheConnection(t *testing.T) {
	attacked(t, func(t *testing.T, _ *Swarm, h *hostile, _ *book) {
		h.uni(hello()).Close()
		if code := h.closedWith(); code != protocol.CodeViolation {
			t.Errorf("it ended with %v", code)
		}
	})
}

func TestUnknownMessagesAreSkipped(t *testing.T) {
	attacked(t, func(t *testing.T, n *Swarm, h *hostile, b *book) {
		h.uni(append(append(hello(), 0x7f, 0xff, 3, 1, 2, 3), protocol.Append(nil, &protocol.Want{ID: b.id()})...))
		s, err := h.conn.AcceptUniStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		r := protocol.NewReader(s)
		for {
			m, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if have, ok := m.(*protocol.Have); ok {
				if have.ID != b.id() || have.Chunks.Count() != 8 {
					t.Errorf("%+v", have)
				}
				return
			}
		}
	})
}

func TestRequestsThatCannotBeMetAreRefused(t *testing.T) {
	b := newBook(1, 8)
	for name, test := range map[string]struct {
		ask  protocol.Message
		code protocol.Code
	}{
		"a track that is not held":  {&protocol.Get{ID: protocol.ID{9}, Count: 1}, protocol.CodeNotFound},
		"chunks beyond the end":     {&protocol.Get{ID: b.id(), First: 8, Count: 1}, protocol.CodeNotFound},
		"far beyond the end":        {&protocol.Get{ID: b.id(), First: protocol.MaxChunks, Count: 64}, protocol.CodeNotFound},
		"a proof that is not held":  {&protocol.GetProof{ID: protocol.ID{9}}, protocol.CodeNotFound},
		"membership, of a listener": {&protocol.Renew{}, protocol.CodeWrongRole},
	} {
		t.Run(name, func(t *testing.T) {
			attacked(t, func(t *testing.T, n *Swarm, h *hostile, _ *book) {
				s := h.ask(protocol.Append(nil, test.ask))
				m, err := protocol.NewReader(s).Next()
				if refuse, ok := m.(*protocol.Refuse); !ok || refuse.Code != test.code {
					t.Errorf("the answer is %v, %v: want %v", m, err, test.code)
				}
				if !h.connected() {
					t.Error("the connection ended")
				}
			})
		})
	}
}

func TestGarbageForARequestEndsTheConnection(t *testing.T) {
	attacked(t, func(t *testing.T, n *Swarm, h *hostile, _ *book) {
		h.ask([]byte{byte(protocol.TypeGet), 2, 0, 0})
		if code := h.closedWith(); code != protocol.CodeViolation {
			t.Errorf("it ended with %v", code)
		}
	})
}

func TestRequestsThatNeverComeEndAreGivenUp(t *testing.T) {
	attacked(t, func(t *testing.T, n *Swarm, h *hostile, _ *book) {
		for range maxStreams { // as many as may be open
			h.ask([]byte{byte(protocol.TypeGet)})
		}
		if _, err := h.conn.OpenStream(); err == nil {
			t.Error("more streams may be opened than the limit")
		}
		time.Sleep(2 * requestTimeout)
		if s, err := h.conn.OpenStream(); err != nil {
			t.Errorf("the streams are still open: %v", err)
		} else {
			s.Close()
		}
	})
}

func TestWhoNeverReadsGivesItsUploadSlotsUp(t *testing.T) {
	big := newBook(2, 64)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(shelve(big), nil)
		defer n.Close()
		friend := w.node(nil, nil)
		defer friend.Close()
		c := w.neighbour(friend, n)
		h := w.hostile(n)
		defer h.close()
		for range uploadSlots {
			h.ask(protocol.Append(nil, &protocol.Get{ID: big.id(), Count: 64, Priority: protocol.PriorityUrgent}))
		}
		time.Sleep(time.Second)
		if free := freeSlots(n); free != 0 {
			t.Fatalf("%d slots are free: the attack does not work", free)
		}
		time.Sleep(sendTimeout)
		if got := fetch(t, c, big, 0, 64); got != len(big.data) {
			t.Errorf("a neighbour got %d bytes", got)
		}
	})
}

// liar answers the first request that comes with what answer says, and may
// hold the stream.
func liar(t *testing.T, h *hostile, answer func(s *quic.Stream)) {
	s, err := h.conn.AcceptStream(context.Background())
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := protocol.NewReader(s).Next(); err != nil {
		t.Error(err)
	}
	answer(s)
}

func TestBadAnswersAreErrorsAndCounted(t *testing.T) {
	b := newBook(1, 8)
	data := func(count int) []byte { return protocol.Append(nil, &protocol.Data{Count: count}) }
	type counts struct{ violations, badChunks, timeouts, disconnected int64 }
	for name, test := range map[string]struct {
		answer func(s *quic.Stream)
		want   counts
		closed bool
	}{
		"garbage":           {func(s *quic.Stream) { s.Write(bytes.Repeat([]byte{byte(protocol.TypeData), 9}, 9)) }, counts{violations: 1}, true},
		"another message":   {func(s *quic.Stream) { s.Write(protocol.Append(nil, &protocol.Proof{Size: 1})) }, counts{violations: 1}, true},
		"more than asked":   {func(s *quic.Stream) { s.Write(data(5)) }, counts{violations: 1}, true},
		"nothing":           {func(*quic.Stream) {}, counts{timeouts: 1}, false},
		"a pause mid-chunk": {func(s *quic.Stream) { s.Write(append(data(4), b.data[:9000]...)) }, counts{timeouts: 1}, false},
		"a reset mid-chunk": {func(s *quic.Stream) {
			s.Write(append(data(4), b.data[:9000]...))
			time.Sleep(time.Second)
			s.CancelWrite(0)
		}, counts{disconnected: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t)
				defer w.net.Close()
				n := w.node(nil, nil)
				defer n.Close()
				h := w.hostile(n)
				defer h.close()
				h.uni(hello())
				time.Sleep(time.Second)
				c := n.Neighbours()[0]
				answered := make(chan struct{})
				go func() {
					defer close(answered)
					liar(t, h, test.answer)
				}()
				run, err := c.Get(t.Context(), &protocol.Get{ID: b.id(), Count: 4, Priority: protocol.PriorityPlaying}, nil)
				if err == nil {
					_, err = io.ReadFull(run, make([]byte, 4*protocol.ChunkSize))
					run.Close()
				}
				if err == nil {
					t.Error("no error")
				}
				<-answered
				var got counts
				got.violations, got.badChunks, got.timeouts, got.disconnected = n.Faults()
				if got != test.want {
					t.Errorf("counted %+v, want %+v (%v)", got, test.want, err)
				}
				time.Sleep(time.Second)
				if h.connected() == test.closed {
					t.Errorf("the connection is open: %v", h.connected())
				}
			})
		})
	}
}

func TestAnAnswerEndsWithTheConnection(t *testing.T) {
	b := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		h := w.hostile(n)
		time.Sleep(time.Second)
		c := n.Neighbours()[0]
		go liar(t, h, func(s *quic.Stream) {
			s.Write(append(protocol.Append(nil, &protocol.Data{Count: 4}), b.data[:9000]...))
			time.Sleep(time.Second)
			h.close()
		})
		run, err := c.Get(t.Context(), &protocol.Get{ID: b.id(), Count: 4}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		if got, err := io.ReadAll(run); err == nil || len(got) != 9000 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if _, _, _, disconnected := n.Faults(); disconnected != 1 {
			t.Errorf("%d are counted", disconnected)
		}
		<-c.Done()
	})
}

func TestCancellingARequestIsPromptAndNobodysFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		h := w.hostile(n)
		defer h.close()
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := n.Neighbours()[0].Get(ctx, &protocol.Get{Count: 1}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if v, b, to, d := n.Faults(); v+b+d+to != 0 {
			t.Errorf("counted %d %d %d %d", v, b, to, d)
		}
	})
}

func TestAProofTreeNobodyAskedForIsNotRead(t *testing.T) {
	attacked(t, func(t *testing.T, n *Swarm, h *hostile, b *book) {
		h.uni(hello())
		s := h.uni(protocol.Append(nil, &protocol.Proof{ID: b.id(), Size: 1 << 20}))
		s.SetWriteDeadline(time.Now().Add(time.Second))
		_, err := s.Write(make([]byte, 4<<20)) // more than any window
		var stopped *quic.StreamError
		if !errors.As(err, &stopped) || !stopped.Remote {
			t.Errorf("writing it gives %v", err)
		}
		if !h.connected() {
			t.Error("the connection ended: it may have been asked for and cancelled")
		}
	})
}

func TestWhoDoesNotListenIsLetGo(t *testing.T) {
	attacked(t, func(t *testing.T, n *Swarm, h *hostile, b *book) {
		h.uni(append(hello(), protocol.Append(nil, &protocol.Want{ID: b.id()})...))
		for range 600 { // of 4 KB each, and it reads none of them
			time.Sleep(time.Millisecond)
			for _, c := range n.Neighbours() {
				c.out.say(&protocol.Have{ID: b.id(), Size: 32_000 * protocol.ChunkSize, Chunks: protocol.FullBitmap(32_000)})
			}
		}
		if code := h.closedWith(); code != protocol.CodeTooLarge {
			t.Errorf("it ended with %v", code)
		}
		if _, _, timeouts, _ := n.Faults(); timeouts != 1 {
			t.Errorf("%d timeouts are counted", timeouts)
		}
	})
}
