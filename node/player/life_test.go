package player

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// living is a player that runs in virtual time.
type living struct {
	*Player
	t     *testing.T
	src   *fakeSource
	out   *fakeOutput
	saved []Saved
	ended chan error
}

// live runs a player of all tracks of src while f does.
func live(t *testing.T, src func() *fakeSource, change func(*Config), f func(*living)) {
	synctest.Test(t, func(t *testing.T) {
		l := &living{t: t, src: src(), out: &fakeOutput{}, ended: make(chan error, 1)}
		cfg := Config{Source: l.src, Output: l.out, Decode: l.src.decode, Save: func(s Saved) { l.saved = append(l.saved, s) }}
		for k := range l.src.tracks {
			cfg.Queue = append(cfg.Queue, protocol.Track{ID: id(k)})
		}
		if change != nil {
			change(&cfg)
		}
		l.Player = New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { l.ended <- l.Run(ctx) }()
		synctest.Wait()
		defer func() {
			cancel()
			<-l.ended
		}()
		f(l)
		cancel()
		l.ended <- <-l.ended
		if l.src.open != 0 {
			t.Errorf("%d tracks still open", l.src.open)
		}
	})
}

// after lets sound go on for so long, and gives a command.
func (l *living) after(d time.Duration, c control.Command) {
	l.t.Helper()
	time.Sleep(d)
	if err := l.Command(l.t.Context(), c); err != nil {
		l.t.Fatalf("%s: %v", c.Do, err)
	}
	synctest.Wait()
}

func (l *living) do(d control.Do) { l.t.Helper(); l.after(0, control.Command{Do: d}) }

