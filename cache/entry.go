package cache

import (
	"os"
	"sync"
	"time"

	"earshot/cache/policy"
	"earshot/protocol"
)

// entry is one track in memory, about 450 bytes of it: of a track that no one
// uses only what Lookup and eviction must know.
type entry struct {
	id   protocol.ID
	size int64
	card string // the header without its seek table, encoded

	// Guarded by Cache.mu.
	place     policy.Place[*entry] // in Cache.recent or Cache.pinned
	live      *live                // while leased
	leases    int
	used      int64 // nanoseconds since 1970
	bytes     int64 // taken of the limit
	tally     tally // what it adds to Cache.tally
	pinned    bool
	removed   bool // no longer in Cache.tracks
	destroyed bool // and its files are gone too

	mu       sync.Mutex
	have     protocol.Bitmap // nil while all chunks are there
	count    int             // of chunks there
	proof    int             // length of the proof file; 0 while there is none
	recorded int64           // when its record was made, as loaded; nanoseconds since 1970, or 0
	changing bool            // the data file is being written to
	changed  int64           // when it was last written to; nanoseconds since 1970
	wrote    bool            // the data file has changed since it was last synced
	fresh    bool            // the files have been made since their folder was last synced
}

// live is what is kept of a track only while it is leased.
type live struct {
	// slot is held by whoever changes the track's files.
	slot chan struct{}
	// header is set before ready, and not changed after.
	header protocol.Header

	// Guarded by entry.mu, and changed only by who holds slot too.
	ready bool     // header is set, and what is on disk has been opened
	tree  []byte   // the proof tree, verified; nil while unknown
	data  *os.File // nil while there are no files
}

func newLive() *live { return &live{slot: make(chan struct{}, 1)} }

// newEntry returns an entry without chunks.
func newEntry(h *protocol.Header) *entry {
	return &entry{id: h.ID, size: h.Size, card: cardOf(h), have: protocol.NewBitmap(protocol.Chunks(h.Size))}
}

// cardOf encodes a header with a seek table of one entry and no setup, which are
// most of it.
func cardOf(h *protocol.Header) string {
	short := *h
	short.Seek, short.Setup = h.Seek[:1], nil
	return string(protocol.AppendHeader(nil, &short))
}

// track decodes the card. A damaged one gives what the index knows beside it.
func (e *entry) track() protocol.Track {
	h, err := protocol.ParseHeader([]byte(e.card))
	if err != nil || h.ID != e.id || h.Size != e.size {
		return protocol.Track{ID: e.id, Size: e.size}
	}
	return h.Track
}

// info returns all of Info but the Track. Cache.mu is held.
func (e *entry) info() Info {
	e.mu.Lock()
	n := e.count
	e.mu.Unlock()
	return Info{
		Have: n, Complete: n == e.chunks(), Pinned: e.pinned,
		Used: time.Unix(0, e.used), Bytes: e.bytes,
	}
}

func (e *entry) chunks() int { return protocol.Chunks(e.size) }

// has reports whether chunk i is there.
func (e *entry) has(i int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.hasLocked(i)
}

func (e *entry) hasLocked(i int) bool {
	if e.have == nil {
		return i >= 0 && i < e.count
	}
	return e.have.Has(i)
}

// haveMap returns a copy of the have map. e.mu is held.
func (e *entry) haveMap() protocol.Bitmap {
	if e.have == nil {
		return protocol.FullBitmap(e.chunks())
	}
	return e.have.Clone()
}

// begin says that the data file is about to change, settled that it has; between
// the two no record can say what it holds.
func (e *entry) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changing = true
}

func (e *entry) settled() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changing, e.changed, e.wrote = false, time.Now().UnixNano(), true
}

// quiet reports whether a record made now can be told by its time from the last
// change of the data file. e.mu is held.
func (e *entry) quiet(now time.Time) bool {
	return !e.changing && now.UnixNano()-e.changed > int64(clockMargin)
}

// set marks chunk i as there.
func (e *entry) set(i int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.have.Set(i)
	e.count++
	if e.count == e.chunks() {
		e.have = nil
	}
}

// clear marks chunk i, which is there, as missing.
func (e *entry) clear(i int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.have = e.haveMap()
	e.have.Clear(i)
	e.count--
}

// cost is what the chunks and the proof file take of the limit.
func (e *entry) cost() int64 {
	last := e.chunks() - 1
	n := int64(e.count) * protocol.ChunkSize
	if e.hasLocked(last) {
		n -= protocol.ChunkSize - chunkCost(e.size, last)
	}
	return n + blocks(int64(e.proof))
}

// blockSize is the grain of space in the file systems that are in use.
const blockSize = 4096

// blocks rounds n bytes up to whole blocks.
func blocks(n int64) int64 { return (n + blockSize - 1) &^ (blockSize - 1) }

// chunkCost is what chunk i takes of the limit: a chunk shares no block.
func chunkCost(size int64, i int) int64 { return blocks(int64(protocol.ChunkLen(size, i))) }

// recency is a list of entries in the order of their use. Cache.mu is held.
type recency = policy.Order[*entry]

// Place, LastUse and Kept are what the order of eviction is made of. Cache.mu
// is held.

// Place is e's place in Cache.recent or Cache.pinned.
func (e *entry) Place() *policy.Place[*entry] { return &e.place }

// LastUse is when e was last used.
func (e *entry) LastUse() int64 { return e.used }

// Kept reports whether e is leased.
func (e *entry) Kept() bool { return e.leases > 0 }
