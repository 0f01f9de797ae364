package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
	"earshot/protocol"
)

func (p *program) cacheCommand() *cli.Command {
	return &cli.Command{
		Name: "cache", Usage: "look at the cache, and look after it", Category: "Nodes",
		Subcommands: []*cli.Command{
			{
				Name: "stats", Usage: "tell what the cache holds and what was played", Flags: flags(),
				Action: p.onCache(noArgs, p.cacheStats),
			},
			{
				Name: "ls", Usage: "list the cached tracks, the most recently used first", Flags: flags(),
				Action: p.onCache(noArgs, p.cacheList),
			},
			{
				Name: "pin", Usage: "keep a track, whatever else the cache needs room for", ArgsUsage: "WHAT", Flags: flags(),
				Action: p.onCache(someArgs, func(c *cli.Context, n control.Node) error { return p.cachePin(c, n, true) }),
			},
			{
				Name: "unpin", Usage: "keep a track no longer than others", ArgsUsage: "WHAT", Flags: flags(),
				Action: p.onCache(someArgs, func(c *cli.Context, n control.Node) error { return p.cachePin(c, n, false) }),
			},
			{
				Name: "rm", Usage: "remove a track", ArgsUsage: "WHAT", Flags: flags(),
				Action: p.onCache(someArgs, p.cacheRemove),
			},
			{
				Name: "verify", Usage: "read all that is cached, and remove what is damaged", Flags: flags(),
				Action: p.onCache(noArgs, p.cacheVerify),
			},
			{
				Name: "limit", Usage: "let the cache take SIZE on the disk at the most", ArgsUsage: "SIZE", Flags: flags(),
				Action: p.onCache(oneSize, p.cacheLimit),
			},
		},
	}
}

// onCache is a command on the cache of the node that runs; where none runs, on
// the cache alone: it needs no network, nor a membership.
func (p *program) onCache(check func(*cli.Context) error, do func(*cli.Context, control.Node) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := check(c); err != nil {
			return err
		}
		config := nodeConfig{Data: c.Path("data"), Offline: true, Private: true}
		return p.attached(c.Context, config, func(n control.Node) error { return do(c, n) })
	}
}

func someArgs(c *cli.Context) error {
	if !c.Args().Present() {
		return usagef("cache %s: which track? Give an ID, the beginning of one, or words", c.Command.Name)
	}
	return nil
}

func oneSize(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("cache limit: %v", errBadSize)
	}
	if _, err := parseSize(c.Args().First()); err != nil {
		return usagef("cache limit %s: %v", c.Args().First(), err)
	}
	return nil
}

func (p *program) cacheLimit(c *cli.Context, n control.Node) error {
	limit, err := parseSize(c.Args().First())
	if err != nil {
		return err
	}
	if err := n.SetLimit(c.Context, limit); err != nil {
		return err
	}
	if c.Bool("json") {
		return p.out.json(struct {
			Limit int64 `json:"limit_bytes"`
		}{limit})
	}
	p.out.say("the cache takes %s at the most", bytesOf(limit))
	return nil
}

// named finds the track that the arguments name, showing the matches where they
// name several.
func (p *program) named(c *cli.Context, n control.Node) (protocol.Track, error) {
	t, err := findOne(c.Context, n, c.Args().Slice())
	p.showMatches(p.out, c.Bool("json"), err)
	return t, err
}

func (p *program) cachePin(c *cli.Context, n control.Node, pinned bool) error {
	t, err := p.named(c, n)
	if err != nil {
		return err
	}
	if err := n.Pin(c.Context, t.ID, pinned); err != nil {
		return err
	}
	if c.Bool("json") {
		return p.out.json(struct {
			ID     protocol.ID `json:"id"`
			Pinned bool        `json:"pinned"`
		}{t.ID, pinned})
	}
	verb := "pinned"
	if !pinned {
		verb = "unpinned"
	}
	p.out.say("%s %s", verb, titleOf(t))
	return nil
}

func (p *program) cacheRemove(c *cli.Context, n control.Node) error {
	t, err := p.named(c, n)
	if err != nil {
		return err
	}
	if err := n.Remove(c.Context, t.ID); err != nil {
		return err
	}
	if c.Bool("json") {
		return p.out.json(struct {
			ID      protocol.ID `json:"id"`
			Removed bool        `json:"removed"`
		}{t.ID, true})
	}
	p.out.say("removed %s", titleOf(t))
	return nil
}

func (p *program) cacheVerify(c *cli.Context, n control.Node) error {
	var last time.Time
	r, err := n.Verify(c.Context, func(done, total int64) {
		if time.Since(last) < showEvery {
			return
		}
		last = time.Now()
		p.err.overlay(cell{text: "verifying " + progressBar(done, total, progressColumns) + " " + bytesOf(done) + " of " + bytesOf(total)})
	})
	p.err.clear()
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return p.out.json(r)
	}
	damage := "all is sound"
	if r.Damaged > 0 {
		damage = count(r.Damaged, "damaged chunk") + " removed: they are fetched again when they are played"
	}
	p.out.say("verified %s, %s: %s", count(r.Tracks, "track"), bytesOf(r.Bytes), damage)
	return nil
}

// cachedJSON is a cached track as `cache ls` prints it.
type cachedJSON struct {
	control.CachedTrack
	Duration time.Duration `json:"duration_ns"`
}

func (p *program) cacheList(c *cli.Context, n control.Node) error {
	tracks, err := n.CacheTracks(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		list := make([]cachedJSON, 0, len(tracks))
		for _, t := range tracks {
			list = append(list, cachedJSON{t, t.Duration})
		}
		return p.out.json(struct {
			Total  int          `json:"total"`
			Tracks []cachedJSON `json:"tracks"`
		}{len(list), list})
	}
	if len(tracks) == 0 {
		p.out.say("the cache is empty")
		return nil
	}
	var rows [][]string
	for _, t := range tracks {
		var notes []string
		if t.Pinned {
			notes = append(notes, "pinned")
		}
		if !t.Complete {
			notes = append(notes, "partial")
		}
		rows = append(rows, []string{t.ID.Short(), t.Title, t.Artist, clockOf(t.Duration), bytesOf(t.Bytes), ago(t.Used), strings.Join(notes, ", ")})
	}
	p.out.table([]column{
		{name: "ID"}, {name: "TITLE", give: true}, {name: "ARTIST", give: true, spare: 2}, {name: "LENGTH", right: true, spare: 3},
		{name: "SIZE", right: true}, {name: "USED", spare: 1}, {name: ""},
	}, rows)
	return nil
}
