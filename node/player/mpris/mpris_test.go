package mpris

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/node/control"
	"earshot/protocol"
)

// inBus is set in the process that runs under a bus of its own.
const inBus = "EARSHOT_TEST_IN_BUS"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakePlayer is a player that is told, and tells.
type fakePlayer struct {
	mu       sync.Mutex
	state    control.PlayerState
	commands []control.Command
	changed  chan struct{}
	ended    chan struct{}
}

func newFakePlayer() *fakePlayer {
	track := protocol.Track{ID: protocol.ID{1}, Title: "Air\x00\xff\x1b[2J", Artist: "Bach", Album: "Suites", Number: 2, Duration: time.Minute}
	return &fakePlayer{
		state: control.PlayerState{
			Playback: control.PlaybackPlaying, Track: &track, Index: 3, Queue: 5, Length: time.Minute, Position: 21 * time.Second,
			Volume: 40, Repeat: control.RepeatOff,
		},
		changed: make(chan struct{}), ended: make(chan struct{}),
	}
}

func (f *fakePlayer) PlayerState(context.Context) (control.PlayerState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, nil
}

func (f *fakePlayer) Queue(context.Context) (control.Queue, error) { return control.Queue{}, nil }

func (f *fakePlayer) Command(_ context.Context, c control.Command) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, c)
	if c.Do == control.DoNext {
		return control.ErrBadCommand
	}
	return nil
}

func (f *fakePlayer) set(change func(*control.PlayerState)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.state)
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakePlayer) Follow(ctx context.Context, see func(control.PlayerState)) error {
	for {
		f.mu.Lock()
		s, changed := f.state, f.changed
		f.mu.Unlock()
		see(s)
		select {
		case <-changed:
		case <-f.ended:
			return control.ErrNoPlayer
		case <-ctx.Done():
			return nil
		}
	}
}

// last returns the newest command.
func (f *fakePlayer) last() control.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.commands) == 0 {
		return control.Command{}
	}
	return f.commands[len(f.commands)-1]
}

