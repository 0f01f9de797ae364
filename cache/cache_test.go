package cache

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"

	"earshot/protocol"
)

func TestWhatIsPutIsReadBack(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	for _, size := range []int{1, 1024, protocol.ChunkSize - 1, protocol.ChunkSize, protocol.ChunkSize + 1, 5 * protocol.ChunkSize, 1_000_000} {
		s := newSong(size, uint64(size))
		fill(t, c, &s)
		all := make([]int, s.chunks())
		for i := range all {
			all[i] = i
		}
		mustHold(t, c, &s, all...)
		in, ok := c.Lookup(s.ID)
		if !ok || !in.Complete || in.Have != s.chunks() || in.Pinned || in.Track != s.Track {
			t.Errorf("%d bytes: %+v", size, in)
		}
	}
}

func TestWrongChunkIsNeverStored(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	s := newSong(100_000, 1)
	tr := acquire(t, c, &s)
	defer tr.Release()
	wrong := bytes.Clone(s.chunk(2))
	wrong[77] ^= 1
	last := s.chunks() - 1
	for name, c := range map[string]struct {
		i    int
		data []byte
	}{
		"a flipped bit":      {2, wrong},
		"another chunk":      {2, s.chunk(3)},
		"too short":          {2, s.chunk(2)[:100]},
		"empty":              {2, nil},
		"the last, too long": {last, s.chunk(2)},
		"below the first":    {-1, s.chunk(0)},
		"beyond the last":    {last + 1, s.chunk(0)},
	} {
		if err := tr.Put(c.i, c.data); !errors.Is(err, ErrBadChunk) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := tr.Have().Count(); n != 0 {
		t.Errorf("%d chunks stored", n)
	}
	if _, err := tr.ReadChunk(2, make([]byte, protocol.ChunkSize)); !errors.Is(err, ErrMissing) {
		t.Errorf("reading it: %v", err)
	}
}

func TestWrongProofTreeIsRefused(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	s := newSong(9*protocol.ChunkSize+5, 1)
	tr, err := c.Acquire(s.Header)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Release()
	if err := tr.Put(0, s.chunk(0)); !errors.Is(err, ErrNoProof) {
		t.Errorf("a chunk before the proof tree: %v", err)
	}
	for at := range s.tree {
		wrong := bytes.Clone(s.tree)
		wrong[at] ^= 4
		if err := tr.SetProof(wrong); !errors.Is(err, ErrBadProof) {
			t.Fatalf("byte %d flipped: %v", at, err)
		}
	}
	for _, wrong := range [][]byte{nil, s.tree[:len(s.tree)-1], append(bytes.Clone(s.tree), 0)} {
		if err := tr.SetProof(wrong); !errors.Is(err, ErrBadProof) {
			t.Fatalf("%d bytes: %v", len(wrong), err)
		}
	}
	if _, ok := tr.Proof(); ok {
		t.Error("a wrong tree was kept")
	}
	if err := tr.SetProof(s.tree); err != nil {
		t.Error(err)
	}
	if tree, ok := tr.Proof(); !ok || !bytes.Equal(tree, s.tree) {
		t.Error("the tree is not what was set")
	}
}

func TestHeaderThatDoesNotFitIsRefused(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	s := newSong(100_000, 1)
	fill(t, c, &s, 1)
	longer := s.Header
	longer.Size++
	empty := s.Header
	empty.Seek = nil
	for name, h := range map[string]protocol.Header{"another size": longer, "no seek table": empty, "nothing": {}} {
		if tr, err := c.Acquire(h); !errors.Is(err, ErrBadHeader) {
			t.Errorf("%s: %v %v", name, tr, err)
		}
	}
}

func TestReopenedCacheHoldsWhatItHeld(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	whole, part, gone := newSong(100_000, 1), newSong(200_000, 2), newSong(50_000, 3)
	fill(t, c, &whole)
	fill(t, c, &part, 0, 5, 12)
	fill(t, c, &gone)
	if err := errors.Join(c.Pin(part.ID, true), c.Remove(gone.ID)); err != nil {
		t.Fatal(err)
	}
	before := slices.Collect(c.Tracks())
	closeTest(t, c)

	c = openTest(t, dir, Options{}, testSeams())
	if after := slices.Collect(c.Tracks()); !reflect.DeepEqual(before, after) {
		t.Errorf("before: %+v\nafter: %+v", before, after)
	}
	mustHold(t, c, &whole, 0, 1, 2, 3, 4, 5, 6)
	mustHold(t, c, &part, 0, 5, 12)
	mustNotHold(t, c, &gone)
	tr, ok := c.AcquireCached(part.ID)
	if !ok {
		t.Fatal("not cached")
	}
	defer tr.Release()
	if !reflect.DeepEqual(tr.Header(), part.Header) {
		t.Errorf("header %+v, want %+v", tr.Header(), part.Header)
	}
}

func TestTracksComeMostRecentlyUsedFirst(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	songs := make([]song, 5)
	for i := range songs {
		songs[i] = newSong(1000, uint64(i))
		fill(t, c, &songs[i])
	}
	mustHold(t, c, &songs[1], 0) // a use
	var got []protocol.ID
	for in := range c.Tracks() {
		got = append(got, in.ID)
	}
	want := []protocol.ID{songs[1].ID, songs[4].ID, songs[3].ID, songs[2].ID, songs[0].ID}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if s := c.Stats(); s.Tracks != 5 || s.Partial != 0 || s.OldestUsed.After(s.OldestUsed.Add(1)) {
		t.Errorf("%+v", s)
	}
}

func TestPrefixFindsItsTracks(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	var all []protocol.ID
	for i := range 20 {
		s := newSong(10, uint64(i))
		fill(t, c, &s)
		all = append(all, s.ID)
	}
	slices.SortFunc(all, protocol.ID.Compare)
	if got := c.Resolve(""); !slices.Equal(got, all) {
		t.Errorf("the empty prefix gives %d of 20", len(got))
	}
	for _, id := range all {
		for _, prefix := range []string{id.String(), id.String()[:9], fmt.Sprintf("%X", id[:5])} {
			if got := c.Resolve(prefix); !slices.Equal(got, []protocol.ID{id}) {
				t.Errorf("%s gives %v", prefix, got)
			}
		}
	}
	for _, prefix := range []string{"x", hex.EncodeToString(make([]byte, 32)), all[0].String() + "0"} {
		if got := c.Resolve(prefix); got != nil {
			t.Errorf("%q gives %v", prefix, got)
		}
	}
}

func TestSecondOwnerIsRefused(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir, Options{}, testSeams())
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("the second gets %v", err)
	}
}

