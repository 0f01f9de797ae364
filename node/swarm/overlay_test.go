package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// shelfOf is a catalogue of one track, which counts how often it is asked.
type shelfOf struct {
	track protocol.Track
	asked atomic.Int64
}

func (s *shelfOf) Find(context.Context, protocol.Query) protocol.Results {
	s.asked.Add(1)
	return protocol.Results{Total: 1, Tracks: []protocol.Track{s.track}}
}

// streets are nodes, each with a catalogue of its own, and who of them knows whom.
type streets struct {
	nodes   []*Swarm
	shelves []*shelfOf
}

func (w *town) streets(n int, known [][2]int) (s streets) {
	for i := range n {
		c := &shelfOf{track: protocol.Track{ID: protocol.ID{byte(i + 1)}, Title: fmt.Sprint("of ", i), Size: 1, Duration: time.Second}}
		s.shelves = append(s.shelves, c)
		s.nodes = append(s.nodes, w.node(nil, func(conf *Config) { conf.Catalogue = c }))
	}
	for _, k := range known {
		w.neighbour(s.nodes[k[0]], s.nodes[k[1]])
	}
	return s
}

func (s streets) close() {
	for _, n := range s.nodes {
		n.Close()
	}
}

// finds returns whose tracks node i finds, and forgets who was asked.
func (s streets) finds(t *testing.T, i int) (whose []int) {
	for _, c := range s.shelves {
		c.asked.Store(0)
	}
	for _, m := range s.nodes[i].Search(t.Context(), protocol.Query{}).Tracks {
		whose = append(whose, int(m.ID[0])-1)
	}
	slices.Sort(whose)
	return whose
}

func TestAQuestionGoesTwoHopsAndIsTakenUpOnce(t *testing.T) {
	star := func(n int) (known [][2]int) {
		for i := 1; i < n; i++ {
			known = append(known, [2]int{0, i})
		}
		return known
	}
	all := func(n int) (known [][2]int) {
		for i := range n {
			for j := range i {
				known = append(known, [2]int{i, j})
			}
		}
		return known
	}
	for name, test := range map[string]struct {
		n     int
		known [][2]int
		from  int
		finds []int
	}{
		"a line, from its end":     {5, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}}, 0, []int{1, 2}},
		"a line, from its middle":  {5, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}}, 2, []int{0, 1, 3, 4}},
		"a star, from a ray":       {6, star(6), 3, []int{0, 1, 2, 4, 5}},
		"a star, from its centre":  {6, star(6), 0, []int{1, 2, 3, 4, 5}},
		"a ring of three":          {3, [][2]int{{0, 1}, {1, 2}, {2, 0}}, 0, []int{1, 2}},
		"a ring of six":            {6, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}}, 0, []int{1, 2, 4, 5}},
		"everyone knows everyone":  {8, all(8), 0, []int{1, 2, 3, 4, 5, 6, 7}},
		"a short way and a longer": {4, [][2]int{{0, 1}, {0, 2}, {1, 2}, {2, 3}}, 0, []int{1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t)
				defer w.net.Close()
				s := w.streets(test.n, test.known)
				defer s.close()
				began := time.Now()
				if got := s.finds(t, test.from); !slices.Equal(got, test.finds) {
					t.Errorf("it finds what %v hold, want %v", got, test.finds)
				}
				if took := time.Since(began); took > askFor/2 {
					t.Errorf("it took %v", took)
				}
				for i, c := range s.shelves {
					// Twice where it came by a long way first and by a short one then: it
					// is passed on only then.
					if asked := c.asked.Load(); i == test.from && asked != 0 || asked > 2 {
						t.Errorf("node %d was asked %d times", i, asked)
					}
				}
			})
		})
	}
}

func TestHoldersTwoHopsAwayBecomeNeighbours(t *testing.T) {
	book := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		var nodes []*Swarm
		for i := range 6 { // the last two hold it, the last is too far away
			var s shelf
			if i >= 3 && i != 4 {
				s = shelve(book)
			}
			n := w.node(s, nil)
			defer n.Close()
			nodes = append(nodes, n)
		}
		for _, k := range [][2]int{{0, 1}, {1, 2}, {1, 3}, {2, 4}, {4, 5}} {
			w.neighbour(nodes[k[0]], nodes[k[1]])
		}
		nodes[0].FindPeers(t.Context(), book.id())
		var got []protocol.NodeID
		for _, c := range nodes[0].Neighbours() {
			got = append(got, c.Node())
		}
		if want := []protocol.NodeID{nodes[1].Self(), nodes[3].Self()}; !slices.Equal(got, want) {
			t.Errorf("%d neighbours, want the one before and the holder", len(got))
		}
		nodes[0].FindPeers(t.Context(), protocol.ID{9})
		if got := len(nodes[0].Neighbours()); got != 2 {
			t.Errorf("what nobody holds makes %d neighbours", got)
		}
	})
}

