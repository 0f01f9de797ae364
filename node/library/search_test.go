package library

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/protocol"
)

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
		"prélude":      "Prélude, Prelude No. 1, Prelude No. 2",
		"prelude":      "Prélude, Prelude No. 1, Prelude No. 2",
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

func TestNamesAreSortedAsPeopleExpect(t *testing.T) {
	f := newFolder(t)
	for _, artist := range []string{"ZZ Top", "Édith Piaf", "eels", "Eagles", "аукцыон", "Аквариум"} {
		f.track(artist+".mp3", "Title", artist, "", 1)
	}
	f.track("again.mp3", "Another", "edith piaf", "", 1)
	l := f.open()
	scan(t, l)
	r, err := l.Search(t.Context(), protocol.Query{Kind: protocol.QueryArtists})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range r.Groups {
		got = append(got, fold(g.Artist))
	}
	if want := "eagles, edith piaf, eels, zz top, аквариум, аукцыон"; strings.Join(got, ", ") != want || r.Total != 6 {
		t.Errorf("%d: %s, want %s", r.Total, strings.Join(got, ", "), want)
	}
}

func TestAlbumsAreListedWithYearAndTracks(t *testing.T) {
	f := newFolder(t)
	for i := range 3 {
		f.write(fmt.Sprintf("%d.mp3", i), mp3(10, map[string]string{"TIT2": fmt.Sprint(i), "TPE1": "Bach", "TALB": []string{"WTC", "Art"}[i/2], "TDRC": "1722"}))
	}
	l := f.open()
	scan(t, l)
	r, err := l.Search(t.Context(), protocol.Query{Kind: protocol.QueryAlbums, Limit: 1, Offset: 1})
	if err != nil || r.Total != 2 || fmt.Sprint(r.Groups) != "[{Bach WTC 1722 2}]" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := l.Search(t.Context(), protocol.Query{Kind: 99}); err != nil || r.Total != 0 {
		t.Errorf("a kind of a later version: %+v, %v", r, err)
	}
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"bach", `"`, "a OR b", "NEAR(a b)", "title:x", "a*", "\x00", "日本語", "e\u0301", "हिन्दी"} {
		f.Add(s)
	}
	dir := f.TempDir()
	os.WriteFile(filepath.Join(dir, "1.mp3"), mp3(10, map[string]string{"TIT2": "Bach a x", "TPE1": "日本語"}), 0o600)
	l, err := Open(context.Background(), dir, dir, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	if err := l.Scan(context.Background(), nil); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range []protocol.QueryKind{protocol.QueryWords, protocol.QueryPrefix} {
			if _, err := l.Search(context.Background(), protocol.Query{Kind: kind, Text: s}); err != nil {
				t.Fatalf("%d %q: %v", kind, s, err)
			}
		}
	})
}
