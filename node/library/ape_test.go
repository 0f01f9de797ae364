package library

import (
	"bytes"
	"testing"
)

func TestAPETextsCountWhereNothingBeforeThemTells(t *testing.T) {
	tag := apeTag("Title", "Präludium", "ARTIST", "Bach\x00Gould", "Album", "WTC", "Track", "3/24", "Disc", "1", "Year", "1963")
	sound := make([]byte, 1000)
	own := tags{title: "Präludium", artist: "Bach / Gould", album: "WTC", disc: 1, number: 3, year: 1963}
	mixed := own
	mixed.title, mixed.artist = "Air", "Anon"
	for name, c := range map[string]struct {
		file []byte
		want tags
	}{
		"alone":                 {append(bytes.Clone(sound), tag...), own},
		"before ID3v1":          {append(append(bytes.Clone(sound), tag...), id3v1("Prae", "B", "W", "2000", 1)...), own},
		"behind ID3v2":          {append(append(id3Tag(4, 0, append(id3Frame("TIT2", "\x03Air"), id3Frame("TPE1", "\x03Anon")...)), sound...), tag...), mixed},
		"of Latin-1, by habit":  {append(bytes.Clone(sound), apeTag("Title", "Pr\xe4ludium")...), tags{title: "Präludium"}},
		"with escape sequences": {append(bytes.Clone(sound), apeTag("Title", "\x1b[2JAir\x07")...), tags{title: "[2JAir"}},
	} {
		if got := readTags(bytes.NewReader(c.file), int64(len(c.file))); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
