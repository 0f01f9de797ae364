package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
	"earshot/protocol"
)

func TestFlagsMayComeAnywhere(t *testing.T) {
	app := (&program{out: &screen{}, err: &screen{}}).app()
	for _, test := range [][2]string{
		{"play x --json", "play --json -- x"},
		{"--data d play x y --output null", "play --data d --output null -- x y"},
		{"play --output=null x --from 1:00 y", "play --output=null --from 1:00 -- x y"},
		{"--data d cache --json pin x", "cache pin --data d --json -- x"},
		{"cache --data d stats", "cache stats --data d"},
		{"cache --data d limit 1GB --json", "cache limit --data d --json -- 1GB"},
		{"cache --data d", "cache"},
		{"cache --data d --help", "cache --data d --help"},
		{"cache pin pin", "cache pin -- pin"},
		{"play -- --json x", "play -- --json x"},
		{"play x -- --json", "play -- x --json"},
		{"play play search", "play -- play search"},
		{"play -", "play -- -"},
		{"--help play", "play --help"},
		{"--help cache", "cache --help"},
		{"--data d help play", "--data d help -- play"},
		{"--json --data=d sim --seed 2", "--data=d sim --json --seed 2"},
		{"--data d service", "--data d service"},
		{"--json --data d play x", "play --json --data d -- x"},
		{"plya x --json", "plya x --json"},
		{"--data d plya", "plya --data d"},
		{"cache sats --json", "cache sats --json"},
		{"help play", "help -- play"},
		{"stop --data", "stop --data"},
		{"", ""},
	} {
		got := flagsFirst(app, append([]string{"earshot"}, strings.Fields(test[0])...))
		if want := append([]string{"earshot"}, strings.Fields(test[1])...); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", test[0], got, want)
		}
	}
}

func TestExitCodesAreAsDocumented(t *testing.T) {
	for _, test := range []struct {
		err  error
		code int
		line string
	}{
		{nil, 0, ""},
		{errors.New("it broke"), 1, "it broke"},
		{errors.Join(errors.New("it broke"), errors.New("so did that")), 1, "it broke; so did that"},
		{fmt.Errorf("reading: %w", usagef("no such thing")), 2, "reading: no such thing"},
		{&interruptedError{syscall.SIGINT}, 130, ""},
		{errStopped, 130, ""},
		{cli.Exit("", 130), 130, ""},
		{cli.Exit("demo: takes flags only", 2), 2, "demo: takes flags only"},
		{fmt.Errorf("opening: %w", control.ErrUnknownTrack), 1, "opening: no such track: `earshot search` and `earshot ls` list what there is"},
		{control.ErrNotMember, 1, control.ErrNotMember.Error()},
	} {
		if code, line := exitCode(test.err), explain(test.err); code != test.code || line != test.line {
			t.Errorf("%v: %d, %q: want %d, %q", test.err, code, line, test.code, test.line)
		}
	}
}

func TestTheCauseOfAnEndIsTold(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	other := errors.New("other")
	if cause(ctx, other) != other || cause(ctx, nil) != nil {
		t.Error("an error is replaced although ctx goes on")
	}
	cancel(errStopped)
	for _, came := range []error{context.Canceled, fs.ErrClosed} {
		if got := cause(ctx, fmt.Errorf("playing: %w", came)); got != errStopped {
			t.Errorf("%v is told as %v", came, got)
		}
	}
	if cause(ctx, other) != other {
		t.Error("an error that ctx did not cause is replaced")
	}
}

func TestWordsIDsAndPrefixesNameTracks(t *testing.T) {
	n := newFakeNode("Air", "Gigue on a facade", "Facade")
	n.tracks = append(n.tracks, control.CachedTrack{Track: protocol.Track{ID: protocol.ID{0x12, 0x34, 0x56}, Title: "Bourree"}})
	id := func(i int) protocol.ID { return n.tracks[i].ID }
	for _, test := range []struct {
		args string
		want []protocol.ID
	}{
		{"air", []protocol.ID{id(0)}},
		{"bach", []protocol.ID{id(0), id(1), id(2)}},
		{"123456", []protocol.ID{id(3)}},
		{"earshot:123456", []protocol.ID{id(3)}},
		{"123456 air", []protocol.ID{id(3), id(0)}},
		{"ABCDEF00000000 air", []protocol.ID{id(0), id(0)}},
		{"facade", []protocol.ID{id(1), id(2)}}, // six hexadecimal digits, but no ID
		{"gigue facade", []protocol.ID{id(1)}},  // one question
		{protocol.ID{0xff}.String(), []protocol.ID{{0xff}}},
		{strings.Repeat("0", 64), []protocol.ID{{}}},
	} {
		queue, _, err := findQueue(t.Context(), n.Search, strings.Fields(test.args))
		var got []protocol.ID
		for _, track := range queue {
			got = append(got, track.ID)
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q: %v, %v: want %v", test.args, got, err, test.want)
		}
	}
	var unknown *unknownError
	var ambiguous *ambiguousError
	if _, _, err := findQueue(t.Context(), n.Search, []string{"no", "such"}); !errors.As(err, &unknown) {
		t.Errorf("unknown words: %v", err)
	}
	if _, _, err := findQueue(t.Context(), n.Search, []string{"abcdef"}); !errors.As(err, &ambiguous) || ambiguous.matches.Total != 3 {
		t.Errorf("an ambiguous prefix: %v", err)
	}
	if _, _, err := findQueue(t.Context(), n.Search, []string{strings.Repeat("x", protocol.MaxQueryText+1)}); err == nil || errors.As(err, &unknown) {
		t.Errorf("words without end: %v", err)
	}
	if _, _, err := findQueue(t.Context(), n.Search, []string{" "}); !errors.As(err, &unknown) {
		t.Errorf("no words: %v", err)
	}
}

