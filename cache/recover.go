package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"earshot/protocol"
)

// clockMargin is how much older than its record a data file must be for the
// record to be trusted: by more than the clock that stamps files lags behind
// that of processes, which is one tick of the kernel, 10 ms at the most.
const clockMargin = 100 * time.Millisecond

// reconcile makes memory agree with the files, after a crash or without an
// index: 2 ms for a track of 5 MB that must be verified, a few us for others.
func (c *Cache) reconcile() {
	found := c.scan()
	for id, e := range c.tracks {
		if !found[id] {
			c.forget(e)
		}
	}
	suspects := make(chan protocol.ID)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for id := range suspects {
				c.rebuild(id)
			}
		})
	}
	for id := range found {
		c.mu.Lock()
		e := c.tracks[id]
		c.mu.Unlock()
		if e == nil || !c.trusted(e) {
			suspects <- id
		}
	}
	close(suspects)
	workers.Wait()
}

// scan returns the tracks with both files, and removes all other files.
func (c *Cache) scan() map[protocol.ID]bool {
	found := map[protocol.ID]bool{}
	root := filepath.Join(c.dir, tracksDir)
	for _, folder := range c.list(root) {
		path := filepath.Join(root, folder.Name())
		if !folder.IsDir() {
			c.removeStray(path)
			continue
		}
		files := map[protocol.ID]int{}
		for _, f := range c.list(path) {
			id, ok := trackFile(folder.Name(), f.Name())
			if !ok {
				c.removeStray(filepath.Join(path, f.Name()))
				continue
			}
			files[id]++
		}
		for id, n := range files {
			if n == 2 {
				found[id] = true
			} else {
				c.removeFiles(id)
			}
		}
	}
	return found
}

// list reads a folder. One that cannot be read holds nothing that can be used.
func (c *Cache) list(path string) []fs.DirEntry {
	entries, err := os.ReadDir(path)
	if err != nil {
		c.log.Warn("a folder of the cache cannot be read", "error", err)
	}
	return entries
}

// removeStray removes what is no file of a track.
func (c *Cache) removeStray(path string) {
	if err := os.RemoveAll(path); err != nil {
		c.log.Warn("a stray file in the cache cannot be removed", "error", err)
	}
}

// trackFile reads the name of a data or proof file.
func trackFile(folder, name string) (protocol.ID, bool) {
	ext := filepath.Ext(name)
	id, err := protocol.ParseID(strings.TrimSuffix(name, ext))
	if err != nil || ext != dataExt && ext != proofExt || id.String()+ext != name {
		return id, false
	}
	return id, name[:2] == folder
}

// trusted reports whether the record of e tells what its data file holds: the
// file is older, and takes no more of the disk.
func (c *Cache) trusted(e *entry) bool {
	fi, err := os.Lstat(c.path(e.id, dataExt))
	if err != nil || fi.ModTime().UnixNano() > e.recorded-int64(clockMargin) {
		return false
	}
	// File systems add blocks of their own for a file in many pieces.
	const ownBlocks = 2 * blockSize
	return allocated(fi) <= e.bytes-blocks(int64(e.proof))+ownBlocks
}

// rebuild makes the entry of a track from its files, chunk by chunk, or removes
// them if they hold nothing. What the index knew of its use stays.
func (c *Cache) rebuild(id protocol.ID) {
	e, err := c.readTrack(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.tracks[id]
	if old != nil {
		c.forget(old)
	}
	if err != nil || e.count == 0 {
		if err != nil && !errors.Is(err, errProofFile) {
			c.log.Warn("a cached track cannot be read: dropping it", "track", id.Short(), "error", err)
		}
		c.removeFiles(id)
		return
	}
	if old != nil {
		e.used, e.pinned = old.used, old.pinned
	}
	delete(c.gone, id)
	c.tracks[id] = e
	c.bytes += e.bytes
	c.changed(e)
}

// forget takes an entry out of memory. Only Open uses it, before there is more.
func (c *Cache) forget(e *entry) {
	delete(c.tracks, e.id)
	c.bytes -= e.bytes
	c.gone[e.id] = struct{}{}
	c.wake()
}

// readTrack verifies all that is on disk of a track.
func (c *Cache) readTrack(id protocol.ID) (*entry, error) {
	h, tree, length, err := c.readProofFile(id)
	if err != nil {
		return nil, err
	}
	data, err := os.OpenFile(c.path(id, dataExt), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	fi, err := data.Stat()
	if err != nil {
		return nil, err
	}
	if fi.Size() > h.Size {
		if err := data.Truncate(h.Size); err != nil {
			return nil, err
		}
	}
	e := newEntry(&h)
	e.used = fi.ModTime().UnixNano()
	e.proof, e.fresh = length, true
	buf := make([]byte, protocol.ChunkSize)
	for i := range e.chunks() {
		offset := int64(i) * protocol.ChunkSize
		chunk := buf[:protocol.ChunkLen(h.Size, i)]
		n := 0
		if offset < fi.Size() {
			n, _ = data.ReadAt(chunk, offset)
		}
		switch {
		case n == len(chunk) && protocol.VerifyChunk(id, h.Size, tree, i, chunk):
			e.set(i)
		case n > 0:
			punch(data, offset, protocol.ChunkSize)
		}
	}
	e.bytes = e.cost()
	return e, nil
}