func (l *living) state() control.PlayerState {
	l.t.Helper()
	synctest.Wait()
	s, err := l.PlayerState(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// is fails unless the player is at a place of the queue and of the track, which
// is known to a write.
func (l *living) is(what control.Playback, index int, at time.Duration) {
	l.t.Helper()
	if s := l.state(); s.Playback != what || s.Index != index || !near(s.Position, at, step) {
		l.t.Fatalf("it is %s, %d at %v; want %s, %d at %v", s.Playback, s.Index, s.Position, what, index, at)
	}
}

func album() *fakeSource { return newSource(seconds(20), seconds(30), seconds(40)) }

func TestASkipSoundsAtOnce(t *testing.T) {
	live(t, album, nil, func(l *living) {
		l.after(4*time.Second, control.Command{Do: control.DoNext})
		l.is(control.PlaybackPlaying, 1, 0)
		time.Sleep(3 * time.Second)
		want := append(pcm(0, 0, 4*sampleRate), pcm(1, 0, 3*sampleRate)...)
		if got := l.out.heard(); !bytes.Equal(got, want) {
			t.Errorf("heard %d bytes, want 4 s of the first track and 3 s of the second", len(got))
		}
		l.after(0, control.Command{Do: control.DoJump, Index: 2})
		l.is(control.PlaybackPlaying, 2, 0)
		if l.out.stutters != 0 {
			t.Errorf("%d stutters", l.out.stutters)
		}
	})
}

func TestASeekSoundsAtOnceAndExactly(t *testing.T) {
	live(t, album, nil, func(l *living) {
		l.after(5*time.Second, control.Command{Do: control.DoSeek, To: 10 * time.Second})
		l.after(2*time.Second, control.Command{Do: control.DoSeek, To: 8 * time.Second})
		l.is(control.PlaybackPlaying, 0, 8*time.Second)
		time.Sleep(time.Second)
		want := append(pcm(0, 0, 5*sampleRate), pcm(0, 10*sampleRate, 12*sampleRate)...)
		want = append(want, pcm(0, 8*sampleRate, 9*sampleRate)...)
		if got := l.out.heard(); !bytes.Equal(got, want) {
			t.Errorf("heard %d bytes, want %d", len(got), len(want))
		}
		l.after(0, control.Command{Do: control.DoSeek, To: -4 * time.Second, By: true})
		l.is(control.PlaybackPlaying, 0, 5*time.Second)
		l.after(0, control.Command{Do: control.DoSeek, To: time.Minute, By: true})
		l.is(control.PlaybackPlaying, 1, 0)
		err := l.Command(l.t.Context(), control.Command{Do: control.DoSeek, To: time.Minute})
		if !errors.Is(err, control.ErrBadCommand) {
			t.Errorf("beyond the end: %v", err)
		}
	})
}

func TestManySeeksInARowCountFromWhereTheyLead(t *testing.T) {
	slow := func() *fakeSource {
		src := album()
		src.tracks[0].opens = 400 * time.Millisecond
		return src
	}
	live(t, slow, nil, func(l *living) {
		time.Sleep(time.Second)
		for range 3 {
			l.after(100*time.Millisecond, control.Command{Do: control.DoSeek, To: 5 * time.Second, By: true})
		}
		l.is(control.PlaybackWaiting, 0, 15*time.Second+700*time.Millisecond)
		time.Sleep(2 * time.Second)
		if s := l.state(); s.Playback != control.PlaybackPlaying || s.Track == nil || s.Track.ID != id(0) {
			t.Errorf("%+v", s)
		}
	})
}

func TestAPauseKeepsThePlaceAndLosesNothing(t *testing.T) {
	live(t, album, nil, func(l *living) {
		l.after(3*time.Second, control.Command{Do: control.DoPause})
		l.is(control.PlaybackPaused, 0, 3*time.Second)
		time.Sleep(time.Hour)
		l.is(control.PlaybackPaused, 0, 3*time.Second)
		l.do(control.DoToggle)
		time.Sleep(2 * time.Second)
		l.is(control.PlaybackPlaying, 0, 5*time.Second)
		if !bytes.Equal(l.out.heard(), pcm(0, 0, 5*sampleRate)) || l.out.stutters != 0 {
			t.Errorf("heard %d bytes, with %d stutters", len(l.out.heard()), l.out.stutters)
		}
		l.do(control.DoPause)
		l.after(0, control.Command{Do: control.DoSeek, To: 12 * time.Second})
		l.is(control.PlaybackPaused, 0, 12*time.Second)
		l.do(control.DoPlay)
		time.Sleep(time.Second)
		if !bytes.HasSuffix(l.out.heard(), pcm(0, 12*sampleRate, 13*sampleRate)) {
			t.Error("a seek in a pause is not where sound goes on")
		}
	})
}

func TestThePreviousTrackIsTheBeginningOfThisOneFirst(t *testing.T) {
	live(t, album, nil, func(l *living) {
		l.after(20*time.Second+5*time.Second, control.Command{Do: control.DoPrev})
		l.is(control.PlaybackPlaying, 1, 0)
		l.after(2*time.Second, control.Command{Do: control.DoPrev})
		l.is(control.PlaybackPlaying, 0, 0)
		l.after(time.Second, control.Command{Do: control.DoPrev})
		l.is(control.PlaybackPlaying, 0, 0)
	})
}

func TestTheEndStopsAndPlayBeginsAgain(t *testing.T) {
	live(t, album, nil, func(l *living) {
		time.Sleep(90 * time.Second)
		l.is(control.PlaybackStopped, -1, 0)
		if got := l.out.heard(); !bytes.Equal(got, whole(l.src)) || l.out.stutters != 0 {
			t.Errorf("heard %d bytes with %d stutters", len(got), l.out.stutters)
		}
		l.after(time.Hour, control.Command{Do: control.DoPlay})
		l.is(control.PlaybackPlaying, 0, 0)
		l.do(control.DoQuit)
		if err := <-l.ended; err != nil {
			t.Errorf("quitting: %v", err)
		}
		l.ended <- nil
		if err := l.Command(l.t.Context(), control.Command{Do: control.DoPlay}); !errors.Is(err, control.ErrNoPlayer) {
			t.Errorf("after it: %v", err)
		}
	})
}

func TestAnEditChangesWhatJoinsEvenWhereTheNextStandsReady(t *testing.T) {
	live(t, album, nil, func(l *living) {
		time.Sleep(18 * time.Second) // the second is decoded already
		if len(l.src.opened) != 2 {
			t.Fatalf("%d opened", len(l.src.opened))
		}
		l.after(0, control.Command{Do: control.DoInsert, Tracks: []protocol.ID{id(2)}})
		if s := l.state(); s.Next == nil || s.Next.ID != id(2) {
			t.Errorf("next is %+v", s.Next)
		}
		time.Sleep(10 * time.Second)
		want := append(pcm(0, 0, 20*sampleRate), pcm(2, 0, 8*sampleRate)...)
		if got := l.out.heard(); !bytes.Equal(got, want) || l.out.stutters != 0 {
			t.Errorf("heard %d bytes with %d stutters", len(got), l.out.stutters)
		}
	})
}

func TestOneTrackRepeatsWithoutAGap(t *testing.T) {
	live(t, album, nil, func(l *living) {
		l.after(0, control.Command{Do: control.DoRepeat, Repeat: control.RepeatOne})
		time.Sleep(50 * time.Second)
		one := pcm(0, 0, 20*sampleRate)
		want := append(append(bytes.Clone(one), one...), one[:len(one)/2]...)
		if got := l.out.heard(); !bytes.Equal(got, want) || l.out.stutters != 0 {
			t.Errorf("heard %d bytes with %d stutters", len(got), l.out.stutters)
		}
		l.do(control.DoNext)
		l.is(control.PlaybackPlaying, 1, 0)
	})
}

func TestNothingPlayableEndsEvenWhereAllRepeats(t *testing.T) {
	src := func() *fakeSource {
		src := album()
		for _, track := range src.tracks {
			track.openErr = control.ErrUnavailable
		}
		return src
	}
	live(t, src, func(c *Config) { c.Queue = c.Queue[:0] }, func(l *living) {
		l.after(0, control.Command{Do: control.DoRepeat, Repeat: control.RepeatAll})
		l.after(0, control.Command{Do: control.DoReplace, Tracks: []protocol.ID{id(0), id(1), id(2)}})
		if s := l.state(); s.Playback != control.PlaybackStopped || s.Problem == "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestRemovingWhatPlaysPlaysWhatFollows(t *testing.T) {
	live(t, album, nil, func(l *living) {
		l.after(3*time.Second, control.Command{Do: control.DoRemove, Index: 0})
		l.is(control.PlaybackPlaying, 0, 0)
		if s := l.state(); s.Queue != 2 || s.Track.ID != id(1) {
			t.Errorf("%+v", s)
		}
		l.do(control.DoClear)
		time.Sleep(5 * time.Second)
		l.is(control.PlaybackPlaying, 0, 5*time.Second)
		l.after(0, control.Command{Do: control.DoRemove, Index: 0})
		l.is(control.PlaybackStopped, -1, 0)
	})
}

func TestVolumeIsHeardWithoutAClick(t *testing.T) {
	live(t, album, nil, func(l *living) {
		l.after(time.Second, control.Command{Do: control.DoVolume, Volume: 50})
		l.after(time.Second, control.Command{Do: control.DoVolume, Volume: 500, By: true})
		time.Sleep(time.Second)
		got := l.out.heard()
		if bytes.Equal(got[secondSize+secondSize/2:2*secondSize], pcm(0, sampleRate*3/2, 2*sampleRate)) {
			t.Error("half the volume sounds as all of it")
		}
		if !bytes.Equal(got[5*secondSize/2:3*secondSize], pcm(0, sampleRate*5/2, 3*sampleRate)) {
			t.Error("the whole volume is not what was recorded")
		}
		if s := l.state(); s.Volume != 100 {
			t.Errorf("volume %d", s.Volume)
		}
	})
}

func TestFollowersSeeEachSecondAndTheLastState(t *testing.T) {
	live(t, album, nil, func(l *living) {
		var seen []control.PlayerState
		ctx, cancel := context.WithCancel(l.t.Context())
		done := make(chan error, 1)
		go func() {
			done <- l.Follow(ctx, func(s control.PlayerState) {
				seen = append(seen, s)
				time.Sleep(3 * time.Second) // slow
			})
		}()
		time.Sleep(10 * time.Second)
		l.do(control.DoPause)
		time.Sleep(10 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := len(seen); n < 4 || n > 6 || seen[n-1].Playback != control.PlaybackPaused || !near(seen[n-1].Position, 10*time.Second, step) {
			t.Errorf("%d states, the last %+v", n, seen[n-1])
		}
	})
}

func TestWhatIsSavedIsGoneOnWith(t *testing.T) {
	var saved Saved
	live(t, album, nil, func(l *living) {
		l.after(25*time.Second, control.Command{Do: control.DoVolume, Volume: 70})
		l.after(0, control.Command{Do: control.DoShuffle})
		l.after(0, control.Command{Do: control.DoRepeat, Repeat: control.RepeatAll})
		time.Sleep(8 * time.Second)
		synctest.Wait()
		saved = l.saved[len(l.saved)-1]
		if late := 13*time.Second - saved.Position; late < 0 || late > saveEvery+time.Second {
			t.Errorf("a crash loses %v", late)
		}
		l.do(control.DoQuit)
		<-l.ended
		l.ended <- nil
		saved = l.saved[len(l.saved)-1]
	})
	file := t.TempDir() + "/player.json"
	if none, err := LoadSaved(file); none != nil || err != nil {
		t.Errorf("where there is no file: %+v, %v", none, err)
	}
	if err := saved.Store(file); err != nil {
		t.Fatal(err)
	}
	again, err := LoadSaved(file)
	if err != nil {
		t.Fatal(err)
	}
	live(t, album, func(c *Config) { c.Queue, c.Saved = nil, again }, func(l *living) {
		l.is(control.PlaybackPlaying, 1, 13*time.Second)
		s := l.state()
		if s.Volume != 70 || !s.Shuffle || s.Repeat != control.RepeatAll || s.Queue != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestASeekWaitsForAPlaceThatNothingHoldsYet(t *testing.T) {
	live(t, album, nil, func(l *living) {
		time.Sleep(time.Second)
		l.src.refuse(0, control.ErrUnavailable)
		l.after(0, control.Command{Do: control.DoSeek, To: 10 * time.Second})
		if s := l.state(); s.Playback != control.PlaybackWaiting || s.Problem == "" {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		l.src.refuse(0, nil)
		time.Sleep(retryMost + time.Second)
		if s := l.state(); s.Playback != control.PlaybackPlaying || s.Index != 0 || s.Problem != "" {
			t.Errorf("%+v", s)
		}
	})
}
