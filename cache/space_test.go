package cache

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"

	"earshot/protocol"
)

// songCost is what a complete song takes of the limit.
func songCost(s *song) int64 {
	return blocks(s.Size) + blocks(int64(len(encodeProofFile(&s.Header, s.tree))))
}

func TestLeastRecentlyUsedTrackGoesFirst(t *testing.T) {
	var lost []protocol.ID
	c := openTest(t, t.TempDir(), Options{OnLost: func(id protocol.ID) { lost = append(lost, id) }}, testSeams())
	songs := make([]song, 6)
	for i := range songs {
		songs[i] = newSong(100_000, uint64(i))
	}
	if err := c.SetLimit(4*songCost(&songs[0]) + c.overhead); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		fill(t, c, &songs[i])
	}
	mustHold(t, c, &songs[0], 0, 1, 2, 3, 4, 5, 6) // a use
	fill(t, c, &songs[4])
	fill(t, c, &songs[5])
	if want := []protocol.ID{songs[1].ID, songs[2].ID}; !slices.Equal(lost, want) {
		t.Errorf("evicted %v, want %v", lost, want)
	}
	mustNotHold(t, c, &songs[1])
	mustNotHold(t, c, &songs[2])
	if n := c.Ledger().Snapshot().Evictions; n != 2 {
		t.Errorf("%d evictions counted", n)
	}
}

func TestLeasedAndPinnedTracksAreNeverEvicted(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	songs := make([]song, 4)
	for i := range songs {
		songs[i] = newSong(100_000, uint64(i))
	}
	fill(t, c, &songs[0])
	fill(t, c, &songs[1])
	if err := c.Pin(songs[0].ID, true); err != nil {
		t.Fatal(err)
	}
	lease, _ := c.AcquireCached(songs[1].ID)
	if err := c.SetLimit(c.Stats().Bytes + songCost(&songs[2])); err != nil {
		t.Fatal(err)
	}
	fill(t, c, &songs[2])
	fill(t, c, &songs[3]) // takes the place of 2
	mustNotHold(t, c, &songs[2])
	mustHold(t, c, &songs[0], 0, 1, 2, 3, 4, 5, 6)
	held := acquire(t, c, &songs[3])
	more, err := c.Acquire(songs[2].Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := more.SetProof(songs[2].tree); !errors.Is(err, ErrFull) {
		t.Errorf("a full cache: %v", err)
	}
	if _, ok := more.Proof(); !ok {
		t.Error("a full cache does not even remember the proof tree")
	}
	if err := more.Put(0, songs[2].chunk(0)); !errors.Is(err, ErrFull) {
		t.Errorf("a full cache: %v", err)
	}
	lease.Release()
	if err := more.Put(0, songs[2].chunk(0)); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	mustNotHold(t, c, &songs[1])
	if err := c.Pin(songs[0].ID, false); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 7; i++ {
		if err := more.Put(i, songs[2].chunk(i)); err != nil {
			t.Errorf("chunk %d: %v", i, err)
		}
	}
	more.Release()
	held.Release()
}

func TestOnLostMayUseTheCache(t *testing.T) {
	var c *Cache
	again := newSong(100_000, 1)
	told := 0
	c = openTest(t, t.TempDir(), Options{OnLost: func(id protocol.ID) {
		told++
		if _, ok := c.Lookup(id); ok {
			t.Error("it is told before it is gone")
		}
		if told == 1 {
			fill(t, c, &again) // evicts in its turn
		}
	}}, testSeams())
	songs := make([]song, 4)
	for i := range songs {
		songs[i] = newSong(100_000, uint64(2+i))
		fill(t, c, &songs[i])
	}
	if err := c.SetLimit(c.Stats().Bytes - 1); err != nil {
		t.Fatal(err)
	}
	mustHold(t, c, &again, 0, 1, 2, 3, 4, 5, 6)
	if told != 2 {
		t.Errorf("told %d times", told)
	}
}

func TestLoweredLimitEvictsAtOnce(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	for i := range 10 {
		s := newSong(100_000, uint64(i))
		fill(t, c, &s)
	}
	limit := c.overhead + 300_000
	if err := c.SetLimit(limit); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Bytes > limit || s.Tracks != 2 {
		t.Errorf("%+v", s)
	}
	closeTest(t, c)
	c = openTest(t, dir, Options{}, testSeams())
	if s := c.Stats(); s.Limit != limit || s.Tracks != 2 {
		t.Errorf("reopened: %+v", s)
	}
	closeTest(t, c)
	c = openTest(t, dir, Options{Limit: limit - 150_000}, testSeams())
	if s := c.Stats(); s.Tracks != 1 {
		t.Errorf("reopened with a lower limit: %+v", s)
	}
}

func TestLimitIsATenthOfTheFreeDisk(t *testing.T) {
	for _, tt := range []struct{ free, want int64 }{
		{1e9, 1e8}, {1e12, 1e10}, {1e8, MinLimit}, {0, MinLimit},
	} {
		s := testSeams()
		s.floor, s.free = MinLimit, func(string) (int64, error) { return tt.free, nil }
		dir := t.TempDir()
		c := openTest(t, dir, Options{}, s)
		if got := c.Stats().Limit; got != tt.want {
			t.Errorf("%d bytes free: limit %d, want %d", tt.free, got, tt.want)
		}
		closeTest(t, c)
		s.free = func(string) (int64, error) { return 0, errors.New("asked again") }
		c = openTest(t, dir, Options{}, s)
		if got := c.Stats().Limit; got != tt.want {
			t.Errorf("reopened: limit %d, want %d", got, tt.want)
		}
		closeTest(t, c)
	}
}

func TestLimitBelowTheFloorIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, Options{Limit: MinLimit - 1}); !errors.Is(err, ErrLimitTooSmall) {
		t.Errorf("opening: %v", err)
	}
	c, err := Open(dir, Options{Limit: MinLimit})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetLimit(MinLimit - 1); !errors.Is(err, ErrLimitTooSmall) {
		t.Errorf("setting: %v", err)
	}
}

