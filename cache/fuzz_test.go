package cache

import (
	"bytes"
	"os"
	"testing"
	"time"

	"earshot/protocol"
)

func FuzzProofFile(f *testing.F) {
	for _, size := range []int{1, protocol.ChunkSize, 200_000} {
		s := newSong(size, 1)
		good := encodeProofFile(&s.Header, s.tree)
		f.Add(s.ID[:], good)
		f.Add(s.ID[:], good[:len(good)-1])
		f.Add(s.ID[:], good[:proofFixed])
		bad := bytes.Clone(good)
		bad[len(bad)/2] ^= 1
		f.Add(s.ID[:], bad)
	}
	f.Add([]byte{}, []byte(proofMagic+"\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, key, b []byte) {
		var id protocol.ID
		copy(id[:], key)
		h, tree, err := decodeProofFile(id, b)
		if err != nil {
			return
		}
		if h.ID != id || !verifyProof(id, h.Size, tree) {
			t.Error("a tree that does not prove the track")
		}
		again := encodeProofFile(&h, tree)
		if _, _, err := decodeProofFile(id, again); err != nil {
			t.Errorf("encoded again: %v", err)
		}
	})
}

func FuzzRecord(f *testing.F) {
	for _, chunks := range [][]int{{0}, {1, 3, 5}, {0, 1, 2, 3, 4, 5, 6}} {
		s := newSong(100_000, 1)
		e := newEntry(&s.Header)
		e.proof, e.pinned = 500, len(chunks) == 3
		for _, i := range chunks {
			e.set(i)
		}
		f.Add(s.ID[:], appendRecord(nil, e, time.Unix(1, 2)))
	}
	f.Add([]byte{}, []byte{})
	f.Add(make([]byte, 32), append(make([]byte, recordFixed), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))
	f.Fuzz(func(t *testing.T, key, b []byte) {
		e, err := decodeRecord(key, b)
		if err != nil {
			return
		}
		if e.size <= 0 || e.size > protocol.MaxTrackSize || !e.haveMap().Valid(e.chunks()) ||
			e.haveMap().Count() != e.count || e.bytes < 0 || e.track().ID != e.id {
			t.Errorf("an entry that is not sound: %+v", e)
		}
		e.changed = time.Now().Add(-time.Hour).UnixNano()
		again, err := decodeRecord(key, appendRecord(nil, e, time.Now()))
		if err != nil || again.size != e.size || again.count != e.count || again.card != e.card || again.bytes != e.bytes {
			t.Errorf("encoded again: %+v, %v", again, err)
		}
	})
}

// FuzzChunkFile verifies, as after a crash, a track whose data file is anything.
func FuzzChunkFile(f *testing.F) {
	s := newSong(70_000, 1)
	f.Add(s.data)
	f.Add(s.data[:40_000])
	f.Add(append(bytes.Clone(s.data), 1, 2, 3))
	f.Add([]byte{})
	c := openTest(f, f.TempDir(), Options{}, testSeams())
	fill(f, c, &s)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(c.path(s.ID, dataExt), data, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := c.readTrack(s.ID)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.chunks() {
			end := i*protocol.ChunkSize + len(s.chunk(i))
			right := end <= len(data) && bytes.Equal(data[i*protocol.ChunkSize:end], s.chunk(i))
			if e.has(i) != right {
				t.Errorf("chunk %d is right: %v; it is taken for right: %v", i, right, e.has(i))
			}
		}
	})
}
