package player

import (
	"math/rand/v2"
	"slices"
	"testing"

	"earshot/node/control"
	"earshot/protocol"
)

func newTestQueue(n int, seed uint64) *queue {
	tracks := make([]protocol.Track, n)
	for k := range tracks {
		tracks[k].ID = id(k)
	}
	return newQueue(tracks, rand.New(rand.NewPCG(seed, 1)))
}

func keepAll(*entry) bool { return false }

// round plays the queue on until it ends or limit entries have played, and
// returns them.
func (q *queue) playOn(limit int) (played []*entry) {
	for len(played) < limit {
		e := q.following(q.repeat, keepAll)
		if e == nil {
			q.finish()
			return played
		}
		q.advance(e)
		played = append(played, e)
	}
	return played
}

func TestAQueuePlaysInOrderAndEnds(t *testing.T) {
	q := newTestQueue(4, 1)
	if got := q.playOn(10); !slices.Equal(got, q.list[1:]) || q.current() != nil {
		t.Errorf("%d played after the first", len(got))
	}
	q.rewind()
	if q.current() != q.list[0] {
		t.Error("it does not begin again")
	}
}

func TestRepeatingAllGoesAroundAndOneStays(t *testing.T) {
	q := newTestQueue(3, 1)
	q.repeat = control.RepeatAll
	if got := q.playOn(4); !slices.Equal(got, []*entry{q.list[1], q.list[2], q.list[0], q.list[1]}) {
		t.Error("all do not repeat in order")
	}
	q.repeat = control.RepeatOne
	at := q.current()
	if got := q.playOn(3); !slices.Equal(got, []*entry{at, at, at}) {
		t.Error("one does not repeat")
	}
	if next := q.following(control.RepeatAll, keepAll); next != q.list[2] {
		t.Error("who asks for the next track gets the same one")
	}
	if next := q.following(q.repeat, func(e *entry) bool { return e == at }); next != q.list[2] {
		t.Error("a track that fails repeats")
	}
}

func TestAShuffledQueuePlaysAllBeforeAnyRepeats(t *testing.T) {
	for seed := range uint64(50) {
		q := newTestQueue(1+int(seed%7), seed)
		q.repeat = control.RepeatAll
		q.jump(q.list[len(q.list)/2])
		first := q.current()
		q.setShuffle(true)
		if q.current() != first {
			t.Fatal("shuffling changes what plays")
		}
		played := []*entry{first}
		n := len(q.list)
		for len(played) < 5*n {
			e := q.following(q.repeat, keepAll)
			if again := q.following(q.repeat, keepAll); again != e {
				t.Fatal("what follows changes by looking")
			}
			q.advance(e)
			played = append(played, e)
		}
		for k := 0; k < len(played); k += n {
			round := map[*entry]bool{}
			for _, e := range played[k : k+n] {
				round[e] = true
			}
			if len(round) != n {
				t.Fatalf("seed %d: round %d plays %d of %d", seed, k/n, len(round), n)
			}
			if k > 0 && n > 1 && played[k] == played[k-1] {
				t.Fatal("the same track twice on end")
			}
		}
		at := q.current()
		q.setShuffle(false)
		if q.current() != at || !slices.Equal(q.order, q.list) {
			t.Fatal("shuffling no more changes what plays, or not the order")
		}
	}
}

func TestJumpingInAShuffledQueueLeavesNothingOut(t *testing.T) {
	for seed := range uint64(50) {
		q := newTestQueue(8, seed)
		q.setShuffle(true)
		heard := map[*entry]bool{q.current(): true}
		for _, e := range q.playOn(2) {
			heard[e] = true
		}
		q.jump(q.list[q.random.IntN(8)])
		heard[q.current()] = true
		for _, e := range q.playOn(8) {
			heard[e] = true
		}
		if len(heard) != 8 {
			t.Fatalf("seed %d: %d of 8 play", seed, len(heard))
		}
	}
}

func TestWhatIsAddedToAnEndedQueuePlaysNext(t *testing.T) {
	for _, shuffle := range []bool{false, true} {
		q := newTestQueue(3, 1)
		q.setShuffle(shuffle)
		q.finish()
		added := entries([]protocol.Track{{ID: id(7)}})
		q.add(added)
		if q.current() != added[0] {
			t.Errorf("shuffle %v: something else does", shuffle)
		}
	}
}

