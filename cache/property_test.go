package cache

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"earshot/protocol"
)

// model is what a cache should be: which chunks it was given, what it said that
// it lost, and who holds what.
type model struct {
	t      *testing.T
	r      *rand.Rand
	dir    string
	c      *Cache
	songs  []song
	have   []map[int]bool
	leases [][]*Track
	pinned []bool
}

// TestCacheAgreesWithItsModel does a few thousand random things, and after each
// holds the cache against the model: what was put and not lost is there, what is
// leased or pinned is not lost, and the limit holds.
func TestCacheAgreesWithItsModel(t *testing.T) {
	for seed := range uint64(6) {
		m := &model{t: t, r: rand.New(rand.NewPCG(seed, 9)), dir: t.TempDir()}
		m.songs = make([]song, 14)
		m.have = make([]map[int]bool, len(m.songs))
		m.leases = make([][]*Track, len(m.songs))
		m.pinned = make([]bool, len(m.songs))
		for i := range m.songs {
			m.songs[i] = newSong(1+m.r.IntN(250_000), seed<<8|uint64(i))
			m.have[i] = map[int]bool{}
		}
		m.open(900_000)
		for range 400 {
			m.step()
			m.check()
		}
		m.reopen()
		m.check()
		closeTest(t, m.c)
	}
}

func (m *model) open(limit int64) {
	dir := m.dir
	m.c = openTest(m.t, dir, Options{Limit: limit, OnLost: func(id protocol.ID) {
		if m.dir == dir { // else it is dead to the model
			m.lost(id)
		}
	}}, testSeams())
}

func (m *model) lost(id protocol.ID) {
	for i := range m.songs {
		if m.songs[i].ID != id {
			continue
		}
		if len(m.leases[i]) > 0 || m.pinned[i] {
			m.t.Errorf("a track was evicted with %d leases, pinned: %v", len(m.leases[i]), m.pinned[i])
		}
		clear(m.have[i])
	}
}

func (m *model) step() {
	i := m.r.IntN(len(m.songs))
	s := &m.songs[i]
	switch m.r.IntN(12) {
	case 0, 1, 2:
		m.leases[i] = append(m.leases[i], m.acquire(s))
	case 3, 4:
		m.release(i)
	case 5, 6, 7, 8, 9:
		if len(m.leases[i]) > 0 {
			m.put(i, m.leases[i][0])
		}
	case 10:
		m.administer(i)
	case 11:
		if m.r.IntN(10) == 0 {
			m.reopen()
		}
	}
}

func (m *model) acquire(s *song) *Track {
	tr, err := m.c.Acquire(s.Header)
	if err == nil {
		err = tr.SetProof(s.tree)
	}
	if err != nil && !errors.Is(err, ErrFull) {
		m.t.Fatal(err)
	}
	return tr
}

func (m *model) release(i int) {
	if n := len(m.leases[i]); n > 0 {
		last := m.leases[i][n-1]
		m.leases[i] = m.leases[i][:n-1]
		last.Release()
	}
}

func (m *model) put(i int, tr *Track) {
	s := &m.songs[i]
	for range 4 {
		k := m.r.IntN(s.chunks())
		switch err := tr.Put(k, s.chunk(k)); {
		case err == nil:
			m.have[i][k] = true
		case !errors.Is(err, ErrFull):
			m.t.Fatal(err)
		}
	}
}

func (m *model) administer(i int) {
	s := &m.songs[i]
	there := len(m.have[i]) > 0
	switch m.r.IntN(4) {
	case 0:
		pin := m.r.IntN(3) == 0
		if err := m.c.Pin(s.ID, pin); there != (err == nil) {
			m.t.Fatalf("pinning: %v", err)
		} else if there {
			m.pinned[i] = pin
		}
	case 1:
		for len(m.leases[i]) > 0 {
			m.release(i)
		}
		m.pinned[i] = false
		if err := m.c.Remove(s.ID); there != (err == nil) {
			m.t.Fatalf("removing: %v", err)
		}
	case 2:
		if err := m.c.SetLimit(600_000 + m.r.Int64N(900_000)); err != nil {
			m.t.Fatal(err)
		}
	case 3:
		if err := m.c.flush(); err != nil {
			m.t.Fatal(err)
		}
	}
}

// reopen closes the cache, or lets it crash.
func (m *model) reopen() {
	limit := m.c.Stats().Limit
	if m.r.IntN(2) == 0 {
		if err := m.c.flush(); err != nil { // for the pins: no chunk needs it
			m.t.Fatal(err)
		}
		m.dir = crash(m.t, m.dir)
	}
	for i := range m.leases {
		for len(m.leases[i]) > 0 {
			m.release(i)
		}
	}
	closeTest(m.t, m.c)
	m.open(limit)
}

func (m *model) check() {
	m.t.Helper()
	st := m.c.Stats()
	held := m.c.overhead
	tracks, pinned := 0, 0
	buf := make([]byte, protocol.ChunkSize)
	for i := range m.songs {
		s := &m.songs[i]
		in, ok := m.c.Lookup(s.ID)
		if ok != (len(m.have[i]) > 0) || in.Have != len(m.have[i]) || in.Complete != (len(m.have[i]) == s.chunks()) {
			m.t.Fatalf("song %d: %+v, want %d chunks", i, in, len(m.have[i]))
		}
		if ok && in.Pinned != m.pinned[i] {
			m.t.Fatalf("song %d is pinned: %v", i, in.Pinned)
		}
		if ok {
			tracks++
		}
		if m.pinned[i] {
			pinned++
		}
		if len(m.leases[i]) > 0 || m.pinned[i] {
			held += in.Bytes
		}
		for k := range m.have[i] {
			if len(m.leases[i]) > 0 && m.r.IntN(10) == 0 {
				if n, err := m.leases[i][0].ReadChunk(k, buf); err != nil || !bytes.Equal(buf[:n], s.chunk(k)) {
					m.t.Fatalf("song %d, chunk %d: %v", i, k, err)
				}
			}
		}
	}
	if st.Tracks != tracks || st.Pinned != pinned {
		m.t.Fatalf("%+v, want %d tracks, %d pinned", st, tracks, pinned)
	}
	if st.Bytes > max(st.Limit, held) {
		m.t.Fatalf("%d bytes, limit %d, of which %d cannot be evicted", st.Bytes, st.Limit, held)
	}
	if m.r.IntN(10) == 0 {
		m.checkDisk(st)
	}
}

// checkDisk holds the books against what the files take.
func (m *model) checkDisk(st Stats) {
	took, _ := onDisk(m.t, m.dir)
	// Files in many pieces take up to two blocks more; the marker takes none.
	if slack := int64(len(m.songs)) * 2 * blockSize; took < st.Bytes-slack || took > st.Bytes+slack {
		m.t.Fatalf("%d bytes on disk, %d in the books", took, st.Bytes)
	}
}
