package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
	"earshot/protocol"
)

func (p *program) queueCommand() *cli.Command {
	q := &cli.Command{
		Name: "queue", Usage: "list what is queued, or change it", Category: "Playing",
		Flags: flags(),
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list what is queued", Flags: flags(),
				Action: p.listQueue,
			},
			{
				Name: "add", Usage: "queue tracks at the end", ArgsUsage: "WHAT...", Flags: flags(),
				Action: func(c *cli.Context) error { return p.enqueue(c, control.DoAdd) },
			},
			{
				Name: "next", Usage: "queue tracks behind the one that plays", ArgsUsage: "WHAT...", Flags: flags(),
				Action: func(c *cli.Context) error { return p.enqueue(c, control.DoInsert) },
			},
			{
				Name: "jump", Usage: "play the track at a place of the queue", ArgsUsage: "N", Flags: flags(),
				Action: func(c *cli.Context) error {
					n, err := places(c, 1)
					if err != nil {
						return err
					}
					return p.command(c, control.Command{Do: control.DoJump, Index: n[0]})
				},
			},
			{
				Name: "move", Usage: "move a track to another place of the queue", ArgsUsage: "FROM TO", Flags: flags(),
				Action: func(c *cli.Context) error {
					n, err := places(c, 2)
					if err != nil {
						return err
					}
					return p.command(c, control.Command{Do: control.DoMove, Index: n[0], Dest: n[1]})
				},
			},
			{
				Name: "remove", Usage: "take a track out of the queue", ArgsUsage: "N", Flags: flags(),
				Action: func(c *cli.Context) error {
					n, err := places(c, 1)
					if err != nil {
						return err
					}
					return p.command(c, control.Command{Do: control.DoRemove, Index: n[0]})
				},
			},
			{
				Name: "clear", Usage: "take all out of the queue but for the track that plays", Flags: flags(),
				Action: func(c *cli.Context) error {
					if err := noArgs(c); err != nil {
						return err
					}
					return p.command(c, control.Command{Do: control.DoClear})
				},
			},
			{
				Name: "save", Usage: "write the queue to a playlist: .m3u8 or .xspf", ArgsUsage: "FILE", Flags: flags(),
				Action: p.saveQueue,
			},
		},
	}
	return q
}

// places reads places of the queue, which count from 1 as they are listed.
func places(c *cli.Context, want int) ([]int, error) {
	if c.NArg() != want {
		return nil, usagef("%s: want %s, as `earshot queue` counts them", c.Command.Name, count(want, "number"))
	}
	var all []int
	for _, arg := range c.Args().Slice() {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 || n > control.MaxQueued {
			return nil, usagef("%s: %q is no place: `earshot queue` counts them", c.Command.Name, arg)
		}
		all = append(all, n-1)
	}
	return all, nil
}

// enqueue finds tracks and queues them.
func (p *program) enqueue(c *cli.Context, do control.Do) error {
	if !c.Args().Present() {
		return usagef("queue %s: what? Give words, an ID, or an .m3u8 or .xspf file", c.Command.Name)
	}
	return p.withPlayer(c, func(ctx context.Context, pl control.Player) error {
		return p.attached(ctx, looking(c), func(n control.Node) error {
			tracks, passed, err := findQueue(ctx, n.Search, c.Args().Slice())
			p.showPassed(passed)
			if err != nil {
				p.showMatches(p.out, c.Bool("json"), err)
				return err
			}
			cmd := control.Command{Do: do}
			for _, t := range tracks {
				cmd.Tracks = append(cmd.Tracks, t.ID)
			}
			if err := pl.Command(ctx, cmd); err != nil {
				return err
			}
			if c.Bool("json") {
				s, err := pl.PlayerState(ctx)
				return p.showState(c, s, err)
			}
			if len(tracks) == 1 {
				p.out.say("queued %s", titleOf(tracks[0]))
			} else {
				p.out.say("queued %s", count(len(tracks), "track"))
			}
			return nil
		})
	})
}

// queueOut is a queue as JSON.
type queueOut struct {
	Edit   int64       `json:"revision"`
	Index  int         `json:"index"`
	Tracks []trackJSON `json:"tracks"`
}

func (p *program) listQueue(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	return p.withPlayer(c, func(ctx context.Context, pl control.Player) error {
		q, err := pl.Queue(ctx)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return p.out.json(queueOut{q.Edit, q.Index, tracksJSON(protocol.Results{Tracks: q.Tracks}).Tracks})
		}
		columns := append([]column{{name: ""}, {name: "#", right: true}}, trackColumns[:]...)
		var rows [][]string
		for i, t := range q.Tracks {
			mark := ""
			if i == q.Index {
				mark = ">"
			}
			rows = append(rows, append([]string{mark, strconv.Itoa(i + 1)}, trackRow(t)...))
		}
		p.out.table(columns, rows)
		return nil
	})
}

// saveQueue writes the queue to a playlist file.
func (p *program) saveQueue(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("queue save: where to? Give the name of an .m3u8 or .xspf file")
	}
	name := c.Args().First()
	if !isPlaylist(name) {
		return usagef("queue save %s: want a name that ends in .m3u8 or .xspf", name)
	}
	return p.withPlayer(c, func(ctx context.Context, pl control.Player) error {
		q, err := pl.Queue(ctx)
		if err != nil {
			return err
		}
		if err := savePlaylist(name, q.Tracks); err != nil {
			return fmt.Errorf("writing the playlist: %w", err)
		}
		p.out.say("%s in %s", count(len(q.Tracks), "track"), name)
		return nil
	})
}
