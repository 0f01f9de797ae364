package main

import (
	"context"
	"time"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
)

const (
	// waitShown is how long no sound is no news: a start from far away takes less, and a
	// line that comes and goes within it is only seen to flicker.
	waitShown = 500 * time.Millisecond
	// waitAgain is how often it is looked why there still is none.
	waitAgain = 500 * time.Millisecond
)

// showWaits shows, on a terminal, that a play waits and what for, until ctx ends: in the
// place of the line of progress, or, where that is not possible, in a line once. Scripts
// have `earshot status --follow` for that.
func (s *playScreen) showWaits(ctx context.Context, pl control.Player, status func(context.Context) (control.Status, error)) {
	if s.json || !s.out.tty && !s.out.dumb {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	states, ended := make(chan control.PlayerState), make(chan struct{})
	go func() {
		defer close(ended)
		_ = pl.Follow(ctx, func(state control.PlayerState) {
			select {
			case states <- state:
			case <-ctx.Done():
			}
		})
	}()
	defer func() {
		stop()
		<-ended
	}()
	timer := time.NewTimer(waitShown)
	defer timer.Stop()
	var state control.PlayerState
	told := false
	for {
		select {
		case next := <-states:
			if next.Playback != control.PlaybackWaiting || state.Playback != control.PlaybackWaiting {
				timer.Reset(waitShown)
				told = false
			}
			state = next
		case <-timer.C:
			if state.Playback != control.PlaybackWaiting || state.Track == nil {
				continue
			}
			if s.out.tty || !told {
				s.waits(titleOf(*state.Track), waitsFor(ctx, state, status))
			}
			told = true
			timer.Reset(waitAgain)
		case <-ended:
			return
		}
	}
}

// waits shows that a track waits.
func (s *playScreen) waits(title, why string) {
	const apart = "  "
	if s.out.dumb {
		s.out.say("%s: %s", title, why)
		return
	}
	title = fitText(title, max(0, s.out.width()-1-textWidth(apart+why)))
	if title != "" {
		title += apart
	}
	s.out.overlay(cell{text: title}, cell{why, dim})
}

// waitsFor says what a player waits for.
func waitsFor(ctx context.Context, state control.PlayerState, status func(context.Context) (control.Status, error)) string {
	now, err := status(ctx)
	if err != nil {
		return "waiting"
	}
	for _, p := range now.Playing {
		if p.ID == state.Track.ID && p.Waiting {
			return text.Waiting(p.WaitsFor, p.StartsIn)
		}
	}
	if now.Role == control.RoleListener && !now.Connected {
		return "waiting: the server does not answer"
	}
	return "waiting for more of it to arrive"
}
