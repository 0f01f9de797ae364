package stream

import (
	"errors"
	"sync"

	"earshot/cache"
	"earshot/node/schedule"
	"earshot/protocol"
)

// provider is where a chunk came from.
type provider uint8

const (
	fromCache  provider = iota // it was here before the stream began
	fromServer                 // the server sent it
	fromPeers                  // a peer sent it
)

// pieces are the chunks of one track as they come: in memory until they are
// verified and stored, in the cache then.
type pieces struct {
	header protocol.Header
	track  *cache.Track
	line   func() *schedule.Timeline // computed once

	mu      sync.Mutex
	memory  map[int]*piece
	origin  []provider
	tree    *protocol.Tree // until proof
	proof   bool           // the whole proof tree is there
	changed chan struct{}  // closed when there is more to read
}

// piece is a chunk in memory. What is in data below n never changes.
type piece struct {
	data     []byte
	n        int  // bytes that can be read: a server's as they arrive, a peer's as they verify
	sure     int  // bytes that are verified, in whole slices
	verified bool // only the lack of the whole proof tree, or of room, keeps it from the cache
}

// maxMemory bounds the chunks that are held in memory for lack of room on the
// disk: 4 MiB, a minute and more of most tracks.
const maxMemory = 256

var (
	errCorrupt = errors.New("a chunk failed verification")
	errNoProof = errors.New("the proof tree is not there yet")
)

func newPieces(h protocol.Header, t *cache.Track) *pieces {
	_, proof := t.Proof()
	return &pieces{
		header: h, track: t, proof: proof, tree: protocol.NewTree(h.ID, h.Size),
		line:   sync.OnceValue(func() *schedule.Timeline { return schedule.NewTimeline(&h) }),
		memory: map[int]*piece{}, origin: make([]provider, protocol.Chunks(h.Size)), changed: make(chan struct{}),
	}
}

// has reports whether a whole chunk is there to read, verified or from the server.
func (p *pieces) has(i int) bool {
	p.mu.Lock()
	m := p.memory[i]
	whole := m != nil && m.n == len(m.data)
	p.mu.Unlock()
	return whole || p.track.Has(i)
}

// firstMissing returns the first chunk that is not stored; their number if all are.
func (p *pieces) firstMissing() int { return p.nextMissing(0) }

// nextMissing does from a chunk on.
func (p *pieces) nextMissing(from int) int {
	have, n := p.track.Have(), protocol.Chunks(p.header.Size)
	for i := from; i < n; i++ {
		if !have.Has(i) {
			return i
		}
	}
	return n
}

// homeless reports whether a chunk was verified and could not be stored for lack
// of room.
func (p *pieces) homeless() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.proof {
		return false
	}
	for _, m := range p.memory {
		if m.verified {
			return true
		}
	}
	return false
}

// wake lets waiting readers look again. p.mu is held.
func (p *pieces) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// complete takes a whole chunk: it is verified, stored, and no longer held in
// memory unless the proof tree is not whole or the disk has no room. shared tells
// whether it can be offered. errNoProof is returned where it cannot be verified
// yet: a chunk of the server is then kept, and settled when the proof comes; a
// peer's is the caller's to bring again.
func (p *pieces) complete(i int, data []byte, from provider) (shared bool, err error) {
	p.mu.Lock()
	if !p.proof {
		defer p.mu.Unlock()
		return p.keep(i, data, from)
	}
	if !p.track.Has(i) { // before a reader can find it there
		p.origin[i] = from
	}
	p.mu.Unlock()
	err = p.track.Put(i, data)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	switch {
	case err == nil:
		delete(p.memory, i)
		p.origin[i] = from
		return true, nil
	case errors.Is(err, cache.ErrBadChunk):
		delete(p.memory, i)
		return false, errCorrupt
	}
	p.memory[i] = &piece{data: data, n: len(data), verified: true}
	p.origin[i] = from
	return false, err
}

// keep takes a whole chunk before the proof tree is whole, as complete does. p.mu
// is held.
func (p *pieces) keep(i int, data []byte, from provider) (shared bool, err error) {
	if m := p.memory[i]; m != nil && m.verified {
		return true, nil
	}
	verified := p.tree.Covers(i)
	switch {
	case verified && !p.tree.Verify(i, data):
		delete(p.memory, i)
		return false, errCorrupt
	case !verified && from != fromServer:
		return false, errNoProof
	}
	p.memory[i] = &piece{data: data, n: len(data), verified: verified}
	p.origin[i] = from
	p.wake()
	if !verified {
		return false, errNoProof
	}
	return true, nil
}

