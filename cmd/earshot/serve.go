package main

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/library"
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "share a folder of music", Category: "Serving",
		Flags: flags(
			&cli.PathFlag{Name: "music", Usage: "share the music in `DIR`"},
			&cli.StringFlag{Name: "listen", Usage: "accept connections at `HOST:PORT`"},
			&cli.StringFlag{Name: "advertise", Usage: "name `HOST:PORT` in join links: what others reach this machine at"},
		),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			for _, name := range []string{"music", "listen"} {
				if c.String(name) == "" {
					return usagef("serve: --%s is needed: earshot serve --music DIR --listen HOST:PORT", name)
				}
			}
			if err := checkAddress("listen", c.String("listen")); err != nil {
				return err
			}
			if text := c.String("advertise"); text != "" {
				if err := checkAdvertised("advertise", text); err != nil {
					return err
				}
			}
			return p.serve(c)
		},
	}
}

func (p *program) serve(c *cli.Context) error {
	ctx := c.Context
	s, err := p.nodes.serve(ctx, serveConfig{
		Data: c.Path("data"), Music: c.Path("music"), Listen: c.String("listen"), Advertise: c.String("advertise"),
		Progress: p.scanProgress(),
	})
	p.err.clear()
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = p.out.json(struct {
			Event   string `json:"event"`
			Address string `json:"address"`
			Tracks  int    `json:"tracks"`
		}{"ready", s.Addr(), s.Tracks()})
	} else {
		p.out.say("ready %s", s.Addr())
		if p.err.tty {
			p.err.say("sharing %s; `earshot invite` prints a join link", count(s.Tracks(), "track"))
		}
	}
	if err == nil {
		err = untilTold(ctx, s)
	}
	if closing := s.Close(); err == nil {
		err = closing
	}
	return err
}

// untilTold waits until a node is told to stop. By `earshot stop` or a SIGTERM
// that is the good end of a service; by Ctrl-C it is an interruption.
func untilTold(ctx context.Context, n interface{ Wait(context.Context) error }) error {
	err := cause(ctx, n.Wait(ctx))
	var interrupted *interruptedError
	if errors.As(err, &interrupted) && interrupted.signal != syscall.SIGINT {
		return nil
	}
	return err
}

// showEvery is how often progress is drawn: ten times a second looks fluent.
const showEvery = 100 * time.Millisecond

// progressColumns is the width of a progress bar.
const progressColumns = 30

// scanProgress draws how far the scan of the music folder is.
func (p *program) scanProgress() func(library.Progress) {
	var last time.Time
	return func(now library.Progress) {
		if time.Since(last) < showEvery {
			return
		}
		last = time.Now()
		p.err.overlay(cell{text: "reading music " + progressBar(now.Bytes, now.TotalBytes, progressColumns)}, cell{text: " "},
			cell{text: bytesOf(now.Bytes) + " of " + bytesOf(now.TotalBytes), colour: dim})
	}
}
