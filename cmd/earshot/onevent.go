package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"earshot/node/control"
)

const (
	// maxWaiting bounds the events that wait for a command that is slow; the
	// oldest go first.
	maxWaiting = 16

	// maxCommand is how long a command may take, and maxLastCommand how long
	// those may that are left when playing ends.
	maxCommand     = 30 * time.Second
	maxLastCommand = 3 * time.Second
)

// onEvent runs a command of the user's on each change of what plays, one after
// another, until the player or ctx ends. Titles reach it by its environment
// alone: never as a part of what a shell reads.
func onEvent(ctx context.Context, pl control.Player, command string) {
	w := &eventCommands{command: command, wake: make(chan struct{}, 1)}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives ctx a little
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { w.run(run) })
	var last control.PlayerState
	_ = pl.Follow(ctx, func(s control.PlayerState) { // its end is the player's
		for _, name := range changes(last, s) {
			w.put(event{name, s})
		}
		last = s
	})
	w.put(event{"end", last})
	w.end()
	defer time.AfterFunc(maxLastCommand, cancel).Stop()
	running.Wait()
}

// event is one change, and the state after it.
type event struct {
	name  string
	state control.PlayerState
}

// changes names what is different between two states.
func changes(a, b control.PlayerState) (names []string) {
	other := (a.Track == nil) != (b.Track == nil) || b.Track != nil && (a.Track.ID != b.Track.ID || a.Index != b.Index)
	if other && b.Track != nil {
		names = append(names, "track")
	}
	if a.Playback != b.Playback {
		names = append(names, string(b.Playback))
	}
	if a.Volume != b.Volume && a.Playback != "" {
		names = append(names, "volume")
	}
	return names
}

// environment tells a command of an event.
func (e event) environment() []string {
	s := e.state
	env := []string{
		"EARSHOT_EVENT=" + e.name,
		"EARSHOT_PLAYBACK=" + string(s.Playback),
		fmt.Sprint("EARSHOT_INDEX=", s.Index),
		fmt.Sprint("EARSHOT_VOLUME=", s.Volume),
		fmt.Sprintf("EARSHOT_POSITION=%.3f", s.Position.Seconds()),
		fmt.Sprintf("EARSHOT_LENGTH=%.3f", s.Length.Seconds()),
	}
	if t := s.Track; t != nil {
		env = append(env, "EARSHOT_ID="+t.ID.String(), "EARSHOT_TITLE="+oneLine(t.Title),
			"EARSHOT_ARTIST="+oneLine(t.Artist), "EARSHOT_ALBUM="+oneLine(t.Album))
	}
	return env
}

// eventCommands are the events that wait for a command to be run.
type eventCommands struct {
	command string
	wake    chan struct{}

	mu      sync.Mutex
	waiting []event
	ended   bool
}

func (w *eventCommands) put(e event) {
	w.mu.Lock()
	if len(w.waiting) == maxWaiting {
		w.waiting = append(w.waiting[:0], w.waiting[1:]...)
	}
	w.waiting = append(w.waiting, e)
	w.mu.Unlock()
	w.raise()
}

func (w *eventCommands) end() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.raise()
}

func (w *eventCommands) raise() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// next takes the oldest event; ok is false where none is left and none comes.
func (w *eventCommands) next() (e event, ok bool) {
	for {
		w.mu.Lock()
		if len(w.waiting) > 0 {
			e, w.waiting = w.waiting[0], w.waiting[1:]
			w.mu.Unlock()
			return e, true
		}
		ended := w.ended
		w.mu.Unlock()
		if ended {
			return e, false
		}
		<-w.wake
	}
}

// run runs the command for each event until the end.
func (w *eventCommands) run(ctx context.Context) {
	for {
		e, ok := w.next()
		if !ok || ctx.Err() != nil {
			return
		}
		one, cancel := context.WithTimeout(ctx, maxCommand)
		cmd := exec.CommandContext(one, "/bin/sh", "-c", w.command)
		cmd.Env = append(os.Environ(), e.environment()...)
		cmd.WaitDelay = time.Second
		_ = cmd.Run() // its failure is the user's own, and sound goes on
		cancel()
	}
}
