package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"earshot/protocol"
)

// Track is a lease on one track: until Release it is not evicted. Any number of
// leases on a track, and of goroutines on a lease, share what is there.
type Track struct {
	c    *Cache
	e    *entry
	l    *live
	refs atomic.Int32 // 1 for the holder, and 1 for each operation under way
	done atomic.Bool  // the holder has released it
}

// Acquire leases a track, and makes it if it is not there; it begins to exist
// for Lookup with its first chunk. The header of a track that is there stays as
// it is. It fails with ErrBadHeader, or an error of the file system.
func (c *Cache) Acquire(h protocol.Header) (*Track, error) {
	// What is kept is what can be read again, texts cut to their limits.
	kept, err := protocol.ParseHeader(protocol.AppendHeader(nil, &h))
	if err != nil {
		return nil, fmt.Errorf("track %s: %w: %w", h.ID.Short(), ErrBadHeader, err)
	}
	t, err := c.lease(h.ID, &kept, true)
	if err != nil {
		return nil, fmt.Errorf("taking track %s from the cache: %w", h.ID.Short(), err)
	}
	return t, nil
}

// AcquireCached leases a track that is there, or in the making by another lease;
// false if it is not, or cannot be opened.
func (c *Cache) AcquireCached(id protocol.ID) (*Track, bool) { return c.acquireCached(id, true) }

// Peek is AcquireCached for what is no use of the track: it is as old as before.
func (c *Cache) Peek(id protocol.ID) (*Track, bool) { return c.acquireCached(id, false) }

func (c *Cache) acquireCached(id protocol.ID, touch bool) (*Track, bool) {
	t, err := c.lease(id, nil, touch)
	if err != nil && !errors.Is(err, ErrNotCached) {
		c.log.Warn("a cached track cannot be opened", "track", id.Short(), "error", err)
	}
	return t, err == nil
}

// lease leases a track; one that is not there is made from h if that is not nil.
// A lease without touch leaves the order of use alone.
func (c *Cache) lease(id protocol.ID, h *protocol.Header, touch bool) (*Track, error) {
	for {
		t, removal, err := c.tryLease(id, h, touch)
		if removal != nil {
			<-removal // of its files, about to end
			continue
		}
		if err != nil {
			return nil, err
		}
		err = t.open()
		if err == nil {
			return t, nil
		}
		t.Release()
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errProofFile) {
			return nil, err
		}
		c.log.Warn("a cached track is damaged: dropping it", "track", id.Short(), "error", err)
		e := c.drop(t.e)
		c.tellLost()
		if e != nil {
			return nil, e
		}
		if h == nil {
			return nil, fmt.Errorf("%w: %w", ErrNotCached, err)
		}
	}
}

// tryLease leases a track in memory. It returns what to wait for where the
// files of a former track of that ID are being removed.
func (c *Cache) tryLease(id protocol.ID, h *protocol.Header, touch bool) (*Track, <-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, fmt.Errorf("the cache: %w", fs.ErrClosed)
	}
	if removal := c.dying[id]; removal != nil {
		return nil, removal, nil
	}
	e := c.tracks[id]
	switch {
	case e == nil && h == nil:
		return nil, nil, ErrNotCached
	case e == nil:
		e = newEntry(h)
		e.live = newLive()
		e.live.header, e.live.ready = *h, true
		c.tracks[id] = e
		c.recent.Push(e)
	case h != nil && h.Size != e.size:
		return nil, nil, fmt.Errorf("%w: %d bytes, the cache has one of %d", ErrBadHeader, h.Size, e.size)
	case e.live == nil:
		e.live = newLive()
	}
	e.leases++
	c.leases++
	if touch {
		c.touch(e)
	}
	t := &Track{c: c, e: e, l: e.live}
	t.refs.Store(1)
	return t, nil, nil
}

// touch makes e the most recently used, also where the clock has been set back since
// another was: the order is kept by these times. Cache.mu is held.
func (c *Cache) touch(e *entry) {
	c.newest = max(time.Now().UnixNano(), c.newest+1)
	e.used = c.newest
	c.listOf(e).Remove(e)
	c.listOf(e).Push(e)
	if e.info().Have > 0 {
		c.changed(e)
	}
}

