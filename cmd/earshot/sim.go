package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/sim"
)

func (p *program) simCommand() *cli.Command {
	return &cli.Command{
		Name: "sim", Usage: "simulate a day of a large swarm", Category: "Serving",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "listeners", Usage: "simulate `N` listeners, up to 100000", Value: 1000},
			&cli.DurationFlag{Name: "time", Usage: "simulate so much `TIME`", Value: 24 * time.Hour},
			&cli.Uint64Flag{Name: "seed", Usage: "draw at random from `SEED`: the same one gives the same result", Value: 1},
			&cli.StringFlag{Name: "uplink", Usage: "the server's `RATE`, as in 100mbit (default: 1 Gbit/s for each 10,000 listeners)"},
			&cli.BoolFlag{Name: "no-uploads", Usage: "nobody shares"},
			&cli.PathFlag{Name: "plots", Usage: "write plots (SVG) to `DIR`; simulates smaller swarms too"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return p.simulate(c)
		},
	}
}

func (p *program) simulate(c *cli.Context) error {
	config := sim.Default(c.Int("listeners"))
	config.Duration, config.Seed, config.NoUploads = c.Duration("time"), c.Uint64("seed"), c.Bool("no-uploads")
	if text := c.String("uplink"); text != "" {
		rate, err := parseRate(text)
		if err != nil {
			return usagef("sim: --uplink: %s", err)
		}
		config.ServerUp = 8 * int(min(rate, 1<<40))
	}
	if err := config.Check(); err != nil {
		return usagef("sim: %s", err)
	}
	draw := p.simProgress()
	var result *sim.Result
	var sizes []sim.Size
	var err error
	if c.Path("plots") != "" {
		result, sizes, err = sim.Sweep(c.Context, config, draw)
	} else {
		config.Progress = func(at time.Duration) { draw(float64(at) / float64(config.Duration)) }
		result, err = sim.Run(c.Context, config)
	}
	p.err.clear()
	if err != nil {
		return err
	}
	if dir := c.Path("plots"); dir != "" {
		if err := writePlots(dir, result, sizes); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return p.out.json(struct {
			Listeners int     `json:"listeners"`
			Seconds   float64 `json:"seconds"`
			Seed      uint64  `json:"seed"`
			*sim.Result
			Sizes []sim.Size `json:"sizes,omitempty"`
		}{config.Listeners, config.Duration.Seconds(), config.Seed, result, sizes})
	}
	p.simTable(result, sizes)
	return nil
}

// simProgress draws how far a simulation is.
func (p *program) simProgress() func(done float64) {
	var last time.Time
	return func(done float64) {
		if time.Since(last) < showEvery {
			return
		}
		last = time.Now()
		p.err.overlay(cell{text: "simulating " + progressBar(int64(1000*done), 1000, progressColumns)}, cell{text: fmt.Sprintf(" %3.0f %%", 100*done), colour: dim})
	}
}

// simTable prints the figures beside those of Kreitz and Niemelä (IEEE P2P 2010).
func (p *program) simTable(r *sim.Result, sizes []sim.Size) {
	server, peers, cache := r.Played.Of()
	part := func(n, of float64) float64 { return 100 * n / max(of, 1) }
	f := func(format string, v float64) string { return fmt.Sprintf(format, v) }
	p.out.table([]column{{name: ""}, {name: "Spotify 2010", right: true}, {name: "earshot", right: true}}, [][]string{
		{"playback latency p50", "265 ms", f("%.0f ms", r.P50)},
		{"playback latency p75", "515 ms", f("%.0f ms", r.P75)},
		{"playback latency p90", "1047 ms", f("%.0f ms", r.P90)},
		{"plays that stutter", "1.0 %", f("%.2f %%", part(float64(r.Stuttered), float64(r.Sounded)))},
		{"played from the server", "8.8 %", f("%.1f %%", 100*server)},
		{"played from peers", "35.8 %", f("%.1f %%", 100*peers)},
		{"played from the cache", "55.4 %", f("%.1f %%", 100*cache)},
		{"server requests per track", "", f("%.2f", float64(r.ServerRequests)/max(float64(r.Fetches), 1))},
		{"server bytes per listener", "", bytesOf(r.ServerBytes / int64(r.Config.Listeners))},
		{"server's uplink, busiest hour", "", fmt.Sprintf("%.2f of %.0f Mbit/s", r.Busiest()/1e6, float64(r.Config.ServerUp)/1e6)},
	})
	p.out.say("%s, %s in %s, seed %d", count(r.Config.Listeners, "listener"), count(r.Plays, "play"), clockOf(r.Config.Duration), r.Config.Seed)
	if len(sizes) == 0 {
		return
	}
	var rows [][]string
	for _, s := range sizes {
		rows = append(rows, []string{fmt.Sprint(s.Listeners), bytesOf(int64(s.PerListener)), f("%.1f %%", 100*s.Server)})
	}
	p.out.table([]column{{name: "listeners", right: true}, {name: "server bytes each", right: true}, {name: "server share", right: true}}, rows)
}

// writePlots writes the three plots to a folder.
func writePlots(dir string, r *sim.Result, sizes []sim.Size) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the plots: %w", err)
	}
	for _, plot := range []struct {
		name string
		draw func(io.Writer) error
	}{
		{"shares.svg", r.PlotShares},
		{"latency.svg", r.PlotLatency},
		{"server.svg", func(to io.Writer) error { return sim.PlotSizes(to, sizes) }},
	} {
		f, err := os.Create(filepath.Join(dir, plot.name))
		if err != nil {
			return fmt.Errorf("writing a plot: %w", err)
		}
		if err := errors.Join(plot.draw(f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