// learn takes the path of count chunks from first on, false where it is none of
// this track. It returns those that can be shared now, and the proof tree where
// this made it whole.
func (p *pieces) learn(first, count int, path []byte) (shared, wrong []int, whole []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proof {
		return nil, nil, nil, true
	}
	if !p.tree.Add(first, count, path) {
		return nil, nil, nil, false
	}
	for i := first; i < first+count; i++ {
		m := p.memory[i]
		if m == nil || m.verified || m.n < len(m.data) {
			continue
		}
		if ok, err := p.keep(i, m.data, p.origin[i]); ok {
			shared = append(shared, i)
		} else if errors.Is(err, errCorrupt) {
			wrong = append(wrong, i)
		}
	}
	p.wake()
	whole, _ = p.tree.Whole()
	return shared, wrong, whole, true
}

// provable reports whether chunk i can be verified.
func (p *pieces) provable(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proof || p.tree.Covers(i)
}

// prove takes the proof tree and settles the chunks that waited for it. It
// returns those that can be shared only now, and those that proved wrong.
func (p *pieces) prove(tree []byte) (shared, wrong []int, err error) {
	if err := p.track.SetProof(tree); err != nil {
		return nil, nil, err
	}
	p.mu.Lock()
	p.proof = true
	waiting := map[int]*piece{}
	for i, m := range p.memory {
		if m.n == len(m.data) {
			waiting[i] = m
		}
	}
	p.mu.Unlock()
	for i, m := range waiting {
		ok, err := p.complete(i, m.data, p.provider(i))
		if errors.Is(err, errCorrupt) {
			wrong = append(wrong, i)
		} else if ok && !m.verified {
			shared = append(shared, i)
		}
	}
	return shared, wrong, nil
}

// unproven reports whether there are whole chunks that wait for the whole proof
// tree, and returns a channel that is closed when that may have changed.
func (p *pieces) unproven() (changed <-chan struct{}, some bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.memory {
		some = some || (!p.proof || !m.verified) && m.n == len(m.data)
	}
	return p.changed, some
}

// change returns a channel that is closed when there is more to read or to prove.
func (p *pieces) change() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// proven reports whether the proof tree is there.
func (p *pieces) proven() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proof
}

func (p *pieces) provider(i int) provider {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.origin[i]
}

// forget drops what memory holds of chunks before i beyond its bound, so that
// a track plays on where the disk is full. It returns what is missing again.
func (p *pieces) forget(before int) (missing []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.memory) <= maxMemory {
		return nil
	}
	for i, m := range p.memory {
		if i < before && m.verified {
			delete(p.memory, i)
			missing = append(missing, i)
		}
	}
	return missing
}

// read copies what is there at offset, from memory or, through scratch, from
// the cache. Where nothing is, wait is closed when that may have changed.
func (p *pieces) read(b []byte, offset int64, scratch *chunkBuffer) (n int, from provider, wait <-chan struct{}, err error) {
	i, at := int(offset/protocol.ChunkSize), int(offset%protocol.ChunkSize)
	p.mu.Lock()
	wait, from = p.changed, p.origin[i]
	if m := p.memory[i]; m != nil && m.n > at {
		n = copy(b, m.data[at:m.n])
	}
	p.mu.Unlock()
	if n > 0 {
		return n, from, nil, nil
	}
	if scratch.chunk != i || scratch.n == 0 {
		if !p.track.Has(i) {
			return 0, from, wait, nil
		}
		scratch.chunk, scratch.n = i, 0
		if scratch.n, err = p.track.ReadChunk(i, scratch.data[:]); err != nil {
			scratch.n = 0
			return 0, from, wait, err
		}
	}
	return copy(b, scratch.data[min(at, scratch.n):scratch.n]), from, nil, nil
}

// chunkBuffer keeps the chunk that a reader is in, so that reading it in small
// steps verifies it once.
type chunkBuffer struct {
	chunk int
	n     int
	data  [protocol.ChunkSize]byte
}