// open opens what is on disk, if no other lease has.
func (t *Track) open() error {
	e, l := t.e, t.l
	isReady := func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return l.ready
	}
	if isReady() {
		return nil
	}
	l.slot <- struct{}{}
	defer func() { <-l.slot }()
	if isReady() {
		return nil
	}
	h, tree, length, err := t.c.readProofFile(e.id)
	if err != nil {
		return err
	}
	if h.Size != e.size || length != e.proof {
		return errProofFile
	}
	data, err := os.OpenFile(t.c.path(e.id, dataExt), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	l.header = h
	e.mu.Lock()
	defer e.mu.Unlock()
	l.tree, l.data, l.ready = tree, data, true
	return nil
}

// begin keeps the lease for one operation; false once it is released.
func (t *Track) begin() bool {
	for {
		n := t.refs.Load()
		if n <= 0 || t.done.Load() {
			return false
		}
		if t.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (t *Track) end() {
	if t.refs.Add(-1) == 0 {
		t.c.unlease(t.e)
		t.c.enforce()
	}
}

// Release ends the lease, once what is under way with it has ended. A track
// without any chunk is forgotten with its last lease.
func (t *Track) Release() {
	if !t.done.Swap(true) {
		t.end()
	}
}

// unlease ends a lease; the last one closes the files.
func (c *Cache) unlease(e *entry) {
	c.mu.Lock()
	e.leases--
	c.leases--
	if e.leases > 0 {
		c.mu.Unlock()
		return
	}
	l := e.live
	e.live = nil
	e.mu.Lock()
	empty, files := e.count == 0 && !e.removed, e.proof > 0
	data := l.data
	e.mu.Unlock()
	switch {
	case empty && !files:
		delete(c.tracks, e.id)
		c.recent.Remove(e)
		e.removed, e.destroyed = true, true
	case empty && !c.closed: // else the next Open removes it
		c.changes.Add(1)
		defer c.leave()
		c.detach(e)
		defer c.destroy(e)
	}
	c.mu.Unlock()
	if data != nil {
		data.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.destroyed {
		c.settle(e)
	}
}

// wrap says what was being done.
func (t *Track) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s track %s: %w", what, t.e.id.Short(), err)
}

// Header returns the track's header; its seek table is shared, and not to be
// changed.
func (t *Track) Header() protocol.Header { return t.l.header }

// Has reports whether chunk i is there.
func (t *Track) Has(i int) bool { return t.e.has(i) }

// Have returns a copy of the have map.
func (t *Track) Have() protocol.Bitmap {
	t.e.mu.Lock()
	defer t.e.mu.Unlock()
	return t.e.haveMap()
}

// Complete reports whether all chunks are there.
func (t *Track) Complete() bool {
	t.e.mu.Lock()
	defer t.e.mu.Unlock()
	return t.e.count == t.e.chunks()
}

// Proof returns the track's proof tree, shared and not to be changed; false
// while it is not known.
func (t *Track) Proof() ([]byte, bool) {
	tree, _ := t.opened()
	return tree, tree != nil
}

// Path returns those nodes of the proof tree that verify count chunks from first
// on (protocol.Path); false while the tree is not known.
func (t *Track) Path(first, count int) ([]byte, bool) {
	tree, _ := t.opened()
	path := protocol.Path(tree, t.e.size, first, count)
	return path, path != nil
}

// opened returns the proof tree and the data file, nil while there is none.
func (t *Track) opened() ([]byte, *os.File) {
	t.e.mu.Lock()
	defer t.e.mu.Unlock()
	return t.l.tree, t.l.data
}

// SetProof gives the track its proof tree, after which chunks can be put. It
// fails with ErrBadProof; with ErrFull, ErrRemoved and errors of the file system
// the tree is known all the same, for as long as the lease. Setting it again
// does nothing.
func (t *Track) SetProof(tree []byte) error {
	if !t.begin() {
		return t.wrap("setting the proof tree of", fs.ErrClosed)
	}
	defer t.c.tellLost()
	defer t.end()
	if known, _ := t.opened(); known != nil {
		return nil
	}
	if !verifyProof(t.e.id, t.e.size, tree) {
		return t.wrap("setting the proof tree of", ErrBadProof)
	}
	return t.wrap("storing the proof tree of", t.c.change(t.l, func() error {
		t.e.mu.Lock()
		if t.l.tree == nil {
			t.l.tree = bytes.Clone(tree)
		}
		t.e.mu.Unlock()
		return t.c.persist(t.e, t.l)
	}))
}

// SetLoudness stores what is known of the track's loudness now, for leases taken when
// there is none; a header that is leased stays as it is. It does nothing before the
// proof tree is stored.
func (t *Track) SetLoudness(l protocol.Loudness) error {
	if !t.begin() {
		return t.wrap("storing the loudness of", fs.ErrClosed)
	}
	defer t.c.tellLost()
	defer t.end()
	return t.wrap("storing the loudness of", t.c.change(t.l, func() error {
		return t.c.setLoudness(t.e, t.l, l)
	}))
}

// Put verifies and stores chunk i; one that is there is left alone. When it
// returns nil the chunk can be read and offered, and outlives the process. It
// fails with ErrNoProof, ErrBadChunk, ErrFull, ErrRemoved or an error of the
// file system: but for the first two, data is right, and worth playing from
// memory.
func (t *Track) Put(i int, data []byte) error {
	if !t.begin() {
		return t.wrap("storing a chunk of", fs.ErrClosed)
	}
	defer t.c.tellLost()
	defer t.end()
	if t.e.has(i) {
		return nil
	}
	tree, _ := t.opened()
	if tree == nil {
		return t.wrap("storing a chunk of", ErrNoProof)
	}
	if !protocol.VerifyChunk(t.e.id, t.e.size, tree, i, data) {
		return t.wrap(fmt.Sprintf("storing chunk %d of", i), ErrBadChunk)
	}
	return t.wrap("storing a chunk of", t.c.change(t.l, func() error {
		return t.c.store(t.e, t.l, i, data)
	}))
}

// ReadChunk reads chunk i into buf, which must hold protocol.ChunkSize bytes or
// the whole last chunk, and verifies it. It returns the chunk's length. It fails
// with ErrMissing; with ErrBadChunk where the disk gave something else than
// was stored: the chunk is then dropped, so that it can be fetched again.
// 8 us a chunk and no allocation.
func (t *Track) ReadChunk(i int, buf []byte) (int, error) {
	if !t.begin() {
		return 0, t.wrap("reading a chunk of", fs.ErrClosed)
	}
	defer t.end()
	if !t.e.has(i) {
		return 0, t.wrap("reading a chunk of", ErrMissing)
	}
	if len(buf) < protocol.ChunkLen(t.e.size, i) {
		return 0, t.wrap("reading a chunk of", io.ErrShortBuffer)
	}
	if n, ok := t.read(i, buf); ok {
		return n, nil
	}
	return t.reread(i, buf)
}

// read reads and verifies a chunk.
func (t *Track) read(i int, buf []byte) (int, bool) {
	tree, data := t.opened()
	n := protocol.ChunkLen(t.e.size, i)
	if m, _ := data.ReadAt(buf[:n], int64(i)*protocol.ChunkSize); m != n {
		return 0, false
	}
	return n, protocol.VerifyChunk(t.e.id, t.e.size, tree, i, buf[:n])
}

// reread reads a chunk that could not be read, alone with the files, and drops
// it if it is indeed damaged.
func (t *Track) reread(i int, buf []byte) (n int, err error) {
	defer t.c.tellLost()
	err = t.c.change(t.l, func() error {
		if !t.e.has(i) {
			return ErrMissing
		}
		var ok bool
		if n, ok = t.read(i, buf); ok {
			return nil
		}
		return errors.Join(ErrBadChunk, t.c.dropChunk(t.e, t.l, i))
	})
	if err != nil {
		return 0, t.wrap(fmt.Sprintf("reading chunk %d of", i), err)
	}
	return n, nil
}
