package main

import (
	"strconv"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
	"earshot/protocol"
)

func (p *program) lsCommand() *cli.Command {
	return &cli.Command{
		Name: "ls", Usage: "list the catalogue", ArgsUsage: "[artists|albums|tracks]", Category: "Listening",
		Flags: flags(&cli.BoolFlag{Name: "skipped", Usage: "list the files that the server could not take, and why"}),
		BashComplete: func(*cli.Context) {
			for _, list := range []string{"artists", "albums", "tracks"} {
				p.out.say("%s", list)
			}
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 || c.Bool("skipped") && c.Args().Present() {
				return usagef("ls: takes one of artists, albums and tracks, or --skipped")
			}
			var kind protocol.QueryKind
			switch what := c.Args().First(); what {
			case "artists":
				kind = protocol.QueryArtists
			case "albums":
				kind = protocol.QueryAlbums
			case "", "tracks":
				kind = protocol.QueryTracks
			default:
				return usagef("ls: there is no list of %q: want artists, albums or tracks", what)
			}
			return p.attached(c.Context, looking(c), func(n control.Node) error {
				if c.Bool("skipped") {
					return p.listSkipped(c, n)
				}
				return p.list(c, n, kind)
			})
		},
	}
}

func (p *program) list(c *cli.Context, n control.Node, kind protocol.QueryKind) error {
	r, err := all(c.Context, n.Search, protocol.Query{Kind: kind})
	if err != nil {
		return err
	}
	if kind == protocol.QueryTracks {
		return p.showTracks(c, r)
	}
	if c.Bool("json") {
		if r.Groups == nil {
			r.Groups = []protocol.Group{}
		}
		return p.out.json(groupsOut{r.Total, r.Groups})
	}
	columns := []column{{name: "ARTIST", give: true}, {name: "TRACKS", right: true}}
	if kind == protocol.QueryAlbums {
		columns = []column{{name: "ALBUM", give: true}, {name: "ARTIST", give: true}, {name: "YEAR", right: true}, {name: "TRACKS", right: true}}
	}
	var rows [][]string
	for _, g := range r.Groups {
		row := []string{g.Artist, strconv.Itoa(g.Tracks)}
		if kind == protocol.QueryAlbums {
			year := ""
			if g.Year > 0 {
				year = strconv.Itoa(g.Year)
			}
			row = []string{g.Album, g.Artist, year, strconv.Itoa(g.Tracks)}
		}
		rows = append(rows, row)
	}
	p.out.table(columns, rows)
	return nil
}

func (p *program) listSkipped(c *cli.Context, n control.Node) error {
	skipped, err := n.Skipped(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if skipped == nil {
			skipped = []control.Skipped{}
		}
		return p.out.json(skippedOut{len(skipped), skipped})
	}
	if len(skipped) == 0 {
		p.out.say("no file was skipped")
		return nil
	}
	var rows [][]string
	for _, s := range skipped {
		rows = append(rows, []string{findable(s.Path), s.Reason})
	}
	p.out.table([]column{{name: "FILE", give: true}, {name: "REASON", give: true}}, rows)
	return nil
}

// findable is a path as it can be shown: quoted where a screen would not show all of it,
// so that the file can be found.
func findable(path string) string {
	if plain(path) != path {
		return strconv.Quote(path)
	}
	return path
}
