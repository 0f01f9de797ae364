package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

func TestAPlaylistNamesTracksByIDPrefixOrTitle(t *testing.T) {
	id := protocol.ID{0xab, 31: 0xcd}
	text := "\ufeff#EXTM3U\r\n" +
		"# a comment\r\n\r\n" +
		"earshot:" + id.String() + "\r\n" +
		strings.ToUpper(id.String()) + "\n" +
		"  abcdef12  \n" +
		"#EXTINF:123 tvg=\"x\",Bach - Air on the \"G\" string\n" +
		"#EXTGRP:x\n" +
		"C:\\Music\\03 track.mp3\n" +
		"../Music/Fugue_in g.mp3\n" +
		"https://example.net/Toccata.mp3"
	want := []wish{
		{id: id, whole: true, words: "earshot:" + id.String()},
		{id: id, whole: true, words: strings.ToUpper(id.String())},
		{prefix: "abcdef12", words: "abcdef12", first: true},
		{words: "Bach Air on the G string", first: true},
		{words: "Fugue in g", first: true},
		{words: "Toccata", first: true},
	}
	got, err := readPlaylist(strings.NewReader(text))
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d entries, %v: %+v", len(got), err, got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("entry %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestAPlaylistMayIncludeOthersButNotItself(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.m3u8":       "Air.mp3\nsub\\b.xspf\nGigue.mp3\n",
		"sub/b.xspf":   `<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><location>../c.m3u</location></track><track><location>Fugue.ogg</location></track></trackList></playlist>`,
		"c.m3u":        "Minuet.mp3",
		"self.m3u8":    "Air.mp3\nself.m3u8",
		"ring.m3u8":    "Air.mp3\nring.xspf",
		"ring.xspf":    `<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><location>ring.m3u8</location></track></trackList></playlist>`,
		"missing.m3u8": "nowhere.m3u8",
		"folder.m3u8":  "sub.m3u8",
		"remote.m3u8":  "https://example.net/list.m3u8",
		"sub.m3u8/x":   "",
		"broken.xspf":  "<playlist",
		"other.xspf":   "<html/>",
		"empty.xspf":   "",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxIncluded + 1 {
		file := filepath.Join(dir, fmt.Sprintf("deep%d.m3u8", i))
		if err := os.WriteFile(file, fmt.Appendf(nil, "deep%d.m3u8", i+1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wishes, err := openPlaylist(filepath.Join(dir, "a.m3u8"))
	var words []string
	for _, w := range wishes {
		words = append(words, w.words)
	}
	if err != nil || strings.Join(words, " ") != "Air Minuet Fugue Gigue" {
		t.Errorf("%v, %v", words, err)
	}
	if wishes, err := openPlaylist(filepath.Join(dir, "remote.m3u8")); err != nil || len(wishes) != 1 || wishes[0].words != "list" {
		t.Errorf("an address is fetched: %v, %v", wishes, err)
	}
	for name, want := range map[string]string{
		"self.m3u8": "includes itself", "ring.m3u8": "includes itself", "missing.m3u8": "no such file", "folder.m3u8": "is no file",
		"deep0.m3u8": "deeper than 8", "broken.xspf": "no XSPF", "other.xspf": "no XSPF", "empty.xspf": "empty",
	} {
		if _, err := openPlaylist(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsSavedIsReadBack(t *testing.T) {
	tracks := []protocol.Track{
		{ID: protocol.ID{1}, Title: "Air <on> & \"G\"\x1b[2J", Artist: "Bach\nJ. S.", Duration: 90 * time.Second},
		{ID: protocol.ID{2}},
		{ID: protocol.ID{1}, Title: "\xff\x00"},
	}
	for _, name := range []string{"x.m3u8", "x.xspf", "x.M3U"} {
		file := filepath.Join(t.TempDir(), name)
		if err := savePlaylist(file, tracks); err != nil {
			t.Fatal(err)
		}
		wishes, err := openPlaylist(file)
		if err != nil || len(wishes) != len(tracks) {
			t.Fatalf("%s: %d entries, %v", name, len(wishes), err)
		}
		for i, w := range wishes {
			if !w.whole || w.id != tracks[i].ID {
				t.Errorf("%s: entry %d: %+v", name, i, w)
			}
		}
	}
}

func TestXSPFNamesTracksByIDOrTitle(t *testing.T) {
	id := protocol.ID{0xab}
	text := `<?xml version="1.0" encoding="UTF-8"?>
<playlist version="1" xmlns="http://xspf.org/ns/0/"><title>x</title><trackList>
<track><identifier>earshot:` + id.String() + `</identifier><location>http://example.net/x.mp3</location></track>
<track><title>Air</title><creator>Bach</creator><location>file:///music/03%20track.mp3</location></track>
<track><location>file:///music/Fugue%20in%20g.mp3</location></track>
</trackList></playlist>`
	want := []wish{
		{id: id, whole: true, words: "earshot:" + id.String()},
		{words: "Bach Air", first: true},
		{words: "Fugue in g", first: true},
	}
	got, err := readXSPF(strings.NewReader(text))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
}

func TestAPlaylistIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"a long line": strings.Repeat("x", maxPlaylist+10),
		"many bytes":  strings.Repeat("#"+strings.Repeat("x", 99)+"\n", maxPlaylist/100+1),
		"many tracks": strings.Repeat("x\n", maxQueue+1),
		"a long xspf": `<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>` + strings.Repeat("<track/>", maxPlaylist/8),
	} {
		read := readPlaylist
		if name == "a long xspf" {
			read = readXSPF
		}
		if _, err := read(strings.NewReader(text)); !errors.Is(err, errPlaylist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := readPlaylist(strings.NewReader(strings.Repeat("x\n", maxQueue))); err != nil || len(got) != maxQueue {
		t.Errorf("the most tracks: %d, %v", len(got), err)
	}
}

func FuzzPlaylist(f *testing.F) {
	f.Add("#EXTM3U\n#EXTINF:1,A - B\nx.mp3\n")
	f.Add("earshot:" + protocol.ID{1}.String() + "\r\nabcdef\n")
	f.Add("\ufeff\n#EXTINF:\n#EXTINF:,\n\xff\xfe\n\\\n/\n")
	f.Fuzz(func(t *testing.T, text string) {
		wishes, err := readPlaylist(strings.NewReader(text))
		if err != nil {
			return
		}
		if len(wishes) > maxQueue || len(wishes) > strings.Count(text, "\n")+1 {
			t.Errorf("%d entries of %d bytes", len(wishes), len(text))
		}
		for _, w := range wishes {
			if w.prefix != "" && !protocol.IsPrefix(w.prefix) {
				t.Errorf("%q is no prefix", w.prefix)
			}
			if strings.ContainsAny(w.words, "\n\r\x1b") {
				t.Errorf("words %q", w.words)
			}
		}
	})
}

func FuzzXSPF(f *testing.F) {
	b, err := asXSPF([]protocol.Track{{ID: protocol.ID{1}, Title: "Air", Artist: "Bach"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add(`<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><location>%zz.m3u8</location><title>&#27;[2J</title></track></trackList></playlist>`)
	f.Fuzz(func(t *testing.T, text string) {
		wishes, err := readXSPF(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, w := range wishes {
			if strings.ContainsAny(w.words, "\n\r\x1b") && !w.whole && w.prefix == "" {
				t.Errorf("words %q", w.words)
			}
		}
	})
}
