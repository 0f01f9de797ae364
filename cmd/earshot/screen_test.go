package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"earshot/node/control"
	"earshot/protocol"
)

// page is a screen that writes to a buffer.
func page(columns int) (*screen, *bytes.Buffer) {
	var out bytes.Buffer
	return &screen{out: &out, width: func() int { return columns }}, &out
}

func TestNothingOfATitleSteersTheTerminal(t *testing.T) {
	for _, text := range []string{
		"\x1b[2J\x1b]0;owned\x07title", "a\x9b31mb", "a\u009b31mb", "a\rb", "a\nb", "a\x00\x7f\x08b",
		"a\u202eb\u2066c\u200f", "a\u2028b", "a\xffb\xc3", "\ue000\U000e0041", "\ufeffa",
	} {
		s, out := page(80)
		s.say("%s", text)
		s.table([]column{{name: "TITLE", give: true}}, [][]string{{text}})
		for _, r := range strings.ReplaceAll(out.String(), "\n", "") {
			if r != utf8.RuneError && unfit(r) {
				t.Errorf("%q leaves %U in %q", text, r, out)
			}
		}
		if n := strings.Count(out.String(), "\n"); n != 3 {
			t.Errorf("%q makes %d lines of 3", text, n)
		}
	}
}

func TestJSONIsSafeOnATerminalAndMeansTheSame(t *testing.T) {
	const text = "<b>\x1b[2J\u009b31m\u202e\u2028\U000e0041 Dvořák 音楽 \x7f"
	s, out := page(80)
	if err := s.json(map[string]string{"title": text}); err != nil {
		t.Fatal(err)
	}
	for _, r := range strings.TrimSuffix(out.String(), "\n") {
		if unfit(r) {
			t.Errorf("%U is left in %q", r, out)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["title"] != text {
		t.Errorf("%q came back as %q, %v", text, back["title"], err)
	}
	if !strings.Contains(out.String(), "<b>") || !strings.Contains(out.String(), "Dvořák 音楽") {
		t.Errorf("what is harmless is escaped: %s", out)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b[31mx", 10)
	f.Add("音楽\u0301\xff", 3)
	f.Fuzz(func(t *testing.T, text string, columns int) {
		columns = max(0, min(columns, 300))
		for _, got := range []string{plain(text), fitText(text, columns)} {
			for _, r := range got {
				if r != utf8.RuneError && unfit(r) {
					t.Fatalf("%U is left", r)
				}
			}
		}
		if w := textWidth(fitText(text, columns)); w > columns {
			t.Fatalf("%d columns, want %d at the most", w, columns)
		}
		var a, b string
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(raw, &a) != nil || json.Unmarshal([]byte(plainJSON(string(raw))), &b) != nil || a != b {
			t.Fatalf("JSON of %q means %q", a, b)
		}
	})
}

func TestTablesFitTheScreenInItsOwnColumns(t *testing.T) {
	rows := [][]string{
		{"abc", "音楽の捧げもの、六声のリチェルカーレ、そしてその他の長い曲名", "Johann Sebastian Bach"},
		{"def", "Cafe\u0301", strings.Repeat("x", 90)},
	}
	columns := []column{{name: "ID"}, {name: "TITLE", give: true}, {name: "ARTIST", give: true}}
	for _, width := range []int{24, 40, 60, 80, 200} {
		s, out := page(width)
		s.table(columns, rows)
		for line := range strings.Lines(out.String()) {
			if w := textWidth(strings.TrimSuffix(line, "\n")); w > width {
				t.Errorf("%d columns on a screen of %d: %s", w, width, line)
			}
		}
	}
	s, out := page(0)
	s.table(columns, rows)
	if !strings.Contains(out.String(), strings.Repeat("x", 90)) || strings.Contains(out.String(), "...") {
		t.Errorf("where there is no screen the table is cut:\n%s", out)
	}
	if textWidth("音楽") != 4 || textWidth("Cafe\u0301") != 4 {
		t.Errorf("widths %d and %d, want 4", textWidth("音楽"), textWidth("Cafe\u0301"))
	}
}

func TestANarrowTableLeavesOutWhatIsLeastMissed(t *testing.T) {
	columns := []column{{name: "ID"}, {name: "TITLE", give: true}, {name: "ARTIST", give: true, spare: 1}, {name: "ALBUM", give: true, spare: 2}, {name: "LENGTH", right: true}}
	rows := [][]string{{"0123456789ab", "Invention No. 1 in C major", "Johann Sebastian Bach", "Earshot Sampler", "1:09"}}
	for _, test := range []struct {
		width int
		want  string
	}{
		{0, "ID            TITLE                       ARTIST                 ALBUM            LENGTH\n0123456789ab  Invention No. 1 in C major  Johann Sebastian Bach  Earshot Sampler    1:09\n"},
		{60, "ID            TITLE               ARTIST              LENGTH\n0123456789ab  Invention No. 1...  Johann Sebastia...    1:09\n"},
		{50, "ID            TITLE                       LENGTH\n0123456789ab  Invention No. 1 in C major    1:09\n"},
	} {
		s, out := page(test.width)
		s.table(columns, rows)
		if out.String() != test.want {
			t.Errorf("%d columns:\n%swant\n%s", test.width, out, test.want)
		}
	}
}

func TestALineThatIsTooWideGoesOnBelow(t *testing.T) {
	s, out := page(30)
	s.say("earshot: nothing matches what you said: try again")
	s.fact("latency", "half of them within %s", "115 ms")
	s.colour = true
	s.line(cell{"a line of green and then some,", green}, cell{text: " and no more"})
	want := "earshot: nothing matches what\n  you said: try again\n" +
		"latency     half of them\n            within 115 ms\n" +
		"\x1b[32ma line of green and then some,\x1b[0m\n  and no more\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out, want)
	}
	s, out = page(0) // no terminal
	s.say("%s", strings.Repeat("word ", 100))
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q", out)
	}
}

func TestColoursAndLiveLinesAreForTerminals(t *testing.T) {
	s, out := page(80)
	s.line(cell{"x", green})
	s.overlay(cell{text: "live"})
	s.clear()
	if out.String() != "x\n" {
		t.Errorf("a file gets %q", out)
	}
	out.Reset()
	s.tty, s.colour = true, true
	s.line(cell{"x", green})
	s.overlay(cell{text: "live"})
	s.say("end")
	s.clear()
	if want := "\x1b[32mx\x1b[0m\nlive" + eraseLine + "end\n"; out.String() != want {
		t.Errorf("a terminal gets %q, want %q", out, want)
	}
}

func TestBarsAddUp(t *testing.T) {
	for _, s := range []control.Shares{{}, {Server: 1}, {Peers: 1}, {Cache: 1}, {Server: 1, Peers: 1, Cache: 1}, {Server: 1, Cache: 1e15}} {
		if w := cellsWidth(sharesBar(s, 31)); w != 31 {
			t.Errorf("%+v: a bar of %d columns", s, w)
		}
	}
	for _, done := range []int64{-1, 0, 5, 10, 11} {
		if bar := progressBar(done, 10, 20); len(bar) != 22 {
			t.Errorf("%d of 10: %q", done, bar)
		}
	}
}

func TestTheLiveLineFitsTheTerminal(t *testing.T) {
	track := protocol.Track{Title: "音楽の捧げもの六声のリチェルカーレ", Artist: strings.Repeat("y", 100), Duration: time.Hour}
	for width := 20; width < 140; width += 7 {
		s, out := page(width)
		s.tty = true
		(&playScreen{out: s, err: s, tracks: 1}).progress(progressEvent(track))
		if w := textWidth(out.String()); w > width-1 {
			t.Errorf("%d columns of %d: %s", w, width, out)
		}
	}
}
