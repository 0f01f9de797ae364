package player

import (
	"iter"
	"math/rand/v2"
	"slices"

	"earshot/node/control"
	"earshot/protocol"
)

// queue is what is to be heard, in two orders: as people see it and as it
// plays, which differ while it is shuffled. It is pure: no clock, no goroutine,
// and chance is handed in.
type queue struct {
	list    []*entry // as people see it
	order   []*entry // as it plays: all of list, once
	again   []*entry // the next round's order, shuffled; nil until it is looked at
	pos     int      // in order, of the entry that plays; len(order) at the end
	edit    int64    // grows with each change that can be seen
	shuffle bool
	repeat  control.Repeat
	random  *rand.Rand
}

// entry is one place in the queue. The same track may stand in several.
type entry struct {
	track protocol.Track // the ID alone until more is known
}

func newQueue(tracks []protocol.Track, random *rand.Rand) *queue {
	q := &queue{repeat: control.RepeatOff, random: random}
	q.replace(entries(tracks))
	return q
}

func entries(tracks []protocol.Track) []*entry {
	all := make([]*entry, len(tracks))
	for i, t := range tracks {
		all[i] = &entry{t}
	}
	return all
}

// current returns the entry that plays, or would if playing went on; nil at the
// end.
func (q *queue) current() *entry {
	if q.pos < len(q.order) {
		return q.order[q.pos]
	}
	return nil
}

// index returns where an entry stands in the list, -1 if nowhere.
func (q *queue) index(e *entry) int {
	if e == nil {
		return -1
	}
	return slices.Index(q.list, e)
}

// upcoming gives what plays after the current entry, in that order, but for what
// skip skips: to the end, or where all repeats once around. repeat is the queue's
// own, or another where someone asks for the next track rather than waits for it.
func (q *queue) upcoming(repeat control.Repeat, skip func(*entry) bool) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		if e := q.current(); e != nil && repeat == control.RepeatOne && !skip(e) {
			for yield(e) {
			}
			return
		}
		for _, e := range q.order[min(q.pos+1, len(q.order)):] {
			if !skip(e) && !yield(e) {
				return
			}
		}
		if repeat != control.RepeatAll {
			return
		}
		for _, e := range q.round() {
			if !skip(e) && !yield(e) {
				return
			}
		}
	}
}

// following returns the first of what is upcoming; nil where that is the end.
func (q *queue) following(repeat control.Repeat, skip func(*entry) bool) *entry {
	for e := range q.upcoming(repeat, skip) {
		return e
	}
	return nil
}

// round returns the order in which all plays once more.
func (q *queue) round() []*entry {
	if !q.shuffle {
		return q.order
	}
	if q.again == nil {
		q.again = slices.Clone(q.list)
		q.shuffleAll(q.again)
		if n := len(q.again); n > 1 && q.again[0] == q.current() {
			k := 1 + q.random.IntN(n-1) // not the same one twice on end
			q.again[0], q.again[k] = q.again[k], q.again[0]
		}
	}
	return q.again
}

