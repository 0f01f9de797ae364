package main

import (
	"github.com/urfave/cli/v2"
)

// shareFlags say how a listener's node shares what it holds.
func shareFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "upload", Usage: "send `RATE` to others at the most: 2mbit, 500kbit, 1MB"},
		&cli.BoolFlag{Name: "no-upload", Usage: "share nothing"},
		&cli.StringFlag{Name: "listen", Usage: "be reached at `HOST:PORT`"},
	}
}

// sharing reads the share flags.
func sharing(c *cli.Context) (nodeConfig, error) {
	n := nodeConfig{Data: c.Path("data"), Listen: c.String("listen"), NoUpload: c.Bool("no-upload")}
	if n.Listen != "" {
		if err := checkAddress("listen", n.Listen); err != nil {
			return n, err
		}
	}
	rate := c.String("upload")
	if rate == "" {
		return n, nil
	}
	if n.NoUpload {
		return n, usagef("--upload and --no-upload exclude each other")
	}
	var err error
	if n.Upload, err = parseRate(rate); err != nil {
		return n, usagef("--upload %s: %v", rate, err)
	}
	return n, nil
}

func (p *program) seedCommand() *cli.Command {
	return &cli.Command{
		Name: "seed", Usage: "share what the cache holds until told to stop", Category: "Listening",
		Flags: flags(shareFlags()...),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			config, err := sharing(c)
			if err != nil {
				return err
			}
			return p.seed(c, config)
		},
	}
}

func (p *program) seed(c *cli.Context, config nodeConfig) error {
	n, err := p.nodes.start(config)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		status, _ := n.Status(c.Context)
		err = p.out.json(struct {
			Event  string `json:"event"`
			Listen string `json:"listen"`
		}{"ready", status.Listen})
	} else {
		p.out.say("ready")
	}
	if err == nil {
		err = untilTold(c.Context, n)
	}
	if closing := n.Close(); err == nil {
		err = closing
	}
	return err
}
