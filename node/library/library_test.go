package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"lukechampine.com/blake3"

	"earshot/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mp3 makes a file of silent MPEG-1 layer III frames (128 kbit/s, 44.1 kHz)
// with an ID3v2.4 tag of the given text frames.
func mp3(frames int, text map[string]string) []byte {
	var b bytes.Buffer
	if len(text) > 0 {
		head := []byte{'I', 'D', '3', 4, 0, 0, 0, 0, 0, 0}
		b.Write(head)
		for _, name := range slices.Sorted(maps.Keys(text)) {
			s := text[name]
			h := []byte(name + "\x00\x00\x00\x00\x00\x00")
			putSynchsafe(h[4:8], len(s)+1)
			b.Write(append(h, 3))
			b.WriteString(s)
		}
		putSynchsafe(b.Bytes()[6:10], b.Len()-10)
	}
	frame := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
	for range frames {
		b.Write(frame)
	}
	return b.Bytes()
}

type folder struct {
	t    *testing.T
	path string
}

func newFolder(t *testing.T) folder { return folder{t, t.TempDir()} }

func (f folder) write(path string, data []byte) {
	f.t.Helper()
	path = filepath.Join(f.path, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f folder) track(path, title, artist, album string, number int) protocol.ID {
	data := mp3(100, map[string]string{"TIT2": title, "TPE1": artist, "TALB": album, "TRCK": fmt.Sprint(number)})
	f.write(path, data)
	return blake3.Sum256(data)
}

func (f folder) open() *Library {
	f.t.Helper()
	l, err := Open(context.Background(), f.t.TempDir(), f.path, Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	return l
}

func scan(t *testing.T, l *Library) (p Progress) {
	t.Helper()
	if err := l.Scan(context.Background(), func(now Progress) { p = now }); err != nil {
		t.Fatal(err)
	}
	return p
}

func titles(t *testing.T, l *Library, q protocol.Query) string {
	t.Helper()
	r, err := l.Search(context.Background(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	var all []string
	for _, track := range r.Tracks {
		all = append(all, track.Title)
	}
	return strings.Join(all, ", ")
}

func TestAScannedTrackHasItsIDHeaderProofAndBytes(t *testing.T) {
	f := newFolder(t)
	id := f.track("a/b.mp3", "Prelude", "Bach", "WTC", 1)
	l := f.open()
	scan(t, l)
	ctx := context.Background()
	h, err := l.Header(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if h.Title != "Prelude" || h.Artist != "Bach" || h.Album != "WTC" || h.Number != 1 || h.SampleRate != 44100 || h.Samples == 0 || len(h.Seek) != 3 {
		t.Errorf("header %+v", h)
	}
	c, err := l.Content(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	data, _ := io.ReadAll(c)
	tree, err := l.Proof(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for i := range protocol.Chunks(h.Size) {
		if !protocol.VerifyChunk(id, h.Size, tree, i, data[i*protocol.ChunkSize:min((i+1)*protocol.ChunkSize, len(data))]) {
			t.Errorf("chunk %d does not verify", i)
		}
	}
}

func TestOnlyNewAndChangedFilesAreRead(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	f.track("2.mp3", "Two", "A", "X", 2)
	l := f.open()
	if p := scan(t, l); p.Files != 2 {
		t.Fatalf("first scan: %+v", p)
	}
	if p := scan(t, l); p.TotalFiles != 0 {
		t.Errorf("an unchanged folder: %+v", p)
	}
	f.track("2.mp3", "Two, changed", "A", "X", 2)
	f.track("3.mp3", "Three", "A", "X", 3)
	if p := scan(t, l); p.Files != 2 {
		t.Errorf("one changed, one new: %+v", p)
	}
	if got := titles(t, l, protocol.Query{Kind: protocol.QueryTracks}); got != "One, Two, changed, Three" {
		t.Errorf("tracks: %s", got)
	}
}

func TestRemovedAndRenamedFiles(t *testing.T) {
	f := newFolder(t)
	id := f.track("1.mp3", "One", "A", "X", 1)
	gone := f.track("2.mp3", "Two", "A", "X", 2)
	l := f.open()
	scan(t, l)
	os.Rename(filepath.Join(f.path, "1.mp3"), filepath.Join(f.path, "renamed.mp3"))
	os.Remove(filepath.Join(f.path, "2.mp3"))
	scan(t, l)
	if l.Len() != 1 {
		t.Errorf("%d tracks", l.Len())
	}
	if c, err := l.Content(context.Background(), id); err != nil {
		t.Errorf("the renamed track: %v", err)
	} else {
		c.Close()
	}
	if _, err := l.Header(context.Background(), gone); !errors.Is(err, ErrUnknownTrack) {
		t.Errorf("the removed track: %v", err)
	}
	if got := titles(t, l, protocol.Query{Text: "two"}); got != "" {
		t.Errorf("the removed track is found: %s", got)
	}
}

func TestTwoFilesWithTheSameBytesAreOneTrack(t *testing.T) {
	f := newFolder(t)
	id := f.track("1.mp3", "One", "A", "X", 1)
	f.track("copy/1.mp3", "One", "A", "X", 1)
	l := f.open()
	scan(t, l)
	if l.Len() != 1 {
		t.Fatalf("%d tracks", l.Len())
	}
	os.Remove(filepath.Join(f.path, "1.mp3"))
	scan(t, l)
	if c, err := l.Content(context.Background(), id); err != nil {
		t.Errorf("with one copy left: %v", err)
	} else {
		c.Close()
	}
}

func TestWhatCannotBeTakenIsListedWithTheReason(t *testing.T) {
	f := newFolder(t)
	f.track("good.mp3", "Good", "A", "X", 1)
	f.write("empty.mp3", nil)
	f.write("text.mp3", []byte("this is no music at all, only its name says so"))
	f.write("song.flac", []byte("fLaC"))
	f.write("cover.jpg", []byte("picture"))
	f.write("new\nline.mp3", []byte("x"))
	f.write("latin1-\xe9.mp3", []byte("x"))
	outside := newFolder(t)
	outside.track("secret.mp3", "Secret", "A", "X", 1)
	os.Symlink(filepath.Join(outside.path, "secret.mp3"), filepath.Join(f.path, "link.mp3"))
	os.Symlink(outside.path, filepath.Join(f.path, "linked"))
	os.Symlink(".", filepath.Join(f.path, "loop"))
	l := f.open()
	scan(t, l)
	if got := titles(t, l, protocol.Query{Kind: protocol.QueryTracks}); got != "Good" {
		t.Errorf("tracks: %s", got)
	}
	skipped, err := l.Skipped(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, s := range skipped {
		reasons[s.Path] = s.Reason
	}
	for path, want := range map[string]string{
		"empty.mp3": "empty", "text.mp3": "", "song.flac": "FLAC is not supported", "link.mp3": "out of the folder",
		"new\nline.mp3": "", "latin1-\xe9.mp3": "",
	} {
		if got, ok := reasons[path]; !ok || !strings.Contains(got, want) || got == "" {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	if len(reasons) != 6 {
		t.Errorf("skipped: %v", reasons)
	}
}

func TestAFileThatChangedSinceTheScanIsNotGivenOut(t *testing.T) {
	f := newFolder(t)
	id := f.track("1.mp3", "One", "A", "X", 1)
	l := f.open()
	scan(t, l)
	f.track("1.mp3", "Another", "A", "X", 1)
	if _, err := l.Content(context.Background(), id); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}

func TestSearchFindsWordsByTheirBeginningsInTheExpectedOrder(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "Prelude No. 2", "Bach", "WTC", 2)
	f.track("2.mp3", "Prelude No. 1", "Bach", "WTC", 1)
	f.track("3.mp3", "Prélude", "Debussy", "Suite", 1)
	f.track("4.mp3", "Fugue", "Bach", "Art", 1)
	l := f.open()
	scan(t, l)
	for text, want := range map[string]string{
		"prel":         "Prelude No. 1, Prelude No. 2, Prélude",
		"bach":         "Fugue, Prelude No. 1, Prelude No. 2",
		"PRELUDE bach": "Prelude No. 1, Prelude No. 2",
		"fugue":        "Fugue",
		"prelude no 2": "Prelude No. 2",
		"nothing":      "",
		"":             "",
		`"*^():-+`:     "",
		`art" OR "wtc`: "",
	} {
		if got := titles(t, l, protocol.Query{Text: text}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	r, err := l.Search(context.Background(), protocol.Query{Kind: protocol.QueryArtists})
	if err != nil || fmt.Sprint(r.Groups) != "[{Bach  0 3} {Debussy  0 1}]" {
		t.Errorf("artists: %v, %v", r.Groups, err)
	}
	r, err = l.Search(context.Background(), protocol.Query{Kind: protocol.QueryTracks, Offset: 1, Limit: 2})
	if err != nil || r.Total != 4 || len(r.Tracks) != 2 {
		t.Errorf("a page: %+v, %v", r, err)
	}
}

func TestAPrefixOfAnIDFindsIt(t *testing.T) {
	f := newFolder(t)
	id := f.track("1.mp3", "One", "A", "X", 1)
	l := f.open()
	scan(t, l)
	for _, n := range []int{6, 7, 63, 64} {
		if got := titles(t, l, protocol.Query{Kind: protocol.QueryPrefix, Text: id.String()[:n]}); got != "One" {
			t.Errorf("%d digits: %q", n, got)
		}
	}
	for _, bad := range []string{"", "xyz", strings.Repeat("0", 65), "000000"} {
		if got := titles(t, l, protocol.Query{Kind: protocol.QueryPrefix, Text: bad}); got != "" {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestHostileTagsAreMadeFitForAScreen(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "\x1b[31mRed\x07\u202e", "Tab\tbed", strings.Repeat("ü", 400), 1)
	l := f.open()
	scan(t, l)
	r, err := l.Search(context.Background(), protocol.Query{Kind: protocol.QueryTracks})
	if err != nil {
		t.Fatal(err)
	}
	got := r.Tracks[0]
	if got.Title != "[31mRed" || got.Artist != "Tab bed" || len(got.Album) != protocol.MaxText {
		t.Errorf("%q, %q, %d bytes", got.Title, got.Artist, len(got.Album))
	}
}

func TestALargeCoverIsNotRead(t *testing.T) {
	var b bytes.Buffer
	b.Write([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, 0, 0})
	frame := func(name string, body []byte) {
		h := []byte(name + "\x00\x00\x00\x00\x00\x00")
		putSynchsafe(h[4:8], len(body))
		b.Write(append(h, body...))
	}
	frame("APIC", make([]byte, 50<<20))
	frame("TIT2", []byte("\x03Behind the cover"))
	putSynchsafe(b.Bytes()[6:10], b.Len()-10)
	r := &countingReaderAt{r: bytes.NewReader(b.Bytes())}
	got := readTags(r, int64(b.Len()))
	if got.title != "Behind the cover" || got.cover != (span{20, 50 << 20}) {
		t.Errorf("%+v", got)
	}
	if r.n > 1024 {
		t.Errorf("%d bytes were read", r.n)
	}
}

type countingReaderAt struct {
	r io.ReaderAt
	n int
}

func (c *countingReaderAt) ReadAt(p []byte, at int64) (int, error) {
	c.n += len(p)
	return c.r.ReadAt(p, at)
}

func TestACancelledScanIsContinued(t *testing.T) {
	f := newFolder(t)
	for i := range 20 {
		f.track(fmt.Sprintf("%d.mp3", i), fmt.Sprint("Track ", i), "A", "X", i)
	}
	l := f.open()
	ctx, cancel := context.WithCancel(context.Background())
	err := l.Scan(ctx, func(p Progress) {
		if p.Files == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if p := scan(t, l); p.Files > 15 || l.Len() != 20 {
		t.Errorf("read %d again, %d tracks", p.Files, l.Len())
	}
}

func TestADamagedDatabaseIsMadeAnew(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	data := t.TempDir()
	os.WriteFile(filepath.Join(data, databaseFile), []byte(strings.Repeat("no database ", 1000)), 0o600)
	l, err := Open(context.Background(), data, f.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	scan(t, l)
	if l.Len() != 1 {
		t.Errorf("%d tracks", l.Len())
	}
}

func TestAWatchedFolderIsTakenInAsItChanges(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	l := f.open()
	scan(t, l)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	scanned := make(chan struct{}, 100)
	done := make(chan error, 1)
	go func() { done <- l.Watch(ctx, func() { scanned <- struct{}{} }) }()
	<-scanned // the watch is set up
	f.track("new/deep/2.mp3", "Two", "A", "X", 2)
	for l.Len() != 2 && ctx.Err() == nil {
		select {
		case <-scanned:
		case <-ctx.Done():
			t.Fatal("the new file was not taken in")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzTags(f *testing.F) {
	f.Add(mp3(1, map[string]string{"TIT2": "Title", "TRCK": "3/7"}))
	f.Add([]byte("ID3\x02\x00\x80\x00\x00\x00\x20TT2\x00\x00\x04\x00abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := readTags(bytes.NewReader(b), int64(len(b)))
		for _, s := range []string{got.title, got.artist, got.album} {
			if s != clean(s) {
				t.Fatalf("%q is not clean", s)
			}
		}
	})
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"bach", `"`, "a OR b", "NEAR(a b)", "title:x", "a*", "\x00", "日本語", "e\u0301"} {
		f.Add(s)
	}
	dir := f.TempDir()
	l, err := Open(context.Background(), dir, dir, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := l.Search(context.Background(), protocol.Query{Text: s}); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
