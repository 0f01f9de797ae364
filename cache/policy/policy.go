// Package policy decides what a cache evicts: the least recently used entry that
// nothing keeps. It knows no disk and no clock, so that a simulator decides as
// a node does.
package policy

// Entry is what is ordered: a pointer as a rule, its zero value is none.
type Entry[E any] interface {
	comparable
	// Place is where its neighbours are noted: the same for its whole life.
	Place() *Place[E]
	// LastUse orders entries; any unit.
	LastUse() int64
	// Kept reports whether something, a lease say, keeps it from being evicted.
	Kept() bool
}

// Place is an entry's place in an Order.
type Place[E any] struct{ older, newer E }

// Newer returns the entry used next after the one whose place this is; the
// zero value if there is none.
func (p *Place[E]) Newer() E { return p.newer }

// Order is a list of entries in the order of their use, linked through them. The
// zero value is an empty one. What is pinned is best in an Order of its own.
type Order[E Entry[E]] struct{ oldest, newest E }

// Oldest returns the entry used longest ago; the zero value if there is none.
func (o *Order[E]) Oldest() E { return o.oldest }

// Evict returns the entry to go out next, still in the Order: the least
// recently used of those that nothing keeps; the zero value if all are kept.
func (o *Order[E]) Evict() E {
	var none E
	e := o.oldest
	for e != none && e.Kept() {
		e = e.Place().newer
	}
	return e
}

// Push puts e, which is in no Order, at the newest end.
func (o *Order[E]) Push(e E) { o.after(o.newest, e) }

// Insert puts e, which is in no Order, where its last use says.
func (o *Order[E]) Insert(e E) {
	var none E
	at := o.newest
	for at != none && at.LastUse() > e.LastUse() {
		at = at.Place().older
	}
	o.after(at, e)
}

// after puts e behind at, or first if at is none.
func (o *Order[E]) after(at, e E) {
	var none E
	p := e.Place()
	p.older = at
	if at == none {
		p.newer, o.oldest = o.oldest, e
	} else {
		p.newer, at.Place().newer = at.Place().newer, e
	}
	if p.newer == none {
		o.newest = e
	} else {
		p.newer.Place().older = e
	}
}

// Remove takes e out of the Order that it is in.
func (o *Order[E]) Remove(e E) {
	var none E
	p := e.Place()
	if p.older == none {
		o.oldest = p.newer
	} else {
		p.older.Place().newer = p.newer
	}
	if p.newer == none {
		o.newest = p.older
	} else {
		p.newer.Place().older = p.older
	}
	p.older, p.newer = none, none
}
