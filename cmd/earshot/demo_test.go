package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// plainScreen is a screen without colours that writes to a buffer.
func plainScreen(width int) (*demoScreen, *bytes.Buffer) {
	var out bytes.Buffer
	return &demoScreen{out: &out, width: func() int { return width }}, &out
}

// demoTrack is a track of 1000 bytes a second.
func demoTrack(n byte, seconds int) protocol.Track {
	return protocol.Track{
		ID: protocol.ID{n}, Title: "Title", Artist: "Artist",
		Duration: time.Duration(seconds) * time.Second, Size: int64(seconds) * 1000,
	}
}

func TestEachSecondShowsWhereMostOfItCameFrom(t *testing.T) {
	screen, out := plainScreen(60)
	s := newDemoStrip(demoTrack(1, 8))
	for _, step := range []struct {
		heard control.Shares
		want  string
	}{
		{control.Shares{Server: 999}, ""}, // a second not passed yet
		{control.Shares{Server: 2300}, "SS"},
		{control.Shares{Server: 2300, Peers: 700}, "SSP"},
		{control.Shares{Server: 2300, Peers: 700, Cache: 3200}, "SSPCCC"},
		{control.Shares{Server: 2300, Peers: 2500, Cache: 3200}, "SSPCCCPP"},
	} {
		s.heard(step.heard)
		s.draw(screen, false)
		_, cells, _ := strings.Cut(out.String(), "0:00 ")
		if got := strings.TrimSpace(cells); got != step.want {
			t.Errorf("%+v: %q, want %q", step.heard, got, step.want)
		}
	}
	if screen.open {
		t.Error("the last row of a whole track is not ended")
	}
}

func TestAStripFitsTheScreen(t *testing.T) {
	for _, width := range []int{60, 80, 200} {
		for _, seconds := range []int{1, 49, 115, 600, 7200} {
			screen, out := plainScreen(width)
			s := newDemoStrip(demoTrack(1, seconds))
			for at := int64(0); at < s.track.Size; at += 16 << 10 {
				s.heard(control.Shares{Peers: at})
				s.draw(screen, false)
			}
			s.heard(control.Shares{Peers: s.track.Size})
			s.draw(screen, true)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")[1:]
			if len(lines) > maxStripRows {
				t.Errorf("%d s at %d columns: %d rows", seconds, width, len(lines))
			}
			cells := 0
			for _, line := range lines {
				if len(line) > width {
					t.Errorf("%d s at %d columns: a row of %d", seconds, width, len(line))
				}
				cells += strings.Count(line, "P")
			}
			if want := (seconds + s.each - 1) / s.each; cells != want {
				t.Errorf("%d s at %d columns: %d cells, want %d", seconds, width, cells, want)
			}
		}
	}
}

func TestAnInterruptedTrackEndsItsRow(t *testing.T) {
	screen, out := plainScreen(60)
	s := newDemoStrip(demoTrack(1, 30))
	s.heard(control.Shares{Cache: 2500})
	s.draw(screen, true)
	if want := "\nArtist: Title\n   0:00 CCC\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestCellsHaveColoursOnATerminal(t *testing.T) {
	screen, out := plainScreen(60)
	screen.colour = true
	s := newDemoStrip(demoTrack(1, 1))
	s.heard(control.Shares{Server: 1000})
	s.draw(screen, true)
	if want := "\x1b[30;43mS\x1b[0m"; !strings.Contains(out.String(), want) {
		t.Errorf("%q lacks %q", out.String(), want)
	}
}

