package controltest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// PlayerFixture is a player to test.
type PlayerFixture struct {
	Player control.Player

	// Tracks are what is queued, and plays from the first one on: at least
	// three, of a minute or more each, that open at once.
	Tracks []protocol.Track
}

// RunPlayer runs the suite of control.Player. Each test has a player of its own
// from setup, which is to be cleaned up with t.Cleanup.
func RunPlayer(t *testing.T, setup func(t *testing.T) PlayerFixture) {
	tests := []struct {
		name string
		f    func(*testing.T, *playerTest)
	}{
		{"TellsWhatPlays", testPlayerState},
		{"TellsTheQueue", testPlayerQueue},
		{"PausesAndGoesOn", testPlayerPause},
		{"HasDoneWhatItAnswers", testPlayerHasDone},
		{"GoesToOtherTracks", testPlayerSkip},
		{"Seeks", testPlayerSeek},
		{"KeepsVolumeShuffleAndRepeat", testPlayerModes},
		{"EditsTheQueue", testPlayerEdits},
		{"RefusesWhatMakesNoSense", testPlayerRefuses},
		{"TakesTheLongestQueue", testPlayerLongQueue},
		{"FollowEndsWithItsContext", testPlayerFollow},
		{"EndedContextsEndCalls", testPlayerContext},
		{"QuittingEndsAll", testPlayerQuit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := setup(t)
			test.f(t, &playerTest{t, f.Player, f.Tracks})
		})
	}
}

// playerTest is one test of the suite.
type playerTest struct {
	t      *testing.T
	p      control.Player
	tracks []protocol.Track
}

func (p *playerTest) do(c control.Command) {
	p.t.Helper()
	if err := p.p.Command(testContext(p.t), c); err != nil {
		p.t.Fatalf("%+v: %v", c, err)
	}
}

// await waits for a state, by following.
func (p *playerTest) await(what string, is func(control.PlayerState) bool) (got control.PlayerState) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), prompt)
	defer cancel()
	found := false
	err := p.p.Follow(ctx, func(s control.PlayerState) {
		if !found {
			if got, found = s, is(s); found {
				cancel()
			}
		}
	})
	if err != nil || !found {
		p.t.Fatalf("it never %s: %v; the last state is %+v", what, err, got)
	}
	return got
}

// plays waits until the track at a place plays.
func (p *playerTest) plays(index int, id protocol.ID) control.PlayerState {
	p.t.Helper()
	return p.await("plays the track", func(s control.PlayerState) bool {
		return s.Playback == control.PlaybackPlaying && s.Index == index && s.Track != nil && s.Track.ID == id
	})
}

