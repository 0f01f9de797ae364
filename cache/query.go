package cache

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"earshot/protocol"
)

// Info tells what the cache holds of a track.
type Info struct {
	protocol.Track
	Have     int // chunks, 1 at the least
	Complete bool
	Pinned   bool
	Used     time.Time // when last leased
	Bytes    int64     // taken on disk
}

// Lookup tells what the cache holds of a track; false if no chunk of it. It does
// no I/O and takes about a microsecond.
func (c *Cache) Lookup(id protocol.ID) (Info, bool) {
	c.mu.Lock()
	e := c.tracks[id]
	if e == nil {
		c.mu.Unlock()
		return Info{}, false
	}
	in := e.info()
	c.mu.Unlock()
	in.Track = e.track()
	return in, in.Have > 0
}

// Tracks goes through the tracks of which a chunk is there, most recently used
// first: those that are there when it begins, as they are when their turn comes.
func (c *Cache) Tracks() iter.Seq[Info] {
	return func(yield func(Info) bool) {
		for _, r := range c.byUse() {
			if in, ok := c.Lookup(r.id); ok && !yield(in) {
				return
			}
		}
	}
}

// use is one line of the order of use.
type use struct {
	id   protocol.ID
	used int64
}

// byUse returns all tracks, most recently used first.
func (c *Cache) byUse() []use {
	c.mu.Lock()
	order := make([]use, 0, len(c.tracks))
	for id, e := range c.tracks {
		order = append(order, use{id, e.used})
	}
	c.mu.Unlock()
	slices.SortFunc(order, func(a, b use) int {
		return cmp.Or(cmp.Compare(b.used, a.used), a.id.Compare(b.id))
	})
	return order
}

// Resolve returns the IDs of all cached tracks that begin with the hexadecimal
// digits of prefix, in order; none for what is no hexadecimal number.
func (c *Cache) Resolve(prefix string) []protocol.ID {
	prefix = strings.ToLower(prefix)
	var ids []protocol.ID
	for _, u := range c.byUse() {
		if !hasPrefix(u.id, prefix) {
			continue
		}
		if _, ok := c.Lookup(u.id); ok {
			ids = append(ids, u.id)
		}
	}
	slices.SortFunc(ids, protocol.ID.Compare)
	return ids
}

func hasPrefix(id protocol.ID, prefix string) bool {
	const digits = "0123456789abcdef"
	if len(prefix) > 2*len(id) {
		return false
	}
	for i := range len(prefix) {
		if digits[id[i/2]>>(4*(1-i%2))&15] != prefix[i] {
			return false
		}
	}
	return true
}

// Stats sums up the cache.
type Stats struct {
	Tracks     int // of which a chunk is there, the partial ones included
	Partial    int // of which a chunk is missing
	Pinned     int
	Bytes      int64 // taken on disk, the index included
	Limit      int64 // of Bytes
	OldestUsed time.Time
}

// Stats sums up the cache. It takes the same short time for any number of tracks.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{
		Tracks: c.tally.tracks, Partial: c.tally.partial, Pinned: c.tally.pinned,
		Bytes: c.bytes + c.overhead, Limit: c.limit,
	}
	for _, list := range []*recency{&c.recent, &c.pinned} {
		e := list.Oldest()
		for e != nil && e.tally.tracks == 0 { // in the making
			e = e.place.Newer()
		}
		if e == nil {
			continue
		}
		if used := time.Unix(0, e.used); s.OldestUsed.IsZero() || used.Before(s.OldestUsed) {
			s.OldestUsed = used
		}
	}
	return s
}

// tally is a sum over tracks, or what one track adds to it.
type tally struct {
	tracks, partial, pinned int
}

func (a tally) plus(b tally, sign int) tally {
	return tally{a.tracks + sign*b.tracks, a.partial + sign*b.partial, a.pinned + sign*b.pinned}
}

// count brings what e adds to the tally up to date. Cache.mu is held.
func (c *Cache) count(e *entry) {
	var now tally
	if in := e.info(); in.Have > 0 && !e.removed {
		now.tracks = 1
		if !in.Complete {
			now.partial = 1
		}
		if e.pinned {
			now.pinned = 1
		}
	}
	c.tally = c.tally.plus(e.tally, -1).plus(now, 1)
	e.tally = now
}

// Pin keeps a track from being evicted, or lets it go again. It fails with
// ErrNotCached.
func (c *Cache) Pin(id protocol.ID, pinned bool) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	defer c.enforce()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.tracks[id]
	if e == nil || e.info().Have == 0 {
		return ErrNotCached
	}
	if e.pinned == pinned {
		return nil
	}
	c.listOf(e).Remove(e)
	e.pinned = pinned
	c.listOf(e).Insert(e)
	c.changed(e)
	return nil
}

// Remove removes a track, pinned or not. It is gone at once for all but those
// who hold a lease: they may read on what they have, and their Put fails with
// ErrRemoved; the space comes back when the last of them releases it. It fails
// with ErrNotCached.
func (c *Cache) Remove(id protocol.ID) error {
	c.mu.Lock()
	e := c.tracks[id]
	there := e != nil && e.info().Have > 0
	c.mu.Unlock()
	if !there {
		return ErrNotCached
	}
	defer c.tellLost()
	return c.drop(e)
}
