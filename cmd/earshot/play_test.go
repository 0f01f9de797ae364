package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"earshot/audio"
	"earshot/node/control"
	"earshot/node/player"
	"earshot/protocol"
)

func TestPlayingWritesSoundAndWords(t *testing.T) {
	n := newFakeNode()
	id := n.minuet(t).String()
	file := filepath.Join(t.TempDir(), "x.wav")
	code, out, complaint := n.run("play", id, id, "--output", "wav:"+file, "--from", "0:40")
	if code != 0 || complaint != "" {
		t.Fatalf("exit %d: %s", code, complaint)
	}
	for _, want := range []string{"playing Minuet[2J (0:48), begun after ", "played Minuet[2J, 0:08: ", "played Minuet[2J, 0:48: ", "in all: 2 tracks, 0:57, 0 stutters, server 0 B, peers "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() < 56*audio.SampleRate*4 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if n.released != 1 {
		t.Errorf("the node was released %d times", n.released)
	}
}

func TestSoundOnStdoutIsAlone(t *testing.T) {
	n := newFakeNode()
	code, out, words := n.run("play", n.minuet(t).String(), "--output", "stdout", "--from", "0:47", "--json")
	var r player.Result
	if err := json.Unmarshal([]byte(words), &r); err != nil || code != 0 || r.SecondsPlayed < 1 {
		t.Fatalf("exit %d, %v: %s", code, err, words)
	}
	if want := int(r.SecondsPlayed*audio.SampleRate+0.5) * 4; len(out) != want {
		t.Errorf("%d bytes of sound, want %d", len(out), want)
	}
}

func TestATrackThatFailsIsPassedOverAndTold(t *testing.T) {
	n := newFakeNode()
	id, gone := n.minuet(t).String(), protocol.ID{8}
	code, out, complaint := n.run("play", gone.String(), id, "--output", "wav:"+filepath.Join(t.TempDir(), "x.wav"), "--json")
	if code != 1 || strings.Count(out, "seconds_played") != 1 || !strings.Contains(complaint, gone.Short()+": no such track: passing over it") {
		t.Errorf("exit %d: %s%s", code, out, complaint)
	}
	code, out, complaint = n.run("play", gone.String(), "--output", "null")
	if code != 1 || out != "" || strings.Count(complaint, "\n") != 1 {
		t.Errorf("alone: exit %d: %s%s", code, out, complaint)
	}
}

func TestNothingIsWrittenWhereNothingPlays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.wav")
	if code, _, _ := newFakeNode("Air").run("play", "gigue", "--output", "wav:"+file); code != 1 {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

func TestAWaitIsTold(t *testing.T) {
	out, words := page(0)
	errs, complaints := page(0)
	s := &playScreen{out: out, err: errs, tracks: 1}
	track := protocol.Track{Title: "Air"}
	s.event(player.Event{Kind: player.EventWaiting, Track: track, Err: fmt.Errorf("reading: %w", control.ErrUnavailable)})
	s.event(player.Event{Kind: player.EventResumed, Track: track})
	want := "earshot: Air waits: reading: nothing that can be reached holds this track: it goes on when something does\nearshot: Air goes on\n"
	if complaints.String() != want || words.Len() > 0 {
		t.Errorf("got %q and %q", complaints, words)
	}
}

// followed is a player whose states come one after another.
type followed struct {
	control.Player // nothing else is asked of it
	states         []control.PlayerState
	after          time.Duration // each
}

func (p followed) Follow(ctx context.Context, f func(control.PlayerState)) error {
	for _, s := range p.states {
		f(s)
		select {
		case <-time.After(p.after):
		case <-ctx.Done():
			return nil
		}
	}
	return control.ErrNoPlayer
}

func TestOnATerminalALongWaitIsShownInTheLine(t *testing.T) {
	track := protocol.Track{ID: protocol.ID{1}, Title: "A\x1b[2Jir"}
	waiting, playing := control.PlayerState{Playback: control.PlaybackWaiting, Track: &track}, control.PlayerState{Playback: control.PlaybackPlaying, Track: &track}
	connected := control.Status{Role: control.RoleListener, Connected: true}
	slow := connected
	slow.Playing = []control.Playing{{Track: track, Waiting: true, WaitsFor: 5 * time.Second, StartsIn: 3 * time.Second}}
	for name, test := range map[string]struct {
		states    []control.PlayerState
		after     time.Duration
		status    control.Status
		json      bool
		tty, dumb bool
		want      string
	}{
		"a short wait":       {states: []control.PlayerState{waiting, playing, waiting, playing}, after: waitShown - time.Millisecond, status: connected, tty: true},
		"a long one":         {states: []control.PlayerState{playing, waiting, playing}, after: waitShown + time.Millisecond, status: connected, tty: true, want: "A[2Jir  waiting for more of it to arrive"},
		"no server":          {states: []control.PlayerState{waiting}, after: waitShown + time.Millisecond, status: control.Status{Role: control.RoleListener}, tty: true, want: "A[2Jir  waiting: the server does not answer"},
		"a thin line":        {states: []control.PlayerState{waiting}, after: waitShown + time.Millisecond, status: slow, tty: true, want: "A[2Jir  waiting for 5 s of sound, starts in about 3 s"},
		"looked at again":    {states: []control.PlayerState{waiting}, after: waitShown + waitAgain + time.Millisecond, status: connected, tty: true, want: "A[2Jir  waiting for more of it to arrive\r\x1b[KA[2Jir  waiting for more of it to arrive"},
		"on a dumb terminal": {states: []control.PlayerState{waiting, waiting}, after: 5 * time.Second, status: connected, dumb: true, want: "A[2Jir: waiting for more of it to arrive\n"},
		"into a pipe":        {states: []control.PlayerState{waiting}, after: time.Minute, status: connected},
		"as JSON":            {states: []control.PlayerState{waiting}, after: time.Minute, status: connected, tty: true, json: true},
		"nothing to play":    {states: []control.PlayerState{{Playback: control.PlaybackStopped}}, after: time.Minute, status: connected, tty: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, words := page(80)
				out.tty, out.dumb = test.tty, test.dumb
				errs, complaints := page(80)
				s := &playScreen{out: out, err: errs, json: test.json, tracks: 1}
				s.showWaits(t.Context(), followed{states: test.states, after: test.after}, func(context.Context) (control.Status, error) { return test.status, nil })
				if words.String() != test.want || complaints.Len() > 0 {
					t.Errorf("%q and %q, want %q", words, complaints, test.want)
				}
			})
		})
	}
}

// progressEvent is the player's news in the middle of a track.
func progressEvent(t protocol.Track) player.Event {
	return player.Event{
		Kind: player.EventProgress, Track: t, Position: t.Duration / 3,
		Result: player.Result{LatencyMS: 12, Stutters: 2, Shares: control.Shares{Server: 1, Peers: 5}, SecondsPlayed: 20},
	}
}
