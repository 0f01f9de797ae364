package tui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"earshot/protocol"
)

// shown reports whether the screen shows all of some texts.
func (x *terminal) shown(texts ...string) func() bool {
	return func() bool {
		screen := x.text()
		return !slices.ContainsFunc(texts, func(t string) bool { return !strings.Contains(screen, t) })
	}
}

func TestKeysChangeTheView(t *testing.T) {
	x := start(t, 80, 24, 4)
	x.shows("Prelude")
	for _, test := range []struct{ keys, shows string }{
		{"2", "4 tracks"},
		{"3", "type to search"},
		{"\x1b", "a add  i next"},
		{"4", "7 artists"},
		{"5", "203.0.113.9"},
		{"1", "space pause"},
		{"\t", "4 tracks"},
		{"\x1b[Z", "space pause"},
		{"?", "Playing"},
		{"?", "space pause"},
		{"\x1bOP", "Playing"}, // F1
		{"\x1b", "space pause"},
		{":help\r", "Playing"},
		{"\x1b", "space pause"},
		{":search minuet\r", "1 of 1 track"},
		{"\x1b", "space pause"},
		{":no", ":no"},
		{"\x7f\x7f\x7f", "space pause"}, // backspace beyond the beginning
	} {
		x.press(test.keys)
		x.until(test.shows+" by "+test.keys, x.shown(test.shows))
	}
	x.press(":quit\r")
	if err := x.wait(); err != nil {
		t.Error(err)
	}
}

