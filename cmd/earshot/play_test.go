package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// progressEvent is the player's news in the middle of a track.
func progressEvent(t protocol.Track) player.Event {
	return player.Event{
		Kind: player.EventProgress, Track: t, Position: t.Duration / 3,
		Result: player.Result{LatencyMS: 12, Stutters: 2, Shares: control.Shares{Server: 1, Peers: 5}, SecondsPlayed: 20},
	}
}