// Whatever a listener claims, the strip keeps every byte of the track once and
// neither fails nor grows.
func FuzzStrip(f *testing.F) {
	f.Add(int64(1000), int64(30), int64(10), int64(500), int64(490))
	f.Add(int64(0), int64(0), int64(1), int64(1), int64(1))
	f.Add(int64(1)<<62, int64(1)<<40, int64(-1), int64(1)<<62, int64(7))
	f.Fuzz(func(t *testing.T, size, seconds, server, peers, cache int64) {
		s := newDemoStrip(protocol.Track{Size: size, Duration: time.Duration(seconds % (1 << 33) * int64(time.Second))})
		bound := func(n int64) int64 { return n % (1 << 50) }
		s.heard(control.Shares{Server: bound(server), Peers: bound(peers), Cache: bound(cache)})
		s.heard(control.Shares{Server: bound(peers), Peers: bound(cache), Cache: bound(server)})
		screen, _ := plainScreen(60)
		s.draw(screen, false)
		s.draw(screen, true)
		var sum int64
		for _, c := range s.cells {
			sum += c[0] + c[1] + c[2]
		}
		if sum < 0 || sum > max(0, size) {
			t.Fatalf("%d bytes in the cells of a track of %d", sum, size)
		}
	})
}

func TestTheViewGoesFromTrackToTrack(t *testing.T) {
	screen, out := plainScreen(60)
	v := newDemoView(screen, []protocol.Track{demoTrack(1, 3), demoTrack(2, 2), demoTrack(3, 2)})
	playing := func(n byte, seconds int, s control.Shares) control.Playing {
		return control.Playing{Track: demoTrack(n, seconds), Shares: s}
	}
	v.show(nil)
	v.show([]control.Playing{playing(1, 3, control.Shares{Server: 2100})})
	v.show([]control.Playing{playing(1, 3, control.Shares{Server: 3000}), playing(2, 2, control.Shares{})})
	v.show([]control.Playing{playing(1, 3, control.Shares{Server: 3000}), playing(2, 2, control.Shares{Peers: 1200})})
	v.show([]control.Playing{playing(2, 2, control.Shares{Peers: 1900})})
	v.end()
	want := "\nArtist: Title\n   0:00 SSS\n\nArtist: Title\n   0:00 PP\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestTheTableTellsEachTrack(t *testing.T) {
	id := protocol.ID{1}
	printed := `{"event":"playing"}
{"id":"` + id.String() + `","playback_latency_ms":12.4,"stutters":1,"stutter_ms":3,
 "bytes_from_server":100000,"bytes_from_peers":300000,"bytes_from_cache":0,"seconds_played":4}
[1]
nonsense`
	second := newDemoStrip(demoTrack(2, 9))
	second.heard(control.Shares{Cache: 4000})
	results := withUnfinished(readResults(strings.NewReader(printed)), []*demoStrip{newDemoStrip(demoTrack(1, 4)), second})
	var out bytes.Buffer
	demoTable(&out, 60, results, []protocol.Track{demoTrack(1, 4), demoTrack(2, 9)})
	want := strings.Join([]string{
		"track          latency  stutters   server    peers    cache",
		"Artist: Title    12 ms         1   100 kB   300 kB      0 B",
		"Artist: Title        -         -      0 B      0 B   4.0 kB",
		"all                            -   100 kB   300 kB   4.0 kB",
		"                                   24.8 %   74.3 %    1.0 %",
		"",
	}, "\n")
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestTheTableFitsSixtyColumns(t *testing.T) {
	long := demoTrack(1, 4)
	long.Title = strings.Repeat("Préludes ", 20)
	var out bytes.Buffer
	demoTable(&out, 60, []demoResult{{ID: long.ID, measured: true, LatencyMS: 12345}}, []protocol.Track{long})
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimSpace(line))); n > 60 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestTracksAreChosenThatFitTheTime(t *testing.T) {
	all := []protocol.Track{demoTrack(1, 100), demoTrack(2, 60), demoTrack(3, 60)}
	for _, c := range []struct{ limit, want int }{{10, 1}, {100, 1}, {160, 2}, {220, 3}, {1000, 3}} {
		if got := chooseTracks(all, time.Duration(c.limit)*time.Second); len(got) != c.want {
			t.Errorf("%d s: %d tracks, want %d", c.limit, len(got), c.want)
		}
	}
	if n := needed(demoTrack(1, 1000), 100*time.Second); n != 110_000 {
		t.Errorf("of a long track %d bytes are needed", n)
	}
}