// TestPlayerctl runs real playerctl on a bus of its own.
func TestPlayerctl(t *testing.T) {
	if os.Getenv(inBus) != "" {
		underBus(t)
		return
	}
	for _, tool := range []string{"dbus-run-session", "playerctl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not there", tool)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dbus-run-session", "--", os.Args[0], "-test.run=^TestPlayerctl$", "-test.v")
	cmd.Env = append(os.Environ(), inBus+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestPlayerctl")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// playerctl runs one command and returns what it prints.
func playerctl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "playerctl", append([]string{"--player=earshot"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("playerctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func underBus(t *testing.T) {
	f := newFakePlayer()
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), f) }()
	for deadline := time.Now().Add(10 * time.Second); ; {
		out, _ := exec.Command("playerctl", "--list-all").Output()
		if strings.Contains(string(out), "earshot") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the player never appears on the bus")
		}
		time.Sleep(10 * time.Millisecond)
	}

	for args, want := range map[string]string{
		"status": "Playing", "volume": "0.400000", "loop": "None", "shuffle": "Off",
		"metadata title": "Air \ufffd [2J", "metadata artist": "Bach", "metadata album": "Suites",
		"metadata mpris:length": "60000000", "metadata xesam:trackNumber": "2",
	} {
		if got := playerctl(t, strings.Fields(args)...); got != want {
			t.Errorf("playerctl %s: %q, want %q", args, got, want)
		}
	}
	if got := playerctl(t, "position"); !strings.HasPrefix(got, "21.0") { // it adds what time has passed
		t.Errorf("playerctl position: %q", got)
	}
	for args, want := range map[string]control.Command{
		"play-pause":    {Do: control.DoToggle},
		"pause":         {Do: control.DoPause},
		"play":          {Do: control.DoPlay},
		"previous":      {Do: control.DoPrev},
		"position 30":   {Do: control.DoSeek, To: 30 * time.Second},
		"position 10+":  {Do: control.DoSeek, To: 10 * time.Second, By: true},
		"position 5-":   {Do: control.DoSeek, To: -5 * time.Second, By: true},
		"volume 0.8":    {Do: control.DoVolume, Volume: 80},
		"loop Track":    {Do: control.DoRepeat, Repeat: control.RepeatOne},
		"loop Playlist": {Do: control.DoRepeat, Repeat: control.RepeatAll},
		"stop":          {Do: control.DoSeek},
	} {
		playerctl(t, strings.Fields(args)...)
		if got := f.last(); got.Do != want.Do || got.To != want.To || got.By != want.By || got.Volume != want.Volume || got.Repeat != want.Repeat {
			t.Errorf("playerctl %s: %+v, want %+v", args, got, want)
		}
	}
	playerctl(t, "shuffle", "On")
	if c := f.last(); c.On == nil || !*c.On {
		t.Errorf("playerctl shuffle On: %+v", c)
	}
	playerctl(t, "open", "earshot:"+protocol.ID{7}.String())
	if c := f.last(); c.Do != control.DoReplace || len(c.Tracks) != 1 || c.Tracks[0] != (protocol.ID{7}) {
		t.Errorf("playerctl open: %+v", c)
	}
	if out, err := exec.Command("playerctl", "--player=earshot", "next").CombinedOutput(); err == nil {
		t.Errorf("what the player refuses is told: %s", out)
	}
	signals(t, f)

	// Two players: the second has a name of its own.
	second := newFakePlayer()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { served <- Serve(ctx, second) }()
	for deadline := time.Now().Add(10 * time.Second); ; {
		out, _ := exec.Command("playerctl", "--list-all").Output()
		if strings.Count(string(out), "earshot") == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the second player never appears: %s", out)
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	close(f.ended)
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// signals follows changes with playerctl.
func signals(t *testing.T, f *fakePlayer) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "playerctl", "--player=earshot", "--follow", "metadata", "--format", "{{status}} {{title}}")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	await := func(want string) {
		t.Helper()
		var said []string
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
			said = append(said, lines.Text())
		}
		t.Errorf("playerctl never says %q, but %q", want, said)
	}
	await("Playing Air \ufffd [2J")
	f.set(func(s *control.PlayerState) {
		s.Track = &protocol.Track{ID: protocol.ID{2}, Title: "Gigue"}
		s.Index = 4
	})
	await("Playing Gigue")
	f.set(func(s *control.PlayerState) { s.Playback = control.PlaybackPaused })
	await("Paused Gigue")
}

func TestWithoutABusNothingIsDone(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if err := Serve(t.Context(), newFakePlayer()); err != nil {
		t.Error(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
	if err := Serve(t.Context(), newFakePlayer()); err == nil {
		t.Error("a bus that does not answer is one")
	}
}

func TestOnlyWhatChangedIsTold(t *testing.T) {
	f := newFakePlayer()
	a := playerProperties(f.state)
	f.state.Position += time.Second
	if changed := differences(a, playerProperties(f.state)); len(changed) != 0 {
		t.Errorf("time alone changes %v", changed)
	}
	f.state.Volume++
	changed := differences(a, playerProperties(f.state))
	if _, ok := changed["Volume"]; !ok || len(changed) != 1 {
		t.Errorf("the volume changes %v", changed)
	}
}

func TestASeekIsTold(t *testing.T) {
	f := newFakePlayer()
	s := &server{at: f.state, when: time.Now()}
	later := f.state
	later.Position += 2 * time.Second
	if s.seeked(later, s.when.Add(2*time.Second)) {
		t.Error("time is a seek")
	}
	if !s.seeked(later, s.when) {
		t.Error("a jump is none")
	}
}

func TestPropertiesThatMakeNoSenseAreRefused(t *testing.T) {
	for name, value := range map[string]any{
		"Volume": "loud", "Shuffle": 1, "LoopStatus": "Twice", "Rate": 2.0, "Metadata": nil, "Position": int64(1),
	} {
		if c, err := wish(name, value); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if _, err := wish("CanPlay", true); !errors.Is(err, errReadOnly) {
		t.Error(err)
	}
	if c, err := wish("Volume", 7.0); err != nil || c.Volume != 100 {
		t.Errorf("%+v, %v", c, err)
	}
}
