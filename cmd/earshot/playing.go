package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"earshot/node/control"
	"earshot/node/player"
	"earshot/node/player/mpris"
	"earshot/protocol"
)

// savedFile is what is gone on with, in the data folder.
const savedFile = "player.json"

// keeps reports whether what sounds on an output is someone's listening, to be
// gone on with later, rather than the making of a file.
func keeps(output string) bool {
	return !strings.HasPrefix(output, "wav:") && output != "stdout"
}

// lastPlayed is what was kept of the last play in the data folder: all of it to
// go on with, where nothing else is asked for, or its volume.
func (p *program) lastPlayed(a playing) (*player.Saved, error) {
	if !keeps(a.output) && len(a.args) > 0 {
		return nil, nil
	}
	saved, err := player.LoadSaved(filepath.Join(a.config.Data, savedFile))
	switch {
	case len(a.args) > 0:
		return saved, nil // one that cannot be read is soon replaced
	case err != nil && !a.screen:
		return nil, err
	case a.screen:
		return saved, nil // there is more to do there than to go on
	case saved == nil || len(saved.Tracks) == 0:
		return nil, usagef("play: what? Give words, an ID, or an .m3u8 or .xspf file; nothing was played here that could be gone on with")
	}
	return saved, nil
}

// saver returns what keeps the state of a player in the data folder; nil where
// it is not to be kept.
func (p *program) saver(a playing) func(player.Saved) {
	if !keeps(a.output) {
		return nil
	}
	told := false
	return func(s player.Saved) {
		if err := s.Store(filepath.Join(a.config.Data, savedFile)); err != nil && !told {
			told = true
			p.err.say("earshot: %s: it will not be gone on with", oneLine(err.Error()))
		}
	}
}

// describe returns what finds out about a track by its ID.
func describe(c control.Catalogue) func(context.Context, protocol.ID) (protocol.Track, error) {
	return func(ctx context.Context, id protocol.ID) (protocol.Track, error) {
		r, err := c.Search(ctx, protocol.Query{Kind: protocol.QueryPrefix, Text: id.String(), Limit: 1})
		if err == nil && len(r.Tracks) == 0 {
			err = control.ErrUnknownTrack
		}
		if err != nil {
			return protocol.Track{}, err
		}
		return r.Tracks[0], nil
	}
}

// playOnScreen runs a player and the screen, until either ends.
func (p *program) playOnScreen(ctx context.Context, a playing, node control.Node, pl *player.Player) error {
	playing, stop := context.WithCancel(ctx)
	defer stop()
	var err error
	var running sync.WaitGroup
	running.Go(func() { err = p.runPlayer(playing, a, pl) })
	shown := p.onScreen(ctx, node, pl)
	stop()
	running.Wait()
	if shown != nil {
		return shown
	}
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return nil // the user quit
	}
	return err
}

// runPlayer runs a player, and beside it what others control it by: its socket,
// media keys, and the command on events.
func (p *program) runPlayer(ctx context.Context, a playing, pl *player.Player) error {
	aside, stop := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer stop()
	helpers.Go(func() {
		if err := servePlayer(aside, a.config.Data, pl); err != nil && aside.Err() == nil {
			p.err.say("earshot: %s: other commands cannot control this play", oneLine(err.Error()))
		}
	})
	helpers.Go(func() { _ = mpris.Serve(aside, pl) }) // media keys are no reason to bother anyone
	if a.onEvent != "" {
		helpers.Go(func() { onEvent(aside, pl, a.onEvent) })
	}
	return pl.Run(ctx)
}

// servePlayer answers on the data folder's player socket until ctx ends.
func servePlayer(ctx context.Context, data string, pl control.Player) error {
	l, err := control.ListenPlayer(data)
	if err != nil {
		return err
	}
	return control.ServePlayer(ctx, l, pl, nil)
}