func TestTracksAreQueuedUnderTheCursor(t *testing.T) {
	x := start(t, 80, 24, 1)
	x.shows("Prelude")
	x.press("/ensemble")
	x.shows("1 of 3")
	x.press("\x1b")
	x.shows("a add")
	x.press("j")
	x.shows("2 of 3")
	x.press("a")
	x.shows("Minuet - Earshot Ensemble: added to the queue")
	x.press("ji")
	x.shows("plays next")
	x.press("2")
	x.shows("3 tracks")
	x.press("G")
	x.press("g")
	x.press(".")
	x.press("c")
	x.shows("1 track")
	if got, want := x.player.done(), []string{"add #2", "insert #3", "clear"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	x.press("4")
	x.shows("7 artists")
	x.press("a")
	x.until("all of an artist", func() bool { return slices.Contains(x.player.done(), "add #1 #2 #3") })
	x.press("i")
	x.until("all of an artist, next", func() bool { return slices.Contains(x.player.done(), "insert #1 #2 #3") })
}

func TestPagesOfListsAreTurned(t *testing.T) {
	const pgup, pgdown = "\x1b[5~", "\x1b[6~"
	for _, test := range []struct {
		rows  int
		keys  []string
		jumps []string // where enter is pressed after each
	}{
		// Of the rows that a list has, one stays where a page is turned.
		{10, []string{pgdown, pgdown, pgdown, pgup, pgup, pgup}, []string{"4", "8", "8", "4", "0", "0"}},
		{10, []string{"\x06", "\x04", "\x15", "\x02"}, []string{"4", "6", "4", "0"}}, // ctrl+f, ctrl+d, ctrl+u, ctrl+b
		{5, []string{pgdown, pgdown, "\x04", pgup}, []string{"1", "2", "3", "2"}},    // of which nothing is left for a list
	} {
		x := start(t, 60, test.rows, 9)
		x.shows("2 queue")
		x.press("2g")
		x.until("the queue", x.shown("Prelude in C", "Minuet"))
		for i, key := range test.keys {
			before := len(x.player.done())
			x.press(key + "\r")
			x.until("enter", func() bool { return len(x.player.done()) > before })
			if got, want := x.player.done()[before], "jump at "+test.jumps[i]; got != want {
				t.Errorf("%d rows, key %d, %q: %q, want %q", test.rows, i, key, got, want)
			}
		}
		x.press("q")
		if err := x.wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatThePagesShowHasTheCursorInIt(t *testing.T) {
	const pgup, pgdown = "\x1b[5~", "\x1b[6~"
	x := start(t, 60, 10, 9)
	x.shows("2 queue")
	for _, test := range []struct{ keys, shows, not string }{
		{"2g", " 1  Prelude", " 9  "},
		{pgdown + pgdown, " 9  ", " 1  Prelude"},
		{pgup + pgup, " 1  Prelude", " 9  "},
		{"/e", "1 of 5", ""},
		{pgdown, "4 of 5", ""}, // while it is being typed
		{pgdown, "5 of 5", ""},
		{pgup, "2 of 5", ""},
		{"\x1b", "a add", ""},
		{pgdown, "5 of 5", ""},
		{"?", "pause, go on", "in percent"},
		{strings.Repeat(pgdown, 20), "in percent", "pause, go on"},
		{pgup, "the track before", "in percent"},
		{strings.Repeat(pgup, 20), "pause, go on", "in percent"},
	} {
		x.press(test.keys)
		x.until(test.shows, func() bool {
			screen := x.text()
			return strings.Contains(screen, test.shows) && (test.not == "" || !strings.Contains(screen, test.not))
		})
	}
}

func TestTheQueueIsSaved(t *testing.T) {
	var names []string
	save := func(_ context.Context, name string, tracks []protocol.Track) error {
		names = append(names, name)
		if name == "no/where.m3u8" {
			return errors.New("there is no folder no")
		}
		if len(tracks) != 3 {
			t.Errorf("%d tracks", len(tracks))
		}
		return nil
	}
	x := startWith(t, 80, 24, 3, func(c *Config) { c.Save = save })
	x.shows("Prelude")
	x.press(":save mine.m3u8\r")
	x.shows("3 tracks written to mine.m3u8")
	x.press(":save no/where.m3u8\r")
	x.shows("there is no folder no")
	if !slices.Equal(names, []string{"mine.m3u8", "no/where.m3u8"}) {
		t.Error(names)
	}
}

func TestWrongCommandsSayWhatIsRight(t *testing.T) {
	x := start(t, 80, 24, 2)
	x.shows("Prelude")
	for _, test := range []struct{ line, says string }{
		{"plya air", "there is no command :plya"},
		{"s", ":s may be :"},
		{"volume loud", "a number of percent"},
		{"seek soon", "M:SS"},
		{"repeat twice", "off, all or one"},
		{"shuffle maybe", "on or off"},
		{"add", "what? Give words"},
		{"save", "to which file?"},
		{"save x.m3u8", "not here"},
	} {
		x.press(":" + test.line + "\r")
		x.until(test.says, x.shown(test.says))
	}
	if got := x.player.done(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// A lost sound card is told of on the screen, and stays there until it is old.
func TestNewsAreShownOverAnyView(t *testing.T) {
	x := start(t, 60, 15, 2)
	x.shows("Prelude")
	const lost = "the sound card is gone: playing on in silence"
	x.news <- "earshot: " + lost
	x.shows(lost)
	x.press("2")
	x.shows("2 tracks")
	if !strings.Contains(x.text(), lost) {
		t.Error("it is gone with the view")
	}
}

func TestOfAProblemThatIsTooLongTheCauseIsShown(t *testing.T) {
	const problem = `playing "Minuet in G major" (f9100e8ac909): it ends at 0:48`
	for w, want := range map[int]string{100: problem, 59: problem, 58: "it ends at 0:48", 5: "it ends at 0:48"} {
		if got := cause(problem, w); got != want {
			t.Errorf("%d columns: %q, want %q", w, got, want)
		}
	}
}

func TestATerminalOfAnySizeIsDrawn(t *testing.T) {
	x := start(t, 20, 5, 3)
	x.shows("1 now")
	x.press("245?1")
	x.press(":add x\x15\x7f")
	for _, size := range [][2]int{{1, 1}, {60, 15}, {7, 3}, {200, 60}, {40, 8}, {80, 24}} {
		x.resize(size[0], size[1])
		x.press("2")
	}
	x.shows("3 tracks")
	x.press("1")
	x.shows("no stutter")
	x.press("q")
	if err := x.wait(); err != nil {
		t.Error(err)
	}
}