func TestClosedCacheAndReleasedTrackRefuse(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	s := newSong(100_000, 1)
	held, released := acquire(t, c, &s), acquire(t, c, &s)
	released.Release()
	released.Release()
	buf := make([]byte, protocol.ChunkSize)
	if _, err := released.ReadChunk(0, buf); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("reading: %v", err)
	}
	if err := released.Put(0, s.chunk(0)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("putting: %v", err)
	}
	if err := held.Put(0, s.chunk(0)); err != nil {
		t.Errorf("the other lease: %v", err)
	}
	closeTest(t, c)
	closeTest(t, c)
	for what, err := range map[string]error{
		"put": held.Put(1, s.chunk(1)), "remove": c.Remove(s.ID), "pin": c.Pin(s.ID, true), "limit": c.SetLimit(1e9),
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.Acquire(s.Header); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("acquire: %v", err)
	}
	held.Release()
}

func TestTrackWithoutChunksIsForgotten(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	s := newSong(100_000, 1)
	_, before := onDisk(t, dir)
	tr := acquire(t, c, &s)
	if _, ok := c.Lookup(s.ID); ok {
		t.Error("it is there before its first chunk")
	}
	shared, ok := c.AcquireCached(s.ID)
	if !ok {
		t.Fatal("a track in the making cannot be shared")
	}
	tr.Release()
	shared.Release()
	mustNotHold(t, c, &s)
	if _, after := onDisk(t, dir); after > before+1 { // the marker
		t.Errorf("%d files before, %d after", before, after)
	}
	if s := c.Stats(); s.Tracks != 0 || s.Bytes != c.overhead {
		t.Errorf("%+v", s)
	}
}

