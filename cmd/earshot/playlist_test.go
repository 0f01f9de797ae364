package main

import (
	"errors"
	"strings"
	"testing"

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

func TestAPlaylistIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"a long line": strings.Repeat("x", maxPlaylist+10),
		"many bytes":  strings.Repeat("#"+strings.Repeat("x", 99)+"\n", maxPlaylist/100+1),
		"many tracks": strings.Repeat("x\n", maxQueue+1),
	} {
		if _, err := readPlaylist(strings.NewReader(text)); !errors.Is(err, errPlaylist) {
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
