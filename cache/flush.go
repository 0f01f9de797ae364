package cache

import (
	"path/filepath"
	"time"

	"earshot/protocol"
)

// flushEvery is how long changes are gathered into one transaction. A synced
// transaction costs 0.3 to 10 ms of the disk; what a crash of the machine can
// cost is a second of fetching.
const flushEvery = time.Second

// changed has e written to the index. Cache.mu is held.
func (c *Cache) changed(e *entry) {
	if !e.removed {
		c.count(e)
		c.dirty[e.id] = e
		c.wake()
	}
}

// wake tells the flusher that something changed.
func (c *Cache) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// flusher writes changes, at most once a flushEvery, until Close.
func (c *Cache) flusher() {
	defer close(c.stopped)
	failing := false
	for {
		select {
		case <-c.kick:
		case <-c.stop:
			return
		}
		timer := time.NewTimer(flushEvery)
		select {
		case <-timer.C:
		case <-c.stop:
			timer.Stop()
			return
		}
		err := c.flush()
		switch {
		case err != nil && !failing:
			c.log.Warn("the cache index cannot be written: going on from memory", "error", err)
		case err == nil && failing:
			c.log.Info("the cache index is written again")
		}
		failing = err != nil
		c.shrink() // the index may have grown
		c.tellLost()
	}
}

// flush writes all changes: the data first, then the index. On an error the
// changes stay to be written.
func (c *Cache) flush() error {
	c.flushing <- struct{}{}
	defer func() { <-c.flushing }()
	b, dirty, sync := c.gather()
	err := c.syncFiles(sync)
	if err == nil && !b.empty() && !c.index.broken {
		err = c.withSpace(func() error { return c.index.write(b) })
	}
	if err != nil {
		c.index.broken = c.index.broken || isDamaged(err)
		c.keep(b, dirty, sync)
		return err
	}
	size := c.index.size()
	c.mu.Lock()
	c.overhead = size
	c.mu.Unlock()
	return nil
}

// syncing says what of a track's files is to be synced.
type syncing struct {
	e           *entry
	data, fresh bool
}

// gather takes what is to be written. Records are made before the data is
// synced: they know of no chunk that comes after.
func (c *Cache) gather() (b *batch, dirty map[protocol.ID]*entry, sync []syncing) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	dirty, c.dirty = c.dirty, map[protocol.ID]*entry{}
	b = &batch{records: make(map[protocol.ID][]byte, len(dirty)), gone: c.gone}
	c.gone = map[protocol.ID]struct{}{}
	var again []*entry
	for id, e := range dirty {
		e.mu.Lock()
		if e.count > 0 {
			b.records[id] = appendRecord(nil, e, now)
		} else {
			b.gone[id] = struct{}{}
		}
		if wrote := e.wrote || e.changing; wrote || e.fresh {
			sync = append(sync, syncing{e, wrote, e.fresh})
		}
		e.wrote, e.fresh = false, false
		if !e.quiet(now) {
			again = append(again, e) // for a record that the next Open can trust
		}
		e.mu.Unlock()
	}
	for _, e := range again {
		c.changed(e)
	}
	if c.relimit {
		b.limit, c.relimit = c.limit, false
	}
	b.ledger = c.ledger.take()
	return b, dirty, sync
}

// keep undoes gather, but for what has changed again since.
func (c *Cache) keep(b *batch, dirty map[protocol.ID]*entry, sync []syncing) {
	for _, s := range sync {
		s.e.mu.Lock()
		s.e.wrote, s.e.fresh = s.e.wrote || s.data, s.e.fresh || s.fresh
		s.e.mu.Unlock()
	}
	c.mu.Lock()
	for id := range b.gone {
		c.gone[id] = struct{}{}
	}
	for _, e := range dirty {
		c.changed(e)
	}
	c.relimit = c.relimit || b.limit != 0
	c.mu.Unlock()
	if b.ledger != nil {
		c.ledger.touch()
	}
	c.wake()
}

// syncFiles makes chunks durable, one sync a track, however many there are.
func (c *Cache) syncFiles(tracks []syncing) error {
	folders := map[string]bool{}
	for _, s := range tracks {
		data := c.path(s.e.id, dataExt)
		if s.data {
			if err := syncPath(data); err != nil {
				return err
			}
		}
		if s.fresh {
			if err := syncPath(c.path(s.e.id, proofExt)); err != nil {
				return err
			}
			folders[filepath.Dir(data)] = true
		}
	}
	if len(folders) > 0 {
		folders[filepath.Join(c.dir, tracksDir)] = true
		folders[c.dir] = true
	}
	for dir := range folders {
		if err := syncPath(dir); err != nil {
			return err
		}
	}
	return nil
}
