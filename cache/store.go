package cache

import (
	"os"

	"earshot/protocol"
)

// change runs f, which changes a track's files, alone with them.
func (c *Cache) change(l *live, f func() error) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	l.slot <- struct{}{}
	defer func() { <-l.slot }()
	return f()
}

// persist makes the track's files, unless they are there. The caller holds the
// slot.
func (c *Cache) persist(e *entry, l *live) error {
	c.mu.Lock()
	removed := e.removed
	c.mu.Unlock()
	if removed {
		return ErrRemoved
	}
	if l.data != nil {
		return nil
	}
	proof := encodeProofFile(&l.header, l.tree)
	cost := blocks(int64(len(proof)))
	if err := c.reserve(e, cost); err != nil {
		return err
	}
	var data *os.File
	err := c.withSpace(func() (err error) {
		if err = c.soil(); err == nil {
			data, err = c.makeFiles(e.id, proof)
		}
		return err
	})
	if err != nil {
		c.giveBack(e, cost)
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	l.data, e.proof, e.fresh = data, len(proof), true
	return nil
}

// setLoudness writes the track's proof file anew. The caller holds the slot.
func (c *Cache) setLoudness(e *entry, l *live, loudness protocol.Loudness) error {
	c.mu.Lock()
	removed := e.removed
	c.mu.Unlock()
	if removed || l.data == nil {
		return nil
	}
	h := l.header
	h.Loudness = loudness
	proof := encodeProofFile(&h, l.tree)
	more := blocks(int64(len(proof))) - blocks(int64(e.proof))
	if more > 0 {
		if err := c.reserve(e, more); err != nil {
			return err
		}
	}
	err := c.withSpace(func() error {
		if err := c.soil(); err != nil { // until the index has its length
			return err
		}
		return c.writeProofFile(c.path(e.id, proofExt), proof)
	})
	if err != nil {
		if more > 0 {
			c.giveBack(e, more)
		}
		return err
	}
	if more < 0 {
		c.giveBack(e, -more)
	}
	e.mu.Lock()
	e.proof, e.fresh = len(proof), true
	e.mu.Unlock()
	c.note(e)
	return nil
}

// store writes a chunk that is verified. The caller holds the slot.
func (c *Cache) store(e *entry, l *live, i int, chunk []byte) error {
	if e.has(i) {
		return nil
	}
	if err := c.persist(e, l); err != nil {
		return err
	}
	cost := chunkCost(e.size, i)
	if err := c.reserve(e, cost); err != nil {
		return err
	}
	e.begin()
	defer e.settled()
	err := c.withSpace(func() error {
		if err := c.soil(); err != nil {
			return err
		}
		_, err := c.seams.write(l.data, chunk, int64(i)*protocol.ChunkSize)
		return err
	})
	if err != nil {
		punch(l.data, int64(i)*protocol.ChunkSize, protocol.ChunkSize) // what was written of it
		c.giveBack(e, cost)
		return err
	}
	e.set(i)
	c.note(e)
	return nil
}

// note has e written to the index.
func (c *Cache) note(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed(e)
}

// dropChunk drops a damaged chunk. The caller holds the slot.
func (c *Cache) dropChunk(e *entry, l *live, i int) error {
	c.log.Warn("a chunk in the cache is damaged: dropping it", "track", e.id.Short(), "chunk", i)
	err := c.soil()
	e.begin()
	defer e.settled()
	e.clear(i)
	punch(l.data, int64(i)*protocol.ChunkSize, protocol.ChunkSize)
	c.giveBack(e, chunkCost(e.size, i))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = append(c.lost, e.id)
	c.changed(e)
	return err
}

// drop removes a track, whoever holds it; nothing if it is gone already.
func (c *Cache) drop(e *entry) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	c.mu.Lock()
	if e.removed {
		c.mu.Unlock()
		return nil
	}
	c.detach(e)
	l := e.live
	c.mu.Unlock()
	if l != nil {
		l.slot <- struct{}{} // what writes a chunk may still make the files
		defer func() { <-l.slot }()
	}
	c.destroy(e)
	return nil
}
