package main

import "testing"

func TestOnlyASlipOfTheFingersIsTakenForAnotherName(t *testing.T) {
	commands := []string{"play", "pause", "seek", "search", "seed", "serve", "service", "status", "stop", "sim", "cache", "completion", "h"}
	for name, want := range map[string]string{
		"plya": "play", "plaay": "play", "pla": "play", "serach": "search", "sevre": "serve", "serivce": "service",
		"stauts": "status", "cahce": "cache", "compeltion": "completion", "sync2": "",
		"version": "", "frob": "", "x": "", "bogus": "", "": "", "volume": "",
	} {
		if got := nearest(name, commands); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "acb", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3}} {
		if got := slips(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestLinesOfHelpAreFoldedBelowTheirColumn(t *testing.T) {
	for _, test := range []struct {
		line  string
		width int
		want  string
	}{
		{"   --json      print JSON\n", 30, "   --json      print JSON\n"},
		{"   --json      print all of it as JSON\n", 30, "   --json      print all of it\n               as JSON\n"},
		{"   --much-longer VALUE  print all of it as JSON\n", 30, "   --much-longer VALUE\n       print all of it as JSON\n"},
		{"   a sentence that goes on\n", 20, "   a sentence that\n   goes on\n"},
		{"   averyverylongwordwithoutaspace in it\n", 20, "   averyverylongwordwithoutaspace\n   in it\n"},
		{"   a line of any length\n", 0, "   a line of any length\n"},
		{"   on a terminal of no width\n", -1, "   on a terminal of no width\n"},
		{"\n", 1, "\n"},
		{"a b c", 1, "a\nb\nc\n"},
	} {
		if got := fold(test.line, test.width); got != test.want {
			t.Errorf("%q: %q, want %q", test.line, got, test.want)
		}
	}
}
