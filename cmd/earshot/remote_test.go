package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// fakePlayer notes what it is told.
type fakePlayer struct {
	state    control.PlayerState
	states   []control.PlayerState // what a follower sees, before the player ends
	commands []control.Command
}

func (f *fakePlayer) PlayerState(context.Context) (control.PlayerState, error) { return f.state, nil }

func (f *fakePlayer) Queue(context.Context) (control.Queue, error) {
	return control.Queue{Index: 0, Tracks: []protocol.Track{{ID: protocol.ID{1}, Title: "Air\x1b[2J"}, {ID: protocol.ID{2}}}}, nil
}

func (f *fakePlayer) Command(_ context.Context, c control.Command) error {
	f.commands = append(f.commands, c)
	return nil
}

func (f *fakePlayer) Follow(_ context.Context, see func(control.PlayerState)) error {
	for _, s := range f.states {
		see(s)
	}
	return control.ErrNoPlayer
}

// remotely runs a command line on a fake player.
func remotely(f *fakePlayer, args ...string) (code int, stdout, stderr string) {
	out, printed := page(0)
	errs, complained := page(0)
	p := &program{started: time.Now(), out: out, err: errs, stdout: printed, nodes: nodes{
		player: func(context.Context, string) (control.Player, func() error, error) {
			return f, func() error { return nil }, nil
		},
	}}
	code = p.run(context.Background(), append([]string{"earshot"}, args...))
	return code, printed.String(), complained.String()
}

func TestEachCommandAsksForOneThing(t *testing.T) {
	on, off := true, false
	for line, want := range map[string]control.Command{
		"pause":             {Do: control.DoPause},
		"resume":            {Do: control.DoPlay},
		"toggle":            {Do: control.DoToggle},
		"next":              {Do: control.DoNext},
		"prev":              {Do: control.DoPrev},
		"seek 1:30":         {Do: control.DoSeek, To: 90 * time.Second},
		"seek +10":          {Do: control.DoSeek, To: 10 * time.Second, By: true},
		"seek -10":          {Do: control.DoSeek, To: -10 * time.Second, By: true},
		"seek -1:00 --json": {Do: control.DoSeek, To: -time.Minute, By: true},
		"volume 40":         {Do: control.DoVolume, Volume: 40},
		"volume 40%":        {Do: control.DoVolume, Volume: 40},
		"volume -5":         {Do: control.DoVolume, Volume: -5, By: true},
		"volume +5":         {Do: control.DoVolume, Volume: 5, By: true},
		"shuffle":           {Do: control.DoShuffle},
		"shuffle on":        {Do: control.DoShuffle, On: &on},
		"shuffle off":       {Do: control.DoShuffle, On: &off},
		"repeat":            {Do: control.DoRepeat},
		"repeat one":        {Do: control.DoRepeat, Repeat: control.RepeatOne},
		"queue clear":       {Do: control.DoClear},
		"queue move 3 1":    {Do: control.DoMove, Index: 2, Dest: 0},
		"queue remove 2":    {Do: control.DoRemove, Index: 1},
		"queue jump 2":      {Do: control.DoJump, Index: 1},
	} {
		f := &fakePlayer{}
		code, _, complaint := remotely(f, strings.Fields(line)...)
		if code != 0 || len(f.commands) != 1 {
			t.Errorf("%s: exit %d, %d commands: %s", line, code, len(f.commands), complaint)
			continue
		}
		got := f.commands[0]
		if got.On != nil && want.On != nil && *got.On == *want.On {
			got.On, want.On = nil, nil
		}
		if got.Do != want.Do || got.To != want.To || got.By != want.By || got.Volume != want.Volume || got.On != want.On ||
			got.Repeat != want.Repeat || got.Index != want.Index || got.Dest != want.Dest {
			t.Errorf("%s: %+v, want %+v", line, got, want)
		}
	}
	for _, line := range []string{"pause now", "seek", "seek soon", "seek 1 2", "volume loud", "volume 101", "volume 1 2", "shuffle maybe",
		"repeat twice", "repeat one all", "queue move 1", "queue remove 0", "queue remove x", "queue save x.mp3", "queue add", "queue nonsense"} {
		f := &fakePlayer{}
		if code, _, _ := remotely(f, strings.Fields(line)...); code != exitUsage || len(f.commands) > 0 {
			t.Errorf("%s: exit %d", line, code)
		}
	}
}

