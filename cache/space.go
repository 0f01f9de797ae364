package cache

import (
	"errors"
	"fmt"
)

// Where the disk is full, each try evicts at least diskFullStep bytes, more than
// any single write takes, so that one try is enough but for other programs that
// fill the disk at the same time. These are not outrun: the cache would be gone.
const (
	diskFullStep  = 1 << 20
	diskFullTries = 2
)

// SetLimit changes the limit, for good, and evicts down to it at once. It fails
// with ErrLimitTooSmall. Pinned and leased tracks stay, even above the limit.
func (c *Cache) SetLimit(bytes int64) error {
	if bytes < c.seams.floor {
		return ErrLimitTooSmall
	}
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	c.mu.Lock()
	c.limit, c.relimit = bytes, true
	c.mu.Unlock()
	c.wake()
	c.enforce()
	return nil
}

// enforce evicts down to the limit what no longer is leased or pinned, where the
// limit was lowered meanwhile.
func (c *Cache) enforce() {
	if !c.over() || c.enter() != nil {
		return
	}
	defer c.leave()
	c.shrink()
	c.tellLost()
}

// reserve makes n bytes of the limit e's, evicting others for it. It fails with
// ErrFull. The bytes of what is evicted count until its files are gone, so that
// the limit holds on disk, and not only in the books.
func (c *Cache) reserve(e *entry, n int64) error {
	if c.take(e, n) {
		return nil
	}
	c.evicting <- struct{}{}
	defer func() { <-c.evicting }()
	for !c.take(e, n) {
		if c.evictOldest() == 0 {
			return ErrFull
		}
	}
	return nil
}

// take makes n bytes e's if the limit allows it now.
func (c *Cache) take(e *entry, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes+c.overhead+n > c.limit {
		return false
	}
	c.bytes += n
	e.bytes += n
	return true
}

// giveBack takes n bytes from e again.
func (c *Cache) giveBack(e *entry, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes -= n
	e.bytes -= n
}

// shrink evicts down to the limit, as far as it can.
func (c *Cache) shrink() {
	c.evicting <- struct{}{}
	defer func() { <-c.evicting }()
	for c.over() && c.evictOldest() > 0 {
	}
}

func (c *Cache) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes+c.overhead > c.limit
}

// withSpace writes; where the disk is full it evicts and writes again.
func (c *Cache) withSpace(write func() error) error {
	err := write()
	for range diskFullTries {
		if !isDiskFull(err) {
			return err
		}
		if !c.evictBytes(diskFullStep) {
			break
		}
		err = write()
	}
	if isDiskFull(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// evictBytes evicts until n bytes are free, or there is nothing more to evict;
// it reports whether it evicted anything.
func (c *Cache) evictBytes(n int64) bool {
	c.evicting <- struct{}{}
	defer func() { <-c.evicting }()
	freed := int64(0)
	for freed < n {
		one := c.evictOldest()
		if one == 0 {
			break
		}
		freed += one
	}
	return freed > 0
}

// evictOldest evicts the least recently used track that is neither pinned nor
// leased, and returns the bytes that this freed; 0 if there is none. The caller
// holds c.evicting.
func (c *Cache) evictOldest() int64 {
	c.mu.Lock()
	e := c.recent.Evict()
	if e == nil {
		c.mu.Unlock()
		return 0
	}
	n := e.bytes
	c.detach(e)
	c.mu.Unlock()
	c.destroy(e)
	c.ledger.evicted()
	return max(n, 1)
}

// listOf returns the list that e is in. Cache.mu is held.
func (c *Cache) listOf(e *entry) *recency {
	if e.pinned {
		return &c.pinned
	}
	return &c.recent
}

// detach takes e out of the cache; its files and its bytes go with destroy, and
// until then its ID cannot be leased anew. Cache.mu is held.
func (c *Cache) detach(e *entry) {
	delete(c.tracks, e.id)
	delete(c.dirty, e.id)
	c.listOf(e).Remove(e)
	e.removed = true
	c.count(e)
	c.dying[e.id] = make(chan struct{})
	c.gone[e.id] = struct{}{}
	if e.info().Have > 0 {
		c.lost = append(c.lost, e.id)
	}
	c.wake()
}

// destroy removes the files of an entry that is detached.
func (c *Cache) destroy(e *entry) {
	if err := c.soil(); err != nil {
		c.log.Warn("the cache cannot mark that it is changing", "error", err)
	}
	c.removeFiles(e.id)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.dying[e.id])
	delete(c.dying, e.id)
	e.destroyed = true
	if e.leases == 0 {
		c.settle(e)
	}
}

// settle gives back all that an entry takes. Cache.mu is held.
func (c *Cache) settle(e *entry) {
	c.bytes -= e.bytes
	e.bytes = 0
}

// tellLost tells onLost of the tracks that lost something. It is called at the
// end of whatever can lose some, when nothing is held any more.
func (c *Cache) tellLost() {
	c.mu.Lock()
	lost := c.lost
	c.lost = nil
	c.mu.Unlock()
	for _, id := range lost {
		c.onLost(id)
	}
}

func isDamaged(err error) bool { return errors.Is(err, errDamaged) }