func TestRemovedTrackLivesOnForItsReaders(t *testing.T) {
	var lost []protocol.ID
	c := openTest(t, t.TempDir(), Options{OnLost: func(id protocol.ID) { lost = append(lost, id) }}, testSeams())
	s := newSong(100_000, 1)
	fill(t, c, &s, 0, 1)
	reader := acquire(t, c, &s)
	taken := c.Stats().Bytes
	if err := c.Remove(s.ID); err != nil {
		t.Fatal(err)
	}
	mustNotHold(t, c, &s)
	if !slices.Equal(lost, []protocol.ID{s.ID}) {
		t.Errorf("told of %v", lost)
	}
	buf := make([]byte, protocol.ChunkSize)
	if n, err := reader.ReadChunk(1, buf); err != nil || !bytes.Equal(buf[:n], s.chunk(1)) {
		t.Errorf("its reader: %v", err)
	}
	if err := reader.Put(2, s.chunk(2)); !errors.Is(err, ErrRemoved) {
		t.Errorf("its writer: %v", err)
	}
	if got := c.Stats().Bytes; got != taken {
		t.Errorf("%d bytes while it is held, want %d", got, taken)
	}
	fill(t, c, &s, 3) // a new life beside the old one
	mustHold(t, c, &s, 3)
	reader.Release()
	mustHold(t, c, &s, 3)
	if err := c.Remove(s.ID); err != nil {
		t.Fatal(err)
	}
	if got := c.Stats().Bytes; got != c.overhead {
		t.Errorf("%d bytes in an empty cache of %d", got, c.overhead)
	}
	if err := errors.Join(c.Remove(s.ID)); !errors.Is(err, ErrNotCached) {
		t.Errorf("removing what is not there: %v", err)
	}
	if err := c.Pin(s.ID, true); !errors.Is(err, ErrNotCached) {
		t.Errorf("pinning what is not there: %v", err)
	}
}

func TestFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil {
		t.Error("a cache in a file")
	}
}

func TestUsersOfOneTrackDoNotDisturbEachOther(t *testing.T) {
	s := testSeams()
	dir := t.TempDir()
	c := openTest(t, dir, Options{Limit: 1_500_000}, s)
	songs := make([]song, 8)
	for i := range songs {
		songs[i] = newSong(300_000, uint64(i))
	}
	var users sync.WaitGroup
	for u := range 8 {
		users.Go(func() {
			buf := make([]byte, protocol.ChunkSize)
			for round := range 12 {
				s := &songs[(u/2+round)%len(songs)]
				tr, err := c.Acquire(s.Header)
				if err != nil {
					t.Error(err)
					return
				}
				err = tr.SetProof(s.tree)
				for i := range s.chunks() {
					i = (i + u) % s.chunks()
					if err == nil {
						err = tr.Put(i, s.chunk(i))
					}
					if errors.Is(err, ErrFull) || errors.Is(err, ErrRemoved) {
						err = nil
					}
					n, e := tr.ReadChunk(i, buf)
					if e == nil && !bytes.Equal(buf[:n], s.chunk(i)) || e != nil && !errors.Is(e, ErrMissing) {
						t.Errorf("chunk %d: %v", i, e)
					}
				}
				if err != nil {
					t.Error(err)
				}
				tr.Release()
				if u == 0 && round%3 == 0 {
					c.Remove(s.ID)
				}
				c.Stats()
			}
		})
	}
	users.Wait()
	if st := c.Stats(); st.Bytes > st.Limit {
		t.Errorf("%d bytes, limit %d", st.Bytes, st.Limit)
	}
	closeTest(t, c)
	c = openTest(t, dir, Options{}, s)
	if _, err := c.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
