package library

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

func newMemory(t testing.TB, data string) *Memory {
	m := OpenMemory(data, nil)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return m
}

// entry makes a catalogue entry with an ID of its own.
func entry(i int, artist, album, title string) protocol.Track {
	return protocol.Track{
		ID: protocol.ID{byte(i >> 16), byte(i >> 8), byte(i), 0xab}, Title: title, Artist: artist, Album: album,
		Disc: 1, Number: i, Year: 1900 + i%100, Duration: time.Duration(i) * time.Second, Size: int64(i) + 1, Bitrate: 192_000,
	}
}

// TestWhatWasSeenIsFoundAsTheServerFindsIt asks a library, and a memory that has
// seen all of it, the same questions.
func TestWhatWasSeenIsFoundAsTheServerFindsIt(t *testing.T) {
	f := newFolder(t)
	var ids []protocol.ID
	for i, names := range [][3]string{
		{"Bach", "WTC", "Prelude No. 2"}, {"Bach", "WTC", "Prelude No. 1"}, {"Debussy", "Suite", "Prélude"}, {"Bach", "Art", "Fugue"},
		{"Édith Piaf", "Olympia", "Milord"}, {"edith piaf", "Olympia", "Padam"}, {"ZZ Top", "", "Tush"}, {"Аквариум", "Радио", "Аделаида"},
		{"eels", "Souljacker", "Fresh Feeling"}, {"Earth", "Hex (Or \"Printing\")", "Mirage"},
	} {
		ids = append(ids, f.track(fmt.Sprintf("%d.mp3", i), names[2], names[0], names[1], 10-i))
	}
	l := f.open()
	scan(t, l)
	all, err := l.Search(t.Context(), protocol.Query{Kind: protocol.QueryTracks})
	if err != nil {
		t.Fatal(err)
	}
	sorted := slices.Clone(all.Tracks)
	slices.Reverse(sorted)
	if Sort(sorted); !slices.Equal(sorted, all.Tracks) {
		t.Errorf("sorted they are %+v\nwant %+v", sorted, all.Tracks)
	}
	m := newMemory(t, t.TempDir())
	m.Note(all.Tracks...)
	queries := []protocol.Query{
		{Kind: protocol.QueryTracks}, {Kind: protocol.QueryAlbums}, {Kind: protocol.QueryArtists},
		{Kind: protocol.QueryTracks, Offset: 2, Limit: 3}, {Kind: protocol.QueryTracks, Offset: 100}, {Kind: 99},
		{Kind: protocol.QueryPrefix, Text: ids[0].String()[:6]}, {Kind: protocol.QueryPrefix, Text: "zz"},
		{Kind: protocol.QueryAlbums, Limit: 2, Offset: 1},
	}
	for _, text := range []string{"prel", "prélude", "PRELUDE bach", "e", "piaf", "адел", "", `"*^():-+`, "fresh feeling", "or printing", "nothing"} {
		queries = append(queries, protocol.Query{Text: text}, protocol.Query{Text: text, Limit: 1, Offset: 1})
	}
	for _, q := range queries {
		want, err := l.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Search(t.Context(), q)
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%+v: %+v, %v\nwant %+v", q, got, err, want)
		}
	}
}

func found(t *testing.T, m *Memory, q protocol.Query) (titles []string) {
	t.Helper()
	r, err := m.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, track := range r.Tracks {
		titles = append(titles, track.Title)
	}
	return titles
}

func TestWhatWasSeenOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	first := OpenMemory(dir, nil)
	first.Note(entry(1, "Bach", "WTC", "Prelude"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	first.Note(entry(2, "Bach", "WTC", "Too late")) // harmless
	if _, err := first.Search(t.Context(), protocol.Query{Text: "bach"}); err == nil {
		t.Error("a closed memory finds something")
	}
	m := newMemory(t, dir)
	m.Note(entry(3, "Bach", "WTC", "Fugue"))
	if got := found(t, m, protocol.Query{Text: "bach"}); fmt.Sprint(got) != "[Prelude Fugue]" {
		t.Errorf("found %v", got)
	}
}

func TestAnEntryIsRenamedAsItWasSeenLast(t *testing.T) {
	m := newMemory(t, t.TempDir())
	m.Note(entry(1, "Bach", "WTC", "Prelude"))
	found(t, m, protocol.Query{Text: "prelude"})
	m.Note(entry(1, "Bach", "WTC", "Fugue"))
	if got := found(t, m, protocol.Query{Text: "fugue"}); len(got) != 1 {
		t.Errorf("by its new name: %v", got)
	}
	if got := found(t, m, protocol.Query{Text: "prelude"}); len(got) != 0 {
		t.Errorf("by its old name: %v", got)
	}
}

func TestWhatWasSeenLongestAgoGoesFirst(t *testing.T) {
	m := newMemory(t, t.TempDir())
	m.entries = 10
	day := 0
	m.now = func() time.Time { return time.Unix(int64(day)*86400, 0) }
	for i := range 15 {
		if day = i; i == 12 {
			m.Note(entry(5, "A", "B", "Title5")) // seen again
		}
		m.Note(entry(i, "A", "B", fmt.Sprint("Title", i)))
		found(t, m, protocol.Query{Text: "nothing"})
	}
	got := strings.Join(found(t, m, protocol.Query{Kind: protocol.QueryTracks}), " ")
	if want := "Title5 Title6 Title7 Title8 Title9 Title10 Title11 Title12 Title13 Title14"; got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
	if got := found(t, m, protocol.Query{Text: "title4"}); len(got) != 0 {
		t.Errorf("what has gone is found: %v", got)
	}
}

func TestTheMemoryIsBoundedInBytes(t *testing.T) {
	dir := t.TempDir()
	m := newMemory(t, dir)
	m.bytes = 8 << 20
	long := strings.Repeat("abcdefg ", 31) // of protocol.MaxText
	for i := range 8000 {
		m.Note(entry(i, fmt.Sprint(i, long), long, long))
		if i%500 == 499 {
			found(t, m, protocol.Query{Text: "nothing"})
		}
	}
	r, err := m.Search(t.Context(), protocol.Query{Text: "7999"})
	if err != nil || r.Total != 1 {
		t.Errorf("the last one is found %d times, %v", r.Total, err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, memoryFile))
	if err != nil || info.Size() > m.bytes || info.Size() < m.bytes/4 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}

func TestADamagedMemoryIsBegunAnew(t *testing.T) {
	for name, damage := range map[string][]byte{"no database": []byte(strings.Repeat("nonsense ", 1000)), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, memoryFile), damage, 0o600); err != nil {
				t.Fatal(err)
			}
			m := newMemory(t, dir)
			m.Note(entry(1, "Bach", "WTC", "Prelude"))
			if got := found(t, m, protocol.Query{Text: "bach"}); len(got) != 1 {
				t.Errorf("found %v", got)
			}
		})
	}
	t.Run("in the middle", func(t *testing.T) {
		dir := t.TempDir()
		first := OpenMemory(dir, nil)
		for i := range 2000 {
			first.Note(entry(i, fmt.Sprint("Artist", i), "Album", "Title"))
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, memoryFile)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 8192; i < len(data); i++ { // the tables' definitions are before
			data[i] = 0xff
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		m := newMemory(t, dir)
		m.Search(t.Context(), protocol.Query{Kind: protocol.QueryTracks}) // meets it
		m.Note(entry(1, "Bach", "WTC", "Prelude"))
		if got := found(t, m, protocol.Query{Text: "bach"}); len(got) != 1 {
			t.Errorf("found %v", got)
		}
	})
}

func TestTheMemoryIsOpenOnlyWhileItIsUsed(t *testing.T) {
	dir := t.TempDir()
	m := newMemory(t, dir)
	if _, err := os.Stat(filepath.Join(dir, memoryFile)); err == nil {
		t.Error("it is made before it is used")
	}
	m.Note(entry(1, "Bach", "WTC", "Prelude"))
	m.use <- struct{}{}
	err := m.settle(t.Context())
	<-m.use
	if err != nil || m.db != nil {
		t.Errorf("settled: %v, open %v", err, m.db != nil)
	}
	if got := found(t, m, protocol.Query{Text: "bach"}); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

// BenchmarkMemory tells what a full memory costs: to open, to search, on disk.
func BenchmarkMemory(b *testing.B) {
	dir := b.TempDir()
	m := OpenMemory(dir, nil)
	for i := range 50_000 {
		m.Note(entry(i, fmt.Sprint("Some Artist ", i/100), fmt.Sprint("An Album of ", i/12), fmt.Sprintf("Song Number %d of the Day", i)))
		if i%2000 == 1999 {
			if _, err := m.Search(b.Context(), protocol.Query{Text: "nothing"}); err != nil {
				b.Fatal(err)
			}
		}
	}
	r, err := m.Search(b.Context(), protocol.Query{Kind: protocol.QueryTracks, Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	kept := r.Total
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, memoryFile))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("open and search", func(b *testing.B) {
		for b.Loop() {
			m := OpenMemory(dir, nil)
			if _, err := m.Search(b.Context(), protocol.Query{Text: "song 77", Limit: 20}); err != nil {
				b.Fatal(err)
			}
			m.Close()
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB")
		b.ReportMetric(float64(kept), "entries")
	})
	m = newMemory(b, dir)
	for _, text := range []string{"song 77", "artist", "s"} {
		b.Run("search "+text, func(b *testing.B) {
			for b.Loop() {
				if _, err := m.Search(b.Context(), protocol.Query{Text: text, Limit: 20}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("note one and close", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			m := OpenMemory(dir, nil)
			m.Note(entry(i, "A", "B", "C"))
			m.Close()
		}
	})
}