// fullDisk is a disk with room for some bytes only.
type fullDisk struct{ left int }

// write writes what fits, as write(2) does.
func (d *fullDisk) write(f *os.File, p []byte, off int64) (int, error) {
	n := max(0, min(len(p), d.left))
	d.left -= n
	if _, err := f.WriteAt(p[:n], off); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return n, nil
}

func TestFullDiskEvictsAndThenRefuses(t *testing.T) {
	disk := &fullDisk{left: 1 << 30}
	s := testSeams()
	s.write = disk.write
	dir := t.TempDir()
	c := openTest(t, dir, Options{OnLost: func(protocol.ID) { disk.left += 1 << 20 }}, s)
	old, next := newSong(100_000, 1), newSong(200_000, 2)
	fill(t, c, &old)
	tr := acquire(t, c, &next)
	if err := tr.Put(0, next.chunk(0)); err != nil {
		t.Fatal(err)
	}
	disk.left = 5000
	// The space of what is evicted comes back before onLost is told, on a real
	// disk; here it takes until the next write.
	if err := tr.Put(1, next.chunk(1)); !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	mustNotHold(t, c, &old)
	if err := tr.Put(1, next.chunk(1)); err != nil {
		t.Errorf("with room again: %v", err)
	}
	disk.left = 100
	for i := 2; i < next.chunks(); i++ {
		if err := tr.Put(i, next.chunk(i)); !errors.Is(err, ErrFull) {
			t.Errorf("nothing to evict: %v", err)
		}
	}
	tr.Release()
	mustHold(t, c, &next, 0, 1)
	other := newSong(50_000, 3)
	tr, err := c.Acquire(other.Header)
	if err != nil {
		t.Fatal(err)
	}
	disk.left = -1 << 30
	if err := tr.SetProof(other.tree); !errors.Is(err, ErrFull) {
		t.Errorf("a proof tree on a full disk: %v", err)
	}
	tr.Release()
	closeTest(t, c)
	if took, _ := onDisk(t, dir); took > c.overhead+8192 {
		t.Errorf("%d bytes left behind beside %d of the index", took, c.overhead)
	}
}

func TestUnwritableDiskIsNotTakenForAFullOne(t *testing.T) {
	s := testSeams()
	c := openTest(t, t.TempDir(), Options{}, s)
	old, next := newSong(100_000, 1), newSong(200_000, 2)
	fill(t, c, &old)
	tr := acquire(t, c, &next)
	defer tr.Release()
	c.seams.write = func(*os.File, []byte, int64) (int, error) { return 0, syscall.EIO }
	if err := tr.Put(1, next.chunk(1)); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if _, ok := c.Lookup(old.ID); !ok {
		t.Error("it evicted")
	}
}
