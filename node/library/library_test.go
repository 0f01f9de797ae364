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
		var tag bytes.Buffer
		for _, name := range slices.Sorted(maps.Keys(text)) {
			s := text[name]
			tag.Write(id3Frame(name, "\x03"+s))
		}
		b.Write(id3Tag(4, 0, tag.Bytes()))
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
