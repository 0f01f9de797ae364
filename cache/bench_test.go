package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"earshot/protocol"
)

// writeIndex makes a cache of n tracks of 5 MB that has only an index, one
// track in ten partial, and returns their IDs.
func writeIndex(b *testing.B, dir string, n int) []protocol.ID {
	b.Helper()
	closeTest(b, openTest(b, dir, Options{}, testSeams()))
	ix, _, err := openIndex(dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer ix.close()
	r := rand.NewChaCha8([32]byte{7})
	s := newSong(protocol.ChunkSize, 1)
	s.Size = 5_000_000
	ids := make([]protocol.ID, n)
	batch := batch{records: map[protocol.ID][]byte{}, limit: 1 << 50}
	for i := range ids {
		r.Read(ids[i][:])
		s.ID = ids[i]
		s.Title = fmt.Sprintf("Prelude number %d", i)
		e := newEntry(&s.Header)
		e.used, e.proof = int64(i), 20_000
		for k := range e.chunks() {
			if i%10 != 0 || k%2 == 0 {
				e.set(k)
			}
		}
		batch.records[e.id] = appendRecord(nil, e, time.Unix(1, 0))
		if len(batch.records) == 10_000 || i == n-1 {
			if err := ix.write(&batch); err != nil {
				b.Fatal(err)
			}
			clear(batch.records)
		}
	}
	return ids
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{0, 2_000, 100_000} {
		b.Run(fmt.Sprintf("tracks=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			writeIndex(b, dir, n)
			b.ReportAllocs()
			for b.Loop() {
				c, err := open(dir, Options{}, testSeams())
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if n > 10_000 {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					b.ReportMetric(float64(m.HeapAlloc)/float64(n), "heap-B/track")
				}
				c.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkOpenAfterCrash has files to look at for each track, none of which
// must be read.
func BenchmarkOpenAfterCrash(b *testing.B) {
	const n = 2_000
	dir := b.TempDir()
	ids := writeIndex(b, dir, n)
	long := time.Unix(0, 0)
	for _, id := range ids {
		path := filepath.Join(dir, tracksDir, id.String()[:2])
		os.MkdirAll(path, 0o700)
		for _, ext := range []string{dataExt, proofExt} {
			name := filepath.Join(path, id.String()+ext)
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				b.Fatal(err)
			}
			os.Chtimes(name, long, long)
		}
	}
	for b.Loop() {
		os.WriteFile(filepath.Join(dir, uncleanFile), nil, 0o600)
		c, err := open(dir, Options{}, testSeams())
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if got := c.Stats().Tracks; got != n {
			b.Fatalf("%d tracks", got)
		}
		c.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/track")
}

// BenchmarkRebuild verifies one track of 5 MB that a crash left.
func BenchmarkRebuild(b *testing.B) {
	c := openTest(b, b.TempDir(), Options{}, testSeams())
	s := newSong(5_000_000, 1)
	fill(b, c, &s)
	b.SetBytes(s.Size)
	for b.Loop() {
		if e, err := c.readTrack(s.ID); err != nil || e.count != s.chunks() {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	dir := b.TempDir()
	ids := writeIndex(b, dir, 100_000)
	c := openTest(b, dir, Options{}, testSeams())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := c.Lookup(ids[i*7919%len(ids)]); !ok {
			b.Fatal("missing")
		}
		i++
	}
}

func BenchmarkStats(b *testing.B) {
	dir := b.TempDir()
	writeIndex(b, dir, 100_000)
	c := openTest(b, dir, Options{}, testSeams())
	for b.Loop() {
		c.Stats()
	}
}

func BenchmarkTracks(b *testing.B) {
	dir := b.TempDir()
	writeIndex(b, dir, 100_000)
	c := openTest(b, dir, Options{}, testSeams())
	for b.Loop() {
		for range c.Tracks() {
		}
	}
}

// BenchmarkAcquireCached opens and closes a track that nobody else uses.
func BenchmarkAcquireCached(b *testing.B) {
	c := openTest(b, b.TempDir(), Options{}, testSeams())
	s := newSong(5_000_000, 1)
	fill(b, c, &s)
	b.ReportAllocs()
	for b.Loop() {
		tr, ok := c.AcquireCached(s.ID)
		if !ok {
			b.Fatal("missing")
		}
		tr.Release()
	}
}

// BenchmarkPut stores chunks of tracks of 5 MB in a cache that must evict.
func BenchmarkPut(b *testing.B) {
	c := openTest(b, b.TempDir(), Options{Limit: 50_000_000}, testSeams())
	songs := make([]song, 20)
	for i := range songs {
		songs[i] = newSong(305*protocol.ChunkSize, uint64(i))
	}
	b.SetBytes(protocol.ChunkSize)
	b.ReportAllocs()
	var tr *Track
	k := 0
	for b.Loop() {
		s := &songs[k/305%len(songs)]
		if k%305 == 0 {
			if tr != nil {
				tr.Release()
			}
			tr = acquire(b, c, s)
		}
		if err := tr.Put(k%305, s.chunk(k%305)); err != nil {
			b.Fatal(err)
		}
		k++
	}
	tr.Release()
}

func BenchmarkReadChunk(b *testing.B) {
	c := openTest(b, b.TempDir(), Options{}, testSeams())
	s := newSong(5_000_000, 1)
	fill(b, c, &s)
	for _, procs := range []string{"alone", "parallel"} {
		b.Run(procs, func(b *testing.B) {
			b.SetBytes(protocol.ChunkSize)
			b.ReportAllocs()
			read := func(next func() bool) {
				tr := acquire(b, c, &s)
				defer tr.Release()
				buf := make([]byte, protocol.ChunkSize)
				for i := 0; next(); i++ {
					if _, err := tr.ReadChunk(i%305, buf); err != nil {
						b.Error(err)
						return
					}
				}
			}
			if procs == "alone" {
				read(b.Loop)
			} else {
				b.RunParallel(func(pb *testing.PB) { read(pb.Next) })
			}
		})
	}
}

func BenchmarkVerifyProof(b *testing.B) {
	s := newSong(5_000_000, 1)
	b.ReportAllocs()
	for b.Loop() {
		if !verifyProof(s.ID, s.Size, s.tree) {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkLedger(b *testing.B) {
	c := openTest(b, b.TempDir(), Options{}, testSeams())
	b.ReportAllocs()
	for b.Loop() {
		c.Ledger().Played(1, 2, 3)
	}
}
