package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/library"
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "share a folder of music", Category: "Serving",
		Flags: flags(append(httpFlags(),
			&cli.PathFlag{Name: "music", Usage: "share the music in `DIR`"},
			&cli.StringFlag{Name: "listen", Usage: "accept connections at `HOST:PORT`"},
			&cli.StringFlag{Name: "advertise", Usage: "name `HOST:PORT` in join links: what others reach this machine at"},
		)...),
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
	port, err := readHTTP(c)
	if err != nil {
		return err
	}
	boss := findSupervisor()
	s, err := p.nodes.serve(c.Context, serveConfig{
		Data: c.Path("data"), Music: c.Path("music"), Listen: c.String("listen"), Advertise: c.String("advertise"),
		Progress: p.scanProgress(boss),
	})
	p.err.clear()
	if err != nil {
		return err
	}
	return p.share(c, s, port, boss, func() error {
		if c.Bool("json") {
			return p.out.json(struct {
				Event   string `json:"event"`
				Address string `json:"address"`
				Tracks  int    `json:"tracks"`
				HTTP    string `json:"http,omitempty"`
			}{"ready", s.Addr(), s.Tracks(), port.address})
		}
		p.out.say("ready %s", s.Addr())
		if p.err.tty {
			p.err.say("sharing %s; `earshot invite` prints a join link", count(s.Tracks(), "track"))
		}
		return nil
	})
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

// scanProgress draws how far the scan of the music folder is, and tells the
// supervisor.
func (p *program) scanProgress(boss *supervisor) func(library.Progress) {
	var last, told time.Time
	return func(now library.Progress) {
		if time.Since(last) < showEvery {
			return
		}
		last = time.Now()
		if time.Since(told) >= time.Second {
			told = last
			boss.starting(fmt.Sprintf("reading music: %s of %s", bytesOf(now.Bytes), bytesOf(now.TotalBytes)))
		}
		p.err.overlay(cell{text: "reading music " + progressBar(now.Bytes, now.TotalBytes, progressColumns)}, cell{text: " "},
			cell{text: bytesOf(now.Bytes) + " of " + bytesOf(now.TotalBytes), colour: dim})
	}
}
