package text

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestPlainLeavesNothingThatActs(t *testing.T) {
	for in, want := range map[string]string{
		"Air":                        "Air",
		"a\x1b[2Jb":                  "a[2Jb",
		"a\nb\tc\u2028d":             "a b c d",
		"\u202eevil\u2066":           "evil",
		"\U0001f468\u200d\U0001f469": "\U0001f468\U0001f469",
		"\u2764\ufe0f":               "\u2764",
		"\U0001f1e9\U0001f1ea":       "DE",
		"\x9b31m":                    "\ufffd31m",
	} {
		if got := Plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestPaddedTextHasItsWidth(t *testing.T) {
	for _, s := range []string{"", "Air", "音楽の捧げもの", "Cafe\u0301", "שיר השירים", "\x1b[31mred", "\U0001f3b5 tune"} {
		for columns := range 20 {
			if got := Width(Pad(s, columns)); got != columns {
				t.Errorf("%q in %d columns is %d wide: %q", s, columns, got, Pad(s, columns))
			}
		}
	}
}

func TestTextFromTheRightIsIsolated(t *testing.T) {
	if got := Isolate("Air"); got != "Air" {
		t.Errorf("%q", got)
	}
	for _, s := range []string{"שיר", "أغنية", "Air שיר"} {
		if got := Isolate(s); got != "\u2068"+s+"\u2069" {
			t.Errorf("%q", got)
		}
	}
}

func TestClockReads(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0:00", -time.Second: "0:00", 61 * time.Second: "1:01", 3599 * time.Second: "59:59", 3661 * time.Second: "1:01:01",
	} {
		if got := Clock(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b]0;x\x07 音楽 \u2067שיר", 9)
	f.Fuzz(func(t *testing.T, s string, columns int) {
		columns %= 200
		got := Plain(s)
		if !utf8.ValidString(got) || got != ansi.Strip(got) || strings.ContainsAny(got, "\n\x1b\x00") {
			t.Errorf("%q of %q", got, s)
		}
		if w := Width(Pad(s, columns)); w != max(0, columns) {
			t.Errorf("%q in %d columns is %d wide", s, columns, w)
		}
	})
}

func TestWaitingSaysForWhatAndHowLong(t *testing.T) {
	for _, c := range []struct {
		sound, takes time.Duration
		want         string
	}{
		{0, 0, "waiting until it is known how fast it arrives"},
		{10 * time.Millisecond, 20 * time.Millisecond, "waiting for 1 s of sound, starts in about 1 s"},
		{26 * time.Second, 33500 * time.Millisecond, "waiting for 26 s of sound, starts in about 34 s"},
	} {
		if got := Waiting(c.sound, c.takes); got != c.want {
			t.Errorf("%v, %v: %q, want %q", c.sound, c.takes, got, c.want)
		}
	}
}