// TestWordsThatLookLikeAnIDAreWords also where only the server could tell that no ID
// begins so.
func TestWordsThatLookLikeAnIDAreWords(t *testing.T) {
	n := newFakeNode("Facade", "Gigue")
	away := func(ctx context.Context, q protocol.Query) (protocol.Results, error) {
		if q.Kind == protocol.QueryPrefix {
			return protocol.Results{}, control.ErrServerAway
		}
		return n.Search(ctx, q)
	}
	for _, args := range [][]string{{"facade"}, {"facade", "bach"}} {
		if queue, _, err := findQueue(t.Context(), away, args); err != nil || len(queue) != 1 || queue[0].ID != n.tracks[0].ID {
			t.Errorf("%q: %+v, %v", args, queue, err)
		}
	}
	if r, err := lookUp(t.Context(), away, wish{prefix: "facade", words: "facade"}); err != nil || r.Total != 1 {
		t.Errorf("searched for: %+v, %v", r, err)
	}
}

func TestAWholeIDIsNotLookedUp(t *testing.T) {
	asked := func(context.Context, protocol.Query) (protocol.Results, error) {
		return protocol.Results{}, errors.New("asked")
	}
	if _, _, err := findQueue(t.Context(), asked, []string{protocol.ID{1}.String(), protocol.ID{2}.String()}); err != nil {
		t.Error(err)
	}
}

func TestListsAreWholeHoweverLong(t *testing.T) {
	code, out, _ := newFakeNode("a", "b", "c", "d", "e").run("ls", "--json")
	var list struct {
		Total  int
		Tracks []struct {
			ID       string
			Duration int64 `json:"duration_ns"`
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || list.Total != 5 || len(list.Tracks) != 5 || list.Tracks[0].Duration != 60e9 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}

func TestAnAmbiguousNameShowsItsMatches(t *testing.T) {
	n := newFakeNode("Air", "Gigue")
	code, out, complaint := n.run("cache", "pin", "abcdef")
	if code != 1 || !strings.Contains(out, "Air") || !strings.Contains(out, "Gigue") || n.pinned != (protocol.ID{}) {
		t.Errorf("exit %d: %s%s", code, out, complaint)
	}
	code, out, _ = n.run("cache", "pin", "gigue")
	if code != 0 || n.pinned != n.tracks[1].ID || out != "pinned Gigue - Bach\n" {
		t.Errorf("exit %d, pinned %s: %s", code, n.pinned.Short(), out)
	}
	if n.released != 2 || !n.config.Offline {
		t.Errorf("released %d times, offline %v", n.released, n.config.Offline)
	}
}

func TestStatusAndStatisticsAreReadable(t *testing.T) {
	n := newFakeNode("Air")
	code, out, _ := n.run("status")
	for _, want := range []string{"listener, process 7", "h:1, not connected", "Air - Bach", "0:03 of 1:00", "PPPP", "peers 100%", "1.5 ms", "3 bad chunks"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in:\n%s", code, want, out)
		}
	}
	code, out, _ = n.run("cache", "stats")
	for _, want := range []string{"2, of which 0 partial", "peers 75%, cache 25%", "half of them within 12 ms", "PPP", "CCC"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in:\n%s", code, want, out)
		}
	}
}

func TestInvitationsAreReadFromFlags(t *testing.T) {
	if _, out, _ := newFakeNode().run("invite", "--uses", "3", "--expires", "2w"); out != "3 336h0m0s\n" {
		t.Errorf("got %q", out)
	}
	if _, out, _ := newFakeNode().run("invite"); out != "1 168h0m0s\n" {
		t.Errorf("by default %q", out)
	}
}

func TestAnErrorIsOneSafeLine(t *testing.T) {
	n := newFakeNode("Air")
	n.err = errors.New("the disk\x1b[2J broke\nin two")
	code, out, complaint := n.run("ls")
	if code != 1 || out != "" || complaint != "earshot: the disk[2J broke; in two\n" {
		t.Errorf("exit %d, %q, %q", code, out, complaint)
	}
}