func TestWhatIsInsertedPlaysNextShuffledOrNot(t *testing.T) {
	for _, shuffle := range []bool{false, true} {
		q := newTestQueue(6, 3)
		q.setShuffle(shuffle)
		q.playOn(2)
		at := q.index(q.current())
		added := entries([]protocol.Track{{ID: id(7)}, {ID: id(8)}})
		q.insert(added)
		if !slices.Equal(q.list[at+1:at+3], added) || !slices.Equal(q.playOn(2), added) {
			t.Errorf("shuffle %v: they do not", shuffle)
		}
	}
}

func TestGoingBackGoesThroughWhatPlayed(t *testing.T) {
	q := newTestQueue(6, 4)
	q.setShuffle(true)
	played := append([]*entry{q.current()}, q.playOn(3)...)
	for k := 2; k >= 0; k-- {
		if e := q.previous(); e != played[k] {
			t.Fatalf("%d back: another entry", 3-k)
		}
		q.back()
	}
	if q.previous() != nil {
		t.Error("there is something before the beginning")
	}
}

// TestAQueueHoldsTogetherWhateverIsDone does anything in any order, beside a
// plain list that is edited the same way.
func TestAQueueHoldsTogetherWhateverIsDone(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		q := newTestQueue(r.IntN(5), seed)
		model := slices.Clone(q.list)
		for step := range 60 {
			before, edit := q.current(), q.edit
			n := len(q.list)
			what := r.IntN(12)
			switch {
			case what == 0:
				e := entries([]protocol.Track{{ID: id(step)}})
				q.add(e)
				model = append(model, e...)
			case what == 1:
				e := entries([]protocol.Track{{ID: id(step)}, {ID: id(step)}})
				at := len(model)
				if before != nil {
					at = slices.Index(model, before) + 1
				}
				q.insert(e)
				model = slices.Insert(model, at, e...)
			case what == 2 && n > 0:
				i := r.IntN(n)
				q.remove(i)
				model = slices.Delete(model, i, i+1)
			case what == 3 && n > 0:
				i, to := r.IntN(n), r.IntN(n)
				q.move(i, to)
				e := model[i]
				model = slices.Insert(slices.Delete(model, i, i+1), to, e)
			case what == 4:
				q.setShuffle(!q.shuffle)
			case what == 5:
				q.repeat = []control.Repeat{control.RepeatOff, control.RepeatAll, control.RepeatOne}[r.IntN(3)]
			case what == 6 && n > 0:
				e := q.list[r.IntN(n)]
				q.jump(e)
				before = e
			case what == 7 && q.previous() != nil:
				before = q.previous()
				q.back()
			case what == 8 && r.IntN(5) == 0:
				q.clear(before)
				model = slices.Clone(q.list)
			default:
				before = q.following(q.repeat, keepAll)
				if before != nil {
					q.advance(before)
				} else {
					q.finish()
				}
			}
			if !slices.Equal(q.list, model) {
				t.Fatalf("seed %d, step %d: action %d makes another list", seed, step, what)
			}
			if what < 4 && n > 0 && q.edit == edit {
				t.Fatalf("seed %d, step %d: an edit that is not told", seed, step)
			}
			kept := before != nil && slices.Contains(model, before)
			if kept && q.current() != before {
				t.Fatalf("seed %d, step %d: action %d changes what plays", seed, step, what)
			}
			assertOrder(t, q)
		}
	}
}

// assertOrder fails where the order is not the list in another order.
func assertOrder(t *testing.T, q *queue) {
	t.Helper()
	count := map[*entry]int{}
	for _, e := range q.list {
		count[e]++
	}
	for _, e := range q.order {
		count[e]--
	}
	for _, n := range count {
		if n != 0 {
			t.Fatal("the order is not all of the list once")
		}
	}
	if q.pos < 0 || q.pos > len(q.order) || !q.shuffle && !slices.Equal(q.order, q.list) {
		t.Fatalf("position %d of %d, shuffled: %v", q.pos, len(q.order), q.shuffle)
	}
}