func TestTheQueueIsListedAndSaved(t *testing.T) {
	code, out, _ := remotely(&fakePlayer{}, "queue")
	if code != 0 || !strings.Contains(out, ">  1  0100") || strings.Contains(out, "\x1b") {
		t.Errorf("exit %d: %q", code, out)
	}
	code, out, _ = remotely(&fakePlayer{}, "queue", "--json")
	if code != 0 || !strings.HasPrefix(out, `{"revision":0,"index":0,"tracks":[{"id":"0100`) {
		t.Errorf("exit %d: %q", code, out)
	}
	file := filepath.Join(t.TempDir(), "x.m3u8")
	if code, out, _ = remotely(&fakePlayer{}, "queue", "save", file); code != 0 || !strings.HasPrefix(out, "2 tracks in ") {
		t.Errorf("exit %d: %q", code, out)
	}
	if b, err := os.ReadFile(file); err != nil || bytes.Contains(b, []byte("\x1b")) {
		t.Errorf("%q, %v", b, err)
	}
}

func TestAFollowerGetsALineForEachStateAndOneForNone(t *testing.T) {
	track := protocol.Track{ID: protocol.ID{1}, Title: "Air\x1b[2J", Duration: time.Minute}
	f := &fakePlayer{states: []control.PlayerState{
		{Playback: control.PlaybackPlaying, Track: &track, Queue: 3, Position: 7 * time.Second, Length: time.Minute, Volume: 80},
		{Playback: control.PlaybackPaused, Track: &track, Queue: 3, Volume: 80, Shuffle: true, Repeat: control.RepeatAll},
	}}
	out, printed := page(0)
	ctx, cancel := context.WithTimeout(t.Context(), followEvery/2)
	defer cancel()
	p := &program{out: out, err: out, nodes: nodes{player: func(context.Context, string) (control.Player, func() error, error) {
		return f, func() error { return nil }, nil
	}}}
	p.run(ctx, []string{"earshot", "status", "--follow"})
	want := "playing Air[2J, 0:07/1:00, 1 of 3, volume 80%\npaused Air[2J, 0:00/0:00, 1 of 3, volume 80%, shuffled, repeats all\nstopped, volume 0%\n"
	if !strings.HasPrefix(printed.String(), want) {
		t.Errorf("%q", printed)
	}
}

func TestCommandsOnEventsGetTitlesByTheirEnvironmentAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events")
	evil := protocol.Track{ID: protocol.ID{1}, Title: "$(touch " + file + ".evil)`id`\n\x00; x", Artist: "A"}
	f := &fakePlayer{states: []control.PlayerState{
		{Playback: control.PlaybackWaiting, Track: &evil, Volume: 10},
		{Playback: control.PlaybackPlaying, Track: &evil, Volume: 10},
		{Playback: control.PlaybackPlaying, Track: &evil, Volume: 20, Position: 1500 * time.Millisecond},
	}}
	t.Setenv("EVENTS", file)
	onEvent(t.Context(), f, `printf '%s|%s|%s|%s\n' "$EARSHOT_EVENT" "$EARSHOT_TITLE" "$EARSHOT_VOLUME" "$EARSHOT_POSITION" >> "$EVENTS"`)
	title := "$(touch " + file + ".evil)`id` ; x"
	want := ""
	for _, e := range []string{"track|%|10|0.000", "waiting|%|10|0.000", "playing|%|10|0.000", "volume|%|20|1.500", "end|%|20|1.500"} {
		want += strings.Replace(e, "%", title, 1) + "\n"
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != want {
		t.Errorf("%q, %v\nwant %q", b, err, want)
	}
	if _, err := os.Stat(file + ".evil"); err == nil {
		t.Error("a shell read the title")
	}
}
