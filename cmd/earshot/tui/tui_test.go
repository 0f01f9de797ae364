package tui

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestScreensAreAsDrawn(t *testing.T) {
	for _, size := range [][2]int{{60, 15}, {200, 60}} {
		for _, mode := range []struct{ name, env string }{{"colour", "X=1"}, {"plain", "NO_COLOR=1"}} {
			t.Run(fmt.Sprintf("%dx%d-%s", size[0], size[1], mode.name), func(t *testing.T) {
				x := start(t, size[0], size[1], 6, mode.env)
				name := func(view string) string { return fmt.Sprintf("%s-%dx%d-%s", view, size[0], size[1], mode.name) }
				x.shows("buffered")
				x.golden(name("now"))
				x.press("2")
				x.shows("6 tracks")
				x.golden(name("queue"))
				x.press("/e")
				x.shows("1 of 5")
				x.golden(name("search"))
				x.press("\x1b")
				x.until("the keys", func() bool { return !strings.Contains(x.text(), "type to search") })
				x.press("4")
				x.shows("7 artists")
				x.press("\r")
				x.shows("all of Earshot")
				x.golden(name("library"))
				x.press("5")
				x.shows("203.0.113.9")
				x.golden(name("peers"))
				x.press("?")
				x.shows("pause, go on")
				x.golden(name("help"))
				if mode.name == "plain" {
					if colour := regexp.MustCompile(`\x1b\[(?:\d+;)*(?:3[0-7]|9\d|38;[\d;]*)m`).FindString(x.raw.String()); colour != "" {
						t.Errorf("%q is written", colour)
					}
				}
			})
		}
	}
}

func TestKeysGiveCommands(t *testing.T) {
	x := start(t, 80, 24, 4)
	x.shows("Prelude")
	for _, test := range []struct{ keys, want string }{
		{" ", "toggle"},
		{"n", "next"},
		{"p", "prev"},
		{"h", "seek -5s by"},
		{"\x1b[C", "seek 5s by"},
		{"H", "seek -30s by"},
		{"L", "seek 30s by"},
		{"l", "seek 5s by"},
		{"\x1b[D", "seek -5s by"},
		{"\x1b[1;2C", "seek 30s by"},
		{"\x1b[1;2D", "seek -30s by"},
		{">", "next"},
		{"<", "prev"},
		{"+", "volume 5 by"},
		{"=", "volume 5 by"},
		{"-", "volume -5 by"},
		{"s", "shuffle"},
		{"r", "repeat"},
		{":seek 1:05\r", "seek 1m5s"},
		{":seek -10\r", "seek -10s by"},
		{":vol 30\r", "volume 30"},
		{":volume -5\r", "volume -5 by"},
		{":repeat all\r", "repeat all"},
		{":shuffle off\r", "shuffle off"},
		{":clear\r", "clear"},
		{":add air\r", "add #2"},
		{":play air in g\r", "insert #4|jump at 1"},
		{":next\r", "next"},
		{":prev\r", "prev"},
		{":sh\t\r", "shuffle"},
		{":repeat\r", "repeat"},
		{":seek +1:00:00\r", "seek 1h0m0s by"},
	} {
		before := len(x.player.done())
		x.press(test.keys)
		want := strings.Split(test.want, "|")
		x.until(test.want, func() bool { return len(x.player.done()) >= before+len(want) })
		if got := x.player.done()[before:]; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", test.keys, got, want)
		}
	}
	x.press("q")
	if err := x.wait(); err != nil {
		t.Error(err)
	}
}

func TestTheQueueIsChangedUnderTheCursor(t *testing.T) {
	x := start(t, 60, 15, 5)
	x.press("2")
	x.shows("5 tracks")
	x.press("jjJ")
	x.until("the move", func() bool { return slices.Contains(x.player.done(), "move at 2 to 3") })
	x.press("d")
	x.shows("4 tracks")
	x.press("g\r")
	x.until("all of it", func() bool { return len(x.player.done()) == 3 })
	if got, want := x.player.done(), []string{"move at 2 to 3", "remove at 3", "jump at 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAnAlbumPlaysFromTheTrackThatIsChosen(t *testing.T) {
	x := start(t, 60, 15, 0)
	x.shows("nothing is queued")
	x.press("4")
	x.shows("7 artists")
	x.press("\r")
	x.shows("all of Earshot")
	x.press("j\r")
	x.shows("Minuet")
	x.press("\r")
	x.until("the play", func() bool { return len(x.player.done()) == 2 })
	if got, want := x.player.done(), []string{"add #1 #2", "jump at 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	x.press("\x7f\x7f")
	x.shows("7 artists")
}

func TestAStaleAnswerIsDropped(t *testing.T) {
	x := start(t, 60, 15, 1)
	x.press("/slow")
	x.until("the question", func() bool {
		x.node.mu.Lock()
		defer x.node.mu.Unlock()
		return slices.Contains(x.node.searches, "slow")
	})
	x.press("\x15minuet")
	x.shows("1 of 1 track")
	close(x.node.hold)
	x.press("\x1b")
	x.shows("a add")
	if !strings.Contains(x.text(), "Minuet") {
		t.Error(x.text())
	}
}

func TestTracksOnScreenAreWarmed(t *testing.T) {
	x := start(t, 60, 15, 2)
	x.press("/ensemble")
	x.shows("1 of 3")
	warmed := func() []byte {
		x.node.mu.Lock()
		defer x.node.mu.Unlock()
		var all []byte
		for _, id := range x.node.warmed {
			all = append(all, id[0])
		}
		slices.Sort(all)
		return all
	}
	x.until("the heads", func() bool { return len(warmed()) >= 2 })
	if got, want := warmed(), []byte{2, 3}; !slices.Equal(got, want) { // 1 plays
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNothingOfATitleReachesTheTerminalRaw(t *testing.T) {
	x := start(t, 100, 30, 9)
	x.shows("Prelude")
	x.press("2")
	x.shows("9 tracks")
	x.press("G\r")
	x.shows("red[31m alert")
	x.press("/esc")
	x.shows("1 of 1")
	x.news <- "news\x1b[2J of \x1b]0;owned\x07"
	x.shows("news[2J of")
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, bad := range []string{"\x1b[31m alert", "\x1b]0;owned", "\x1b[2Jape", "\u202e"} {
		if strings.Contains(x.raw.String(), bad) {
			t.Errorf("%q is written", bad)
		}
	}
}

func TestTheScreenEndsWithThePlayerAndLeavesTheTerminalAsItWas(t *testing.T) {
	x := start(t, 60, 15, 1)
	x.shows("Prelude")
	close(x.player.ended)
	if err := x.wait(); err != nil {
		t.Error(err)
	}
	x.until("the end", x.left)
}

func TestAnEndFromOutsideLeavesTheTerminalAsItWas(t *testing.T) {
	x := start(t, 60, 15, 1)
	x.shows("Prelude")
	x.cancel()
	if err := x.wait(); err != nil {
		t.Error(err)
	}
	x.until("the end", x.left)
}
