package main

import (
	"github.com/urfave/cli/v2"
)

// shareFlags say how a listener's node shares what it holds.
func shareFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "upload", Usage: "send `RATE` to others at the most: 2mbit, 500kbit, 1MB"},
		&cli.StringFlag{Name: "upload-night", Usage: "at night, as `RATE@HH:MM-HH:MM` says: 10mbit@23:00-07:00"},
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
	rate, night := c.String("upload"), c.String("upload-night")
	if n.NoUpload && rate+night != "" {
		return n, usagef("--no-upload excludes --upload and --upload-night")
	}
	var err error
	if rate != "" {
		if n.Upload.Rate, err = parseRate(rate); err != nil {
			return n, usagef("--upload %s: %v", rate, err)
		}
	}
	if night != "" {
		if n.Upload.Night, err = parseNight(night); err != nil {
			return n, usagef("--upload-night %s: %v", night, err)
		}
	}
	return n, nil
}

func (p *program) seedCommand() *cli.Command {
	return &cli.Command{
		Name: "seed", Usage: "share what the cache holds until told to stop", Category: "Listening",
		Flags: flags(append(shareFlags(), httpFlags()...)...),
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
	port, err := readHTTP(c)
	if err != nil {
		return err
	}
	boss := findSupervisor()
	n, err := p.nodes.start(config)
	if err != nil {
		return err
	}
	return p.share(c, n, port, boss, func() error {
		if c.Bool("json") {
			status, _ := n.Status(c.Context)
			return p.out.json(struct {
				Event  string `json:"event"`
				Listen string `json:"listen"`
				HTTP   string `json:"http,omitempty"`
			}{"ready", status.Listen, port.address})
		}
		p.out.say("ready")
		return nil
	})
}

// share runs a node that has started until it is told to stop, and closes it.
// ready tells the user; the supervisor hears the same.
func (p *program) share(c *cli.Context, n running, port *tracksPort, boss *supervisor, ready func() error) error {
	err := port.open(c.Context, n)
	if err == nil {
		if err = ready(); err == nil {
			stopping := boss.attend(c.Context, n)
			err = untilTold(c.Context, n)
			stopping()
		}
		if closing := port.close(); err == nil {
			err = closing
		}
	}
	if closing := n.Close(); err == nil {
		err = closing
	}
	return err
}