func (q *queue) shuffleAll(all []*entry) {
	q.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

// advance makes what following returned the current entry.
func (q *queue) advance(e *entry) {
	if e == q.current() && q.repeat == control.RepeatOne {
		return
	}
	rest := min(q.pos+1, len(q.order))
	if k := slices.Index(q.order[rest:], e); k >= 0 {
		q.pos = rest + k
		return
	}
	q.order, q.again = q.round(), nil
	q.pos = slices.Index(q.order, e)
}

// jump makes any entry of the list the current one. Of a shuffled queue what
// has not played yet still does.
func (q *queue) jump(e *entry) {
	k := slices.Index(q.order, e)
	switch {
	case !q.shuffle:
		q.pos = k
	case q.current() == nil:
		q.shuffleFrom(e)
	case k > q.pos:
		q.order = slices.Delete(q.order, k, k+1)
		q.pos++
		q.order = slices.Insert(q.order, q.pos, e)
	case k < q.pos:
		q.order = slices.Delete(q.order, k, k+1)
		q.order = slices.Insert(q.order, q.pos, e)
	}
}

// previous returns what played before the current entry; nil where that is the
// beginning.
func (q *queue) previous() *entry {
	switch {
	case q.pos > 0 && len(q.order) > 0:
		return q.order[q.pos-1]
	case q.repeat == control.RepeatAll && !q.shuffle && len(q.order) > 0:
		return q.order[len(q.order)-1]
	}
	return nil
}

// back makes what previous returned the current entry.
func (q *queue) back() {
	if q.pos == 0 {
		q.pos = len(q.order)
	}
	q.pos--
}

// rewind goes back to the beginning, and shuffles again.
func (q *queue) rewind() {
	q.pos, q.again = 0, nil
	if q.shuffle {
		q.shuffleAll(q.order)
	}
}

// finish goes to the end.
func (q *queue) finish() { q.pos = len(q.order) }

// replace makes other entries the queue, the first of them the current one.
func (q *queue) replace(all []*entry) {
	q.list, q.order, q.again, q.pos = all, slices.Clone(all), nil, 0
	if q.shuffle && len(all) > 0 {
		q.shuffleFrom(all[0])
	}
	q.edit++
}

// add puts entries at the end. Of a shuffled queue they play anywhere in what
// is left of the round.
func (q *queue) add(all []*entry) {
	q.list = append(q.list, all...)
	for _, e := range all {
		at := len(q.order)
		if rest := min(q.pos+1, len(q.order)); q.shuffle {
			at = rest + q.random.IntN(len(q.order)-rest+1)
		}
		q.order = slices.Insert(q.order, at, e)
	}
	q.changed()
}

// insert puts entries behind the current one, to play next.
func (q *queue) insert(all []*entry) {
	at := len(q.list)
	if k := q.index(q.current()); k >= 0 {
		at = k + 1
	}
	q.list = slices.Insert(q.list, at, all...)
	q.order = slices.Insert(q.order, min(q.pos+1, len(q.order)), all...)
	q.changed()
}

// remove takes the entry at i away. Where it is the current one, what plays
// after it becomes that.
func (q *queue) remove(i int) {
	k := slices.Index(q.order, q.list[i])
	q.list = slices.Delete(q.list, i, i+1)
	q.order = slices.Delete(q.order, k, k+1)
	if k < q.pos {
		q.pos--
	}
	q.changed()
}

// move has the entry at from stand at to.
func (q *queue) move(from, to int) {
	e, current := q.list[from], q.current()
	q.list = slices.Insert(slices.Delete(q.list, from, from+1), to, e)
	if !q.shuffle {
		copy(q.order, q.list)
		if current != nil {
			q.pos = q.index(current)
		}
	}
	q.changed()
}

// clear takes all away but keep, which may be nil.
func (q *queue) clear(keep *entry) {
	q.list, q.order, q.pos = nil, nil, 0
	if keep != nil {
		q.list, q.order = []*entry{keep}, []*entry{keep}
	}
	q.changed()
}

// setShuffle shuffles what is not the current entry, all of it; or has the rest
// of the list play in its order.
func (q *queue) setShuffle(on bool) {
	if on == q.shuffle {
		return
	}
	current := q.current()
	q.shuffle, q.again = on, nil
	switch {
	case current == nil:
		q.order = slices.Clone(q.list)
		q.pos = len(q.order)
	case on:
		q.shuffleFrom(current)
	default:
		q.order = slices.Clone(q.list)
		q.pos = q.index(current)
	}
}

// shuffleFrom begins a round with an entry.
func (q *queue) shuffleFrom(first *entry) {
	q.order, q.again, q.pos = slices.Clone(q.list), nil, 0
	q.shuffleAll(q.order)
	k := slices.Index(q.order, first)
	q.order[0], q.order[k] = q.order[k], q.order[0]
}

// describe says what is known of a track wherever it stands.
func (q *queue) describe(t protocol.Track) {
	for _, e := range q.list {
		if e.track.ID == t.ID && e.track != t {
			e.track = t
			q.edit++
		}
	}
}

func (q *queue) changed() {
	q.again = nil
	q.edit++
}
