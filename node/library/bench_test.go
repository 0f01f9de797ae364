package library

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"lukechampine.com/blake3"

	"earshot/protocol"
)

// A first scan from page cache: goal 300 MB/s on one core (-cpu 1).
func BenchmarkFirstScan(b *testing.B) {
	dir := b.TempDir()
	var bytes int64
	for i := range 40 {
		data := mp3(12_000, map[string]string{"TIT2": fmt.Sprint(i)}) // 5 MB
		bytes += int64(len(data))
		os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.mp3", i)), data, 0o600)
	}
	b.SetBytes(bytes)
	for b.Loop() {
		l, err := Open(context.Background(), b.TempDir(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Scan(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}

// A scan of 10,000 unchanged tracks: goal 2 s.
func BenchmarkUnchangedScan(b *testing.B) {
	l, _ := large(b)
	for b.Loop() {
		if err := l.Scan(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// Opening a library of 10,000 tracks, its small tables looked through.
func BenchmarkOpen(b *testing.B) {
	l, _ := large(b)
	for b.Loop() {
		again, err := Open(context.Background(), filepath.Dir(l.database), l.path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		again.Close()
	}
}

// On the path of a track's opening: goal 100 us.
func BenchmarkHeader(b *testing.B) {
	l, id := large(b)
	for b.Loop() {
		if _, err := l.Header(context.Background(), id); err != nil {
			b.Fatal(err)
		}
	}
}

// Once a head or a run is sent.
func BenchmarkContent(b *testing.B) {
	l, id := large(b)
	for b.Loop() {
		c, err := l.Content(context.Background(), id)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// In 10,000 tracks: one that is meant, and all of them.
func BenchmarkSearch(b *testing.B) {
	l, _ := large(b)
	for _, text := range []string{"album 7 title 77", "t"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				r, err := l.Search(context.Background(), protocol.Query{Text: text, Limit: 20})
				if err != nil || len(r.Tracks) == 0 {
					b.Fatal(r, err)
				}
			}
		})
	}
}

func BenchmarkTags(b *testing.B) {
	data := mp3(100, map[string]string{"TIT2": "Title", "TPE1": "Artist", "TALB": "Album", "TRCK": "7/12", "TDRC": "2004"})
	for b.Loop() {
		readTags(bytes.NewReader(data), int64(len(data)))
	}
}

// large is a library of 10,000 small tracks in 500 folders: an unchanged scan
// looks at sizes and times only, so that theirs do not matter.
func large(b *testing.B) (*Library, protocol.ID) {
	dir := b.TempDir()
	var last []byte
	for i := range 10_000 {
		album := filepath.Join(dir, fmt.Sprint(i/20))
		if i%20 == 0 {
			os.Mkdir(album, 0o700)
		}
		last = mp3(10, map[string]string{"TIT2": fmt.Sprint("Title ", i), "TPE1": fmt.Sprint("Artist ", i/100), "TALB": fmt.Sprint("Album ", i/20)})
		os.WriteFile(filepath.Join(album, fmt.Sprintf("%d.mp3", i%20)), last, 0o600)
	}
	l, err := Open(context.Background(), b.TempDir(), dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	if err := l.Scan(context.Background(), nil); err != nil {
		b.Fatal(err)
	}
	return l, blake3.Sum256(last)
}
