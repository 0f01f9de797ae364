package cache

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot/protocol"

	"go.uber.org/goleak"
	"lukechampine.com/blake3/bao"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		victim(dir)
	}
	goleak.VerifyTestMain(m)
}

// song is a track to test with.
type song struct {
	protocol.Header
	data, tree []byte
}

// newSong returns a track of random bytes; the same seed gives the same.
func newSong(size int, seed uint64) song {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	data := make([]byte, size)
	rand.NewChaCha8(key).Read(data)
	tree, root := bao.EncodeBuf(data, protocol.ChunkGroup, true)
	s := song{data: data, tree: tree}
	s.ID, s.Size = root, int64(size)
	s.Title, s.Artist, s.Album = "Präludium", "J. S. Bach", "Das Wohltemperierte Klavier"
	s.Duration, s.Bitrate = time.Second*time.Duration(size/24000+1), 192_000
	s.Format, s.SampleRate, s.Channels, s.Loudness = protocol.FormatMP3, 44100, 2, protocol.Loudness{TrackGain: -4321, TrackPeak: 1}
	for at := 0; at < size; at += 24000 {
		s.Seek = append(s.Seek, int64(at))
	}
	return s
}

func (s *song) chunk(i int) []byte {
	return s.data[i*protocol.ChunkSize:][:protocol.ChunkLen(s.Size, i)]
}

func (s *song) chunks() int { return protocol.Chunks(s.Size) }

func testSeams() seams {
	return seams{
		floor: 1,
		write: (*os.File).WriteAt,
		free:  func(string) (int64, error) { return 1 << 40, nil },
	}
}

// openTest opens a cache that the test's end closes.
func openTest(t testing.TB, dir string, o Options, s seams) *Cache {
	t.Helper()
	c, err := open(dir, o, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func closeTest(t testing.TB, c *Cache) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// acquire leases a song and sets its proof tree.
func acquire(t testing.TB, c *Cache, s *song) *Track {
	t.Helper()
	tr, err := c.Acquire(s.Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.SetProof(s.tree); err != nil {
		t.Fatal(err)
	}
	return tr
}

// fill puts chunks of a song, all if none are named.
func fill(t testing.TB, c *Cache, s *song, chunks ...int) {
	t.Helper()
	tr := acquire(t, c, s)
	defer tr.Release()
	if chunks == nil {
		for i := range s.chunks() {
			chunks = append(chunks, i)
		}
	}
	for _, i := range chunks {
		if err := tr.Put(i, s.chunk(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// mustHold fails unless the cache holds exactly these chunks of a song, and
// reads each back right.
func mustHold(t testing.TB, c *Cache, s *song, chunks ...int) {
	t.Helper()
	tr, ok := c.AcquireCached(s.ID)
	if !ok {
		t.Fatalf("the track is not cached")
	}
	defer tr.Release()
	want := protocol.NewBitmap(s.chunks())
	buf := make([]byte, protocol.ChunkSize)
	for _, i := range chunks {
		want.Set(i)
		n, err := tr.ReadChunk(i, buf)
		if err != nil || !bytes.Equal(buf[:n], s.chunk(i)) {
			t.Fatalf("chunk %d: %d bytes, %v", i, n, err)
		}
	}
	if !bytes.Equal(tr.Have(), want) {
		t.Fatalf("have map %08b, want %08b", tr.Have(), want)
	}
}

func mustNotHold(t testing.TB, c *Cache, s *song) {
	t.Helper()
	if in, ok := c.Lookup(s.ID); ok {
		t.Fatalf("the track is still there: %+v", in)
	}
	if tr, ok := c.AcquireCached(s.ID); ok {
		tr.Release()
		t.Fatal("the track can still be leased")
	}
	for _, ext := range []string{dataExt, proofExt} {
		if _, err := os.Stat(c.path(s.ID, ext)); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("its %s file is still there: %v", ext, err)
		}
	}
}

// onDisk adds up what the files under dir take, and how many they are.
func onDisk(t testing.TB, dir string) (bytes int64, files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		bytes += allocated(fi)
		files++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes, files
}

// crash copies the folder of an open cache as a killed process would leave it.
func crash(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// damage flips a bit of a file.
func damage(t testing.TB, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}
