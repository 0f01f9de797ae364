package cache

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"

	"go.etcd.io/bbolt"
)

// commits returns how many transactions the index has seen.
func commits(t *testing.T, c *Cache) (n int) {
	t.Helper()
	if err := c.index.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestManyPutsCostOneTransactionASecond(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, dir, Options{}, testSeams())
		time.Sleep(2 * flushEvery) // the limit is written
		s, other := newSong(2_000_000, 1), newSong(1_000_000, 2)
		before := commits(t, c)
		tr, otherTr := acquire(t, c, &s), acquire(t, c, &other)
		for i := range s.chunks() {
			if err := tr.Put(i, s.chunk(i)); err != nil {
				t.Fatal(err)
			}
			if err := otherTr.Put(i/2, other.chunk(i/2)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(flushEvery / 150)
		}
		tr.Release()
		otherTr.Release()
		time.Sleep(flushEvery / 2)
		synctest.Wait()
		if n := commits(t, c) - before; n != 1 {
			t.Errorf("%d transactions for %d chunks in a second", n, 2*s.chunks())
		}
		time.Sleep(10 * flushEvery)
		idle := commits(t, c)
		time.Sleep(1000 * flushEvery)
		if n := commits(t, c) - idle; n != 0 {
			t.Errorf("%d transactions while nothing happens", n)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestMemoryGoesOnWhereTheIndexCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, dir, Options{}, testSeams())
		time.Sleep(2 * flushEvery)
		s := newSong(100_000, 1)
		fill(t, c, &s)
		// A folder in the place of the data file cannot be opened for writing,
		// nor can a loop of links be opened at all.
		data := c.path(s.ID, dataExt)
		if err := errors.Join(os.Rename(data, data+".away"), os.Symlink(filepath.Base(data), data)); err != nil {
			t.Fatal(err)
		}
		before := commits(t, c)
		time.Sleep(3*flushEvery + flushEvery/2)
		if n := commits(t, c) - before; n != 0 {
			t.Errorf("%d transactions over data that is not synced", n)
		}
		if in, ok := c.Lookup(s.ID); !ok || !in.Complete {
			t.Errorf("in memory: %+v", in)
		}
		if err := c.flush(); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("flushing: %v", err)
		}
		if err := os.Rename(data+".away", data); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * flushEvery)
		if n := commits(t, c) - before; n == 0 {
			t.Error("it is not written once it can be")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	c := openTest(t, dir, Options{}, testSeams())
	s := newSong(100_000, 1)
	mustHold(t, c, &s, 0, 1, 2, 3, 4, 5, 6)
}

func TestWaiterDoesNotHangVirtualTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := testSeams()
		slow := make(chan struct{})
		c := openTest(t, dir, Options{}, s)
		so := newSong(200_000, 1)
		tr := acquire(t, c, &so)
		c.seams.write = func(f *os.File, p []byte, off int64) (int, error) {
			<-slow // a disk that stands still
			return f.WriteAt(p, off)
		}
		for i := range 4 {
			go func() {
				if err := tr.Put(i, so.chunk(i)); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait() // returns only if all of them wait without a mutex
		if _, err := tr.ReadChunk(0, make([]byte, protocol.ChunkSize)); !errors.Is(err, ErrMissing) {
			t.Errorf("a reader meanwhile: %v", err)
		}
		if c.Stats().Tracks != 0 {
			t.Error("a chunk counts before it is there")
		}
		close(slow)
		synctest.Wait()
		if n := tr.Have().Count(); n != 4 {
			t.Errorf("%d chunks", n)
		}
		tr.Release()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