func TestWhoAsksTooMuchIsRefusedAndBurdensNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		s := w.streets(4, [][2]int{{0, 1}, {0, 2}, {0, 3}})
		defer s.close()
		h := w.hostile(s.nodes[0])
		defer h.close()
		const questions = 500
		refused := 0
		for i := range questions {
			stream := h.ask(protocol.Append(nil, &protocol.Search{Route: protocol.Route{Hops: protocol.MaxHops, Token: uint64(i)}}))
			stream.Close()
			switch m, err := protocol.NewReader(stream).Next(); m := m.(type) {
			case *protocol.Refuse:
				if m.Code != protocol.CodeBusy {
					t.Fatalf("refused as %v", m.Code)
				}
				refused++
			case *protocol.FoundTracks:
			default:
				t.Fatal(m, err)
			}
		}
		if refused < questions/2 {
			t.Errorf("%d of %d are refused", refused, questions)
		}
		for i, c := range s.shelves[1:] {
			if asked := c.asked.Load(); asked > passBurst+int64(questions-refused) || asked >= questions/2 {
				t.Errorf("neighbour %d was asked %d times", i+1, asked)
			}
		}
		if got := s.finds(t, 1); !slices.Equal(got, []int{0, 2, 3}) {
			t.Errorf("another's question finds what %v hold", got)
		}
		if !h.connected() {
			t.Error("the connection ended")
		}
		if n := len(s.nodes[0].overlay.taken); n > maxTaken {
			t.Errorf("%d questions are remembered", n)
		}
	})
}

func TestANeighbourThatDoesNotAnswerOrAnswersGarbageCostsLittle(t *testing.T) {
	for name, answer := range map[string][]byte{
		"nothing":         nil,
		"garbage":         {byte(protocol.TypeResults), 3, 0xff, 0xff, 0xff},
		"another message": protocol.Append(nil, &protocol.Proof{Size: 3}),
		"a refusal":       protocol.Append(nil, &protocol.Refuse{Code: protocol.CodeBusy}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t)
				defer w.net.Close()
				s := w.streets(3, [][2]int{{0, 1}, {1, 2}})
				defer s.close()
				for _, n := range s.nodes[:2] { // it sits at both
					h := w.hostile(n)
					defer h.close()
					h.uni(hello())
					go func() {
						for {
							stream, err := h.conn.AcceptStream(context.Background())
							if err != nil {
								return
							}
							stream.Write(answer)
						}
					}()
				}
				time.Sleep(time.Second)
				began := time.Now()
				if got := s.finds(t, 0); !slices.Equal(got, []int{1, 2}) {
					t.Errorf("it finds what %v hold", got)
				}
				if took := time.Since(began); took > askFor {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestWhoSharesNothingTellsNothingAndPassesOn(t *testing.T) {
	book := newBook(1, 8)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		s := w.streets(2, nil)
		defer s.close()
		silent := w.node(shelve(book), func(c *Config) { c.NoUpload, c.Catalogue = true, &shelfOf{} })
		defer silent.Close()
		w.neighbour(s.nodes[0], silent)
		w.neighbour(silent, s.nodes[1])
		if got := s.finds(t, 0); !slices.Equal(got, []int{1}) {
			t.Errorf("through it what %v hold is found", got)
		}
		m, err := ask[*protocol.FoundPeers](t.Context(), s.nodes[0].Neighbours()[0], &protocol.FindPeers{ID: book.id()})
		if err != nil || len(m.Peers) != 0 {
			t.Errorf("it says that it holds a track: %+v, %v", m, err)
		}
	})
}

func TestAQuestionEndsWithItsAsker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		s := w.streets(1, nil)
		defer s.close()
		h := w.hostile(s.nodes[0]) // and never answers
		defer h.close()
		h.uni(hello())
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if r := s.nodes[0].Search(ctx, protocol.Query{}); len(r.Tracks) != 0 || time.Since(began) != 100*time.Millisecond {
			t.Errorf("%d tracks after %v", len(r.Tracks), time.Since(began))
		}
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Error(ctx.Err())
		}
	})
}

func TestOneAnswerIsMadeOfManyFairly(t *testing.T) {
	list := func(first, n int) (r protocol.Results) {
		for i := range n {
			r.Tracks = append(r.Tracks, protocol.Track{ID: protocol.ID{byte((first + i) >> 8), byte(first + i)}})
		}
		r.Total = n
		return r
	}
	r := MergeResults(protocol.Query{}, list(0, 3), list(1000, protocol.MaxResults), list(1, 5))
	if len(r.Tracks) != protocol.MaxResults || r.Total != protocol.MaxResults+6 {
		t.Errorf("%d tracks of %d", len(r.Tracks), r.Total)
	}
	for i := range 6 { // each of both short answers, once
		id := list(i, 1).Tracks[0].ID
		n := 0
		for _, m := range r.Tracks {
			if m.ID == id {
				n++
			}
		}
		if n != 1 {
			t.Errorf("track %d is there %d times", i, n)
		}
	}
	if r := MergeResults(protocol.Query{Limit: 2}, list(0, 3)); len(r.Tracks) != 2 || r.Total != 3 {
		t.Errorf("%d tracks of %d where 2 are asked for", len(r.Tracks), r.Total)
	}
}