// queue returns the IDs of what is queued.
func (p *playerTest) queue() (ids []protocol.ID, q control.Queue) {
	p.t.Helper()
	q, err := p.p.Queue(testContext(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, t := range q.Tracks {
		ids = append(ids, t.ID)
	}
	return ids, q
}

func testPlayerState(t *testing.T, p *playerTest) {
	s := p.plays(0, p.tracks[0].ID)
	if s.Track.Duration != p.tracks[0].Duration || s.Length != s.Track.Duration {
		t.Errorf("a length of %v, in the track %v; want %v", s.Length, s.Track.Duration, p.tracks[0].Duration)
	}
	if s.Queue != len(p.tracks) || s.Next == nil || s.Next.ID != p.tracks[1].ID || s.Volume != 100 || s.Repeat != control.RepeatOff {
		t.Errorf("%+v", s)
	}
	now, err := p.p.PlayerState(testContext(t))
	if err != nil || now.Track == nil || now.Position < s.Position {
		t.Errorf("later: %+v, %v", now, err)
	}
}

func testPlayerQueue(t *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	ids, q := p.queue()
	for i, want := range p.tracks {
		if i >= len(ids) || ids[i] != want.ID {
			t.Fatalf("the queue is %v", ids)
		}
	}
	if q.Index != 0 || q.Tracks[0].Duration != p.tracks[0].Duration {
		t.Errorf("at %d, of %v", q.Index, q.Tracks[0].Duration)
	}
}

func testPlayerPause(_ *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	paused := func(s control.PlayerState) bool { return s.Playback == control.PlaybackPaused }
	p.do(control.Command{Do: control.DoPause})
	p.await("pauses", paused)
	p.do(control.Command{Do: control.DoPause})
	p.do(control.Command{Do: control.DoToggle})
	p.plays(0, p.tracks[0].ID)
	p.do(control.Command{Do: control.DoToggle})
	p.await("pauses", paused)
	p.do(control.Command{Do: control.DoPlay})
	p.plays(0, p.tracks[0].ID)
}

// testPlayerHasDone: who is answered sees what was done.
func testPlayerHasDone(t *testing.T, p *playerTest) {
	for i := range 100 {
		p.do(control.Command{Do: control.DoVolume, Volume: i})
		if s, err := p.p.PlayerState(testContext(t)); err != nil || s.Volume != i {
			t.Fatalf("right after the volume was set to %d it is %d, %v", i, s.Volume, err)
		}
	}
}

func testPlayerSkip(_ *testing.T, p *playerTest) {
	p.do(control.Command{Do: control.DoNext})
	p.plays(1, p.tracks[1].ID)
	p.do(control.Command{Do: control.DoPrev})
	p.plays(0, p.tracks[0].ID)
	p.do(control.Command{Do: control.DoJump, Index: 2})
	p.plays(2, p.tracks[2].ID)
	for range len(p.tracks) {
		p.do(control.Command{Do: control.DoNext})
	}
	p.await("stops", func(s control.PlayerState) bool {
		return s.Playback == control.PlaybackStopped && s.Index == -1 && s.Track == nil
	})
	p.do(control.Command{Do: control.DoPlay})
	p.plays(0, p.tracks[0].ID)
}

func testPlayerSeek(t *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	p.do(control.Command{Do: control.DoSeek, To: 30 * time.Second})
	if s, err := p.p.PlayerState(testContext(t)); err != nil || s.Position < 30*time.Second || s.Position > 30*time.Second+prompt {
		t.Errorf("at %v, %v", s.Position, err)
	}
	p.plays(0, p.tracks[0].ID)
	p.do(control.Command{Do: control.DoSeek, To: -20 * time.Second, By: true})
	if s, err := p.p.PlayerState(testContext(t)); err != nil || s.Position < 9*time.Second || s.Position > 10*time.Second+prompt {
		t.Errorf("at %v, %v", s.Position, err)
	}
	p.do(control.Command{Do: control.DoSeek, To: -time.Hour, By: true})
	p.do(control.Command{Do: control.DoSeek, To: time.Hour, By: true})
	p.plays(1, p.tracks[1].ID)
}

func testPlayerModes(t *testing.T, p *playerTest) {
	on := true
	p.do(control.Command{Do: control.DoVolume, Volume: 40})
	p.do(control.Command{Do: control.DoVolume, Volume: -15, By: true})
	p.do(control.Command{Do: control.DoShuffle})
	p.do(control.Command{Do: control.DoShuffle, On: &on})
	p.do(control.Command{Do: control.DoRepeat})
	s, err := p.p.PlayerState(testContext(t))
	if err != nil || s.Volume != 25 || !s.Shuffle || s.Repeat != control.RepeatAll {
		t.Errorf("%+v, %v", s, err)
	}
	p.do(control.Command{Do: control.DoRepeat, Repeat: control.RepeatOff})
	p.do(control.Command{Do: control.DoShuffle})
	if ids, q := p.queue(); q.Index < 0 || ids[0] != p.tracks[0].ID {
		t.Errorf("shuffling changes the queue's own order: %v", ids)
	}
}

func testPlayerEdits(t *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	a, b, c := p.tracks[0].ID, p.tracks[1].ID, p.tracks[2].ID
	p.do(control.Command{Do: control.DoClear})
	_, before := p.queue()
	p.do(control.Command{Do: control.DoAdd, Tracks: []protocol.ID{b, b}})
	p.do(control.Command{Do: control.DoInsert, Tracks: []protocol.ID{c}})
	p.do(control.Command{Do: control.DoMove, Index: 1, Dest: 3})
	p.do(control.Command{Do: control.DoRemove, Index: 2})
	ids, after := p.queue()
	if !slices.Equal(ids, []protocol.ID{a, b, c}) || after.Edit <= before.Edit {
		t.Errorf("the queue is %v, of revision %d after %d", ids, after.Edit, before.Edit)
	}
	p.plays(0, a)
	p.do(control.Command{Do: control.DoReplace, Tracks: []protocol.ID{c, a}})
	p.plays(0, c)
	p.do(control.Command{Do: control.DoRemove, Index: 0})
	p.plays(0, a)
}

func testPlayerRefuses(t *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	n := len(p.tracks)
	for _, c := range []control.Command{
		{}, {Do: "dance"},
		{Do: control.DoSeek, To: -time.Second}, {Do: control.DoSeek, To: time.Hour},
		{Do: control.DoVolume, Volume: 101}, {Do: control.DoVolume, Volume: -1},
		{Do: control.DoRepeat, Repeat: "twice"},
		{Do: control.DoAdd}, {Do: control.DoReplace}, {Do: control.DoInsert, Tracks: make([]protocol.ID, control.MaxQueued)},
		{Do: control.DoJump, Index: n}, {Do: control.DoJump, Index: -1}, {Do: control.DoRemove, Index: n},
		{Do: control.DoMove, Index: n}, {Do: control.DoMove, Dest: -1},
	} {
		if err := p.p.Command(testContext(t), c); !errors.Is(err, control.ErrBadCommand) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if ids, _ := p.queue(); len(ids) != n {
		t.Errorf("%d are queued after that", len(ids))
	}
	p.plays(0, p.tracks[0].ID)
}

func testPlayerLongQueue(t *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	more := make([]protocol.ID, control.MaxQueued-len(p.tracks))
	for i := range more {
		more[i] = p.tracks[i%len(p.tracks)].ID
	}
	p.do(control.Command{Do: control.DoAdd, Tracks: more})
	if ids, _ := p.queue(); len(ids) != control.MaxQueued || !slices.Equal(ids[len(p.tracks):], more) {
		t.Errorf("%d are queued", len(ids))
	}
}

func testPlayerFollow(t *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	ctx, cancel := context.WithCancel(t.Context())
	states := make(chan control.PlayerState, 100)
	done := make(chan error, 1)
	go func() { done <- p.p.Follow(ctx, func(s control.PlayerState) { states <- s }) }()
	if s := <-states; s.Track == nil || s.Track.ID != p.tracks[0].ID {
		t.Errorf("it begins with %+v", s)
	}
	p.do(control.Command{Do: control.DoVolume, Volume: 33})
	for s := range states {
		if s.Volume == 33 {
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func testPlayerContext(t *testing.T, p *playerTest) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.p.PlayerState(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the state: %v", err)
	}
	if err := p.p.Follow(ctx, func(control.PlayerState) {}); err != nil {
		t.Errorf("following: %v", err)
	}
}

func testPlayerQuit(t *testing.T, p *playerTest) {
	p.plays(0, p.tracks[0].ID)
	done := make(chan error, 1)
	go func() { done <- p.p.Follow(t.Context(), func(control.PlayerState) {}) }()
	p.do(control.Command{Do: control.DoQuit})
	if err := <-done; !errors.Is(err, control.ErrNoPlayer) {
		t.Errorf("following: %v", err)
	}
	for range 2 {
		if err := p.p.Command(testContext(t), control.Command{Do: control.DoNext}); !errors.Is(err, control.ErrNoPlayer) {
			t.Errorf("a command after it: %v", err)
		}
	}
	if _, err := p.p.PlayerState(testContext(t)); !errors.Is(err, control.ErrNoPlayer) {
		t.Errorf("the state: %v", err)
	}
	if _, err := p.p.Queue(testContext(t)); !errors.Is(err, control.ErrNoPlayer) {
		t.Errorf("the queue: %v", err)
	}
}
