package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/audio"
	"earshot/node/player"
	"earshot/protocol"
)

func (p *program) playCommand() *cli.Command {
	return &cli.Command{
		Name: "play", Usage: "play tracks, or go on where playing ended", ArgsUsage: "[WHAT...]", Category: "Listening",
		Description: "WHAT is words of a title, an artist or an album, an ID or the beginning of one, or an .m3u8 or .xspf file. Without it, what was played last is gone on with.\n\n" +
			"earshot play bach prelude\nearshot play 3b1bb15a --from 1:30\nearshot play list.m3u8 --output wav:evening.wav",
		Flags: flags(append(append(shareFlags(), append(httpFlags(), soundFlags()...)...),
			&cli.StringFlag{Name: "from", Usage: "begin the first track at `M:SS`"},
			screenFlag(),
			&cli.BoolFlag{Name: "attach", Usage: "show what plays already; where nothing does, what was played last, paused", Hidden: true},
			&cli.StringFlag{Name: "on-event", Usage: "run `COMMAND` on each change, with EARSHOT_EVENT, EARSHOT_TITLE and more in its environment"},
		)...),
		Action: func(c *cli.Context) error {
			config, err := sharing(c)
			if err != nil {
				return err
			}
			sound, err := soundFrom(c)
			if err != nil {
				return err
			}
			port, err := readHTTP(c)
			if err != nil {
				return err
			}
			a := playing{args: c.Args().Slice(), config: config, port: port, sounding: sound, json: c.Bool("json"), onEvent: c.String("on-event"), out: p.out}
			if text := c.String("from"); text != "" {
				if a.from, err = parseMoment(text); err != nil {
					return usagef("--from %s: %v", text, err)
				}
			}
			if a.output == "stdout" {
				a.out = p.err // stdout is for sound alone
			}
			a.screen = !c.Bool("no-screen") && !a.json && a.output != "stdout" && p.hasScreen()
			if a.attach = c.Bool("attach"); a.attach {
				player, hangUp, err := p.nodes.player(c.Context, a.config.Data)
				if err == nil {
					defer hangUp()
					return p.showOther(c.Context, a, player)
				}
			}
			return p.play(c.Context, a)
		},
	}
}

// playing is what `play` was asked for.
type playing struct {
	args   []string
	config nodeConfig
	port   *tracksPort
	sounding
	from    time.Duration
	json    bool
	onEvent string
	screen  bool    // on the whole terminal
	attach  bool    // begin without a sound
	out     *screen // for words and JSON
}

// play opens the output, finds what to play, both at once, and plays it.
func (p *program) play(ctx context.Context, a playing) error {
	saved, err := p.lastPlayed(a)
	if err != nil {
		return err
	}
	var warming sync.WaitGroup
	defer warming.Wait()
	warming.Go(audio.Warm)
	o := p.openOutput(ctx, a.output, a.card)
	s, err := p.nodes.attach(ctx, a.config)
	if err != nil {
		o.abandon(a.output)
		return err
	}
	var queue []protocol.Track
	var passed []error
	if len(a.args) > 0 {
		queue, passed, err = findQueue(ctx, s.node.Search, a.args)
	}
	if err == nil {
		err = a.port.open(ctx, s.node)
	}
	if err != nil {
		o.abandon(a.output)
		p.showPassed(passed)
		p.showMatches(a.out, a.json, err)
	} else {
		err = p.playQueue(ctx, a, o, s, queue, saved, passed)
	}
	if closing := a.port.close(); err == nil {
		err = closing
	}
	if closing := s.release(); err == nil && closing != nil {
		err = fmt.Errorf("closing the node: %w", closing)
	}
	return err
}

// showPassed tells what of a playlist is not played. It waits for the output:
// see opening.close.
func (p *program) showPassed(passed []error) {
	for _, err := range passed {
		p.err.say("earshot: %v: passing over it", err)
	}
}

// playQueue plays until the queue or ctx ends, or the node in this process is
// told to.
func (p *program) playQueue(ctx context.Context, a playing, o *opening, s *session, queue []protocol.Track, saved *player.Saved, passed []error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if s.own != nil && s.own.Wait(ctx) == nil {
			cancel(errStopped)
		}
	}()
	defer func() {
		cancel(nil)
		<-ended
	}()
	defer o.cancel()
	out, err := o.get()
	p.showPassed(passed)
	if err != nil {
		return cause(ctx, err)
	}
	if a.output == "device" {
		calmRuntime()
	}
	show := &playScreen{out: a.out, err: p.err, json: a.json, tracks: len(queue)}
	config := player.Config{
		Source: s.node, Output: out, Queue: queue, From: a.from, Saved: saved, Once: !a.screen, Paused: a.attach, Started: p.started,
		Events: show.event, Crossfade: a.crossfade, Level: a.loudness.level, Decode: decode, Describe: describe(s.node), Save: p.saver(a),
	}
	if a.screen {
		config.Events = nil // the screen follows the player
	}
	if len(queue) == 0 && saved != nil {
		show.tracks = len(saved.Tracks)
	}
	playing := player.New(config)
	if a.screen {
		err = p.playOnScreen(ctx, a, s.node, playing)
	} else {
		var waits sync.WaitGroup
		waits.Go(func() { show.showWaits(ctx, playing, s.node.Status) })
		err = p.runPlayer(ctx, a, playing)
		waits.Wait()
		show.end(playing.Results())
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err = cause(ctx, err); err == nil && show.failed > 0 {
		err = errBrokenOff
	}
	return err
}

// errBrokenOff is what a play gets that left something out; why was told when
// it happened.
var errBrokenOff = errors.New("not everything could be played: see above")
