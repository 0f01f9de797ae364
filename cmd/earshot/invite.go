package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
)

func (p *program) inviteCommand() *cli.Command {
	return &cli.Command{
		Name: "invite", Usage: "print a join link", Category: "Serving",
		Flags: flags(
			&cli.IntFlag{Name: "uses", Usage: "let `N` nodes join with it", Value: 1},
			&cli.StringFlag{Name: "expires", Usage: "let it be good for `SPAN`: 12h, 7d, 2w", Value: "7d"},
		),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			in := control.Invitation{Uses: c.Int("uses")}
			if in.Uses < 1 {
				return usagef("--uses %d: want 1 or more", in.Uses)
			}
			var err error
			if in.Expires, err = parseSpan(c.String("expires")); err != nil {
				return usagef("--expires %s: %v", c.String("expires"), err)
			}
			link, err := p.nodes.invite(c.Context, c.Path("data"), in)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.out.json(struct {
					Link    string    `json:"link"`
					Uses    int       `json:"uses"`
					Expires time.Time `json:"expires"`
				}{link, in.Uses, time.Now().Add(in.Expires).UTC().Truncate(time.Second)})
			}
			p.out.say("%s", link)
			return nil
		},
	}
}