func TestTheReadyLineGivesTheAddress(t *testing.T) {
	for line, want := range map[string]string{
		`{"event":"ready","address":"127.0.0.1:4433"}`: "127.0.0.1:4433",
		`{"event":"scan","address":"127.0.0.1:4433"}`:  "",
		`{"event":"ready"}`:                            "",
		`ready 127.0.0.1:4433`:                         "",
	} {
		if got, ok := readyAddress(line); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", line, got, ok)
		}
	}
}

func TestTheMusicIsWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	if err := writeDemoMusic(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.mp3"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%q, %v", files, err)
	}
	old := time.Unix(1e9, 0)
	if err := os.Chtimes(files[0], old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[1], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeDemoMusic(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(files[0]); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("a whole file was written again: %v", err)
	}
	if info, err := os.Stat(files[1]); err != nil || info.Size() < 1000 {
		t.Errorf("a damaged file was left: %v", err)
	}
}

func TestResetLeavesWhatIsNotTheDemos(t *testing.T) {
	d := &demo{folder: t.TempDir()}
	for _, name := range []string{demoListener, demoMusic, "mine"} {
		if err := os.Mkdir(d.data(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.reset(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(d.folder)
	if err != nil || len(left) != 1 || left[0].Name() != "mine" {
		t.Errorf("left: %v, %v", left, err)
	}
}

// shell is a family whose processes are shells.
func shell(t *testing.T) *demoFamily {
	f := newDemoFamily("/bin/sh")
	t.Cleanup(f.close)
	return f
}

func TestAFailedChildIsToldInOneLine(t *testing.T) {
	f := shell(t)
	_, err := f.run(t.Context(), "seed", "-c", "echo hint >&2; echo earshot: no such link >&2; exit 1")
	if err == nil || err.Error() != "the seed: no such link" {
		t.Errorf("%v", err)
	}
	out, err := f.run(t.Context(), "seed", "-c", "echo done")
	if err != nil || out != "done\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := newDemoFamilyOf(t, "/no/such/program").run(t.Context(), "server"); err == nil {
		t.Error("a program that is not there starts")
	}
}

func newDemoFamilyOf(t *testing.T, program string) *demoFamily {
	f := newDemoFamily(program)
	t.Cleanup(f.close)
	return f
}

func TestClosingLeavesNoChild(t *testing.T) {
	f := newDemoFamily("/bin/sh")
	f.grace = 50 * time.Millisecond
	ready := make(chan struct{}, 2)
	said := func(string) { ready <- struct{}{} }
	// One ends when asked; one does not listen, and has a child of its own.
	gentle, err := f.start("gentle", said, nil, "-c", "echo ready; sleep 1000 & wait")
	if err != nil {
		t.Fatal(err)
	}
	deaf, err := f.start("deaf", said, nil, "-c", "trap '' TERM INT; echo ready; while :; do sleep 1; done")
	if err != nil {
		t.Fatal(err)
	}
	<-ready
	<-ready
	f.close()
	for _, c := range []*demoChild{gentle, deaf} {
		// Done means that the pipes have ended too: no process holds them.
		if !c.wait(0) {
			t.Errorf("%s is still there", c.name)
		}
		if err := c.cmd.Process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s was not waited for: %v", c.name, err)
		}
	}
	if _, err := f.start("late", nil, nil, "-c", "true"); !errors.Is(err, context.Canceled) {
		t.Errorf("a closed family starts: %v", err)
	}
}

func TestAnInterruptedCommandEnds(t *testing.T) {
	f := shell(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.run(ctx, "join", "-c", "sleep 1000"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAFloodOfOutputIsBounded(t *testing.T) {
	f := shell(t)
	out, err := f.run(t.Context(), "search", "-c", "yes flood | head -c 1000000; head -c 1000000 /dev/zero | tr '\\0' x")
	if err != nil || len(out) > 2*maxLine {
		t.Errorf("%d bytes kept, %v", len(out), err)
	}
}
