package stream

import (
	"time"

	"earshot/cache"
	"earshot/node/swarm"
	"earshot/protocol"
)

// watch is what the swarm knows of a fetch.
type watch struct {
	s      *Stream
	pieces *pieces
}

var (
	_ swarm.Watcher = watch{}
	_ swarm.Sliced  = sharing{}
)

// Heard brings news of a neighbour's have map to the schedule.
func (w watch) Heard(c *swarm.Conn, m protocol.Message) {
	w.s.tell(func(f *fetch, now time.Duration) { f.heard(now, c, m) })
}

// Left takes a neighbour out of the schedule.
func (w watch) Left(c *swarm.Conn) {
	w.s.tell(func(f *fetch, now time.Duration) { f.gone(now, c) })
}

// Share opens what is verified of the track, stored or not yet.
func (w watch) Share() (swarm.Stored, bool) {
	t, ok := w.s.all.config.Cache.AcquireCached(w.s.id)
	return sharing{t, w.pieces}, ok
}

// sharing is a track in the making as others may have it: what is stored, and what
// is verified and not stored yet.
type sharing struct {
	*cache.Track
	pieces *pieces
}

// Have returns the have map of both.
func (t sharing) Have() protocol.Bitmap {
	have := t.Track.Have()
	t.pieces.mu.Lock()
	defer t.pieces.mu.Unlock()
	for i, m := range t.pieces.memory {
		if m.verified {
			have.Set(i)
		}
	}
	return have
}

// ReadChunk reads a chunk of either.
func (t sharing) ReadChunk(i int, buf []byte) (int, error) {
	t.pieces.mu.Lock()
	m := t.pieces.memory[i]
	t.pieces.mu.Unlock()
	if m != nil && m.verified { // it never changes
		return copy(buf, m.data), nil
	}
	return t.Track.ReadChunk(i, buf)
}

// Path returns what verifies chunks, where it is known.
func (t sharing) Path(first, count int) ([]byte, bool) {
	t.pieces.mu.Lock()
	path, ok := t.pieces.tree.Path(first, count)
	t.pieces.mu.Unlock()
	if ok {
		return path, true
	}
	return t.Track.Path(first, count)
}
