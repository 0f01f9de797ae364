package main

import (
	"github.com/urfave/cli/v2"
)

func (p *program) joinCommand() *cli.Command {
	return &cli.Command{
		Name: "join", Usage: "make this data folder a member of a swarm", ArgsUsage: "LINK", Category: "Listening",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("join: takes one join link, as `earshot invite` prints it")
			}
			j, err := p.nodes.join(c.Context, c.Path("data"), c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.out.json(j)
			}
			p.out.say("joined the swarm of %s; `earshot ls` lists its music", j.Server)
			return nil
		},
	}
}
