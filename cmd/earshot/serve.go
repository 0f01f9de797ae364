package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
	"earshot/node/library"
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "share a folder of music", Category: "Serving",
		Description: "Changes of the folder are followed. Listeners join by a link that `earshot invite` prints.\n\n" +
			"earshot serve --music ~/Music --listen :4433 --advertise music.example.org:4433",
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
	skipped, draw := 0, p.scanProgress(boss)
	s, err := p.nodes.serve(c.Context, serveConfig{
		Data: c.Path("data"), Music: c.Path("music"), Listen: c.String("listen"), Advertise: c.String("advertise"),
		Progress: func(now library.Progress) {
			skipped = now.Skipped
			draw(now)
		},
		Skipped: func(files []control.Skipped) { p.showSkipped(c.Bool("json"), files) },
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
				Skipped int    `json:"skipped"`
				HTTP    string `json:"http,omitempty"`
			}{"ready", s.Addr(), s.Tracks(), skipped, port.address})
		}
		p.out.say("ready %s", s.Addr())
		if p.err.tty {
			p.err.say("sharing %s; `earshot invite` prints a join link", count(s.Tracks(), "track"))
		}
		if skipped > 0 {
			p.err.say("earshot: %s cannot be shared: `earshot ls --skipped` tells why", count(skipped, "file"))
		}
		return nil
	})
}

// maxSkippedShown is how many files that cannot be shared are named at once: what is
// seen of a folder of another kind of music that was copied in.
const maxSkippedShown = 20

// showSkipped names files that were put into the music folder and cannot be shared.
func (p *program) showSkipped(json bool, files []control.Skipped) {
	for i, f := range files {
		switch {
		case json:
			_ = p.out.json(struct {
				Event string `json:"event"`
				control.Skipped
			}{"skipped", f})
		case i < maxSkippedShown:
			p.err.say("earshot: %s cannot be shared: %s", findable(f.Path), oneLine(f.Reason))
		case i == maxSkippedShown:
			p.err.say("earshot: nor can %d more: `earshot ls --skipped` lists all", len(files)-i)
		}
	}
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
