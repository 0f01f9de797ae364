package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
	"earshot/protocol"
)

// trackJSON is a track as commands print it. Durations are nanoseconds, in fields
// that end in _ns, as on the control socket.
type trackJSON struct {
	protocol.Track
	Duration time.Duration `json:"duration_ns"`
}

// tracksOut, groupsOut and skippedOut are what lists print as JSON.
type (
	tracksOut struct {
		Total  int         `json:"total"`
		Tracks []trackJSON `json:"tracks"`
	}
	groupsOut struct {
		Total  int              `json:"total"`
		Groups []protocol.Group `json:"groups"`
	}
	skippedOut struct {
		Total   int               `json:"total"`
		Skipped []control.Skipped `json:"skipped"`
	}
)

func tracksJSON(r protocol.Results) tracksOut {
	out := tracksOut{Total: r.Total, Tracks: []trackJSON{}}
	for _, t := range r.Tracks {
		out.Tracks = append(out.Tracks, trackJSON{t, t.Duration})
	}
	return out
}

// looking is the configuration of a node that answers one question. It answers
// nobody else: another command would lose it in the middle of its own work.
func looking(c *cli.Context) nodeConfig {
	return nodeConfig{Data: c.Path("data"), NoUpload: true, Private: true}
}

func (p *program) searchCommand() *cli.Command {
	return &cli.Command{
		Name: "search", Usage: "find tracks by the words of their title, artist and album", ArgsUsage: "WORDS", Category: "Listening",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			w := wish{words: strings.Join(c.Args().Slice(), " ")}
			if strings.TrimSpace(w.words) == "" {
				return usagef("search: what for? Give some words")
			}
			if one := asWish(w.words); one.prefix != "" || one.whole {
				w.prefix = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(w.words)), "earshot:")
			}
			return p.attached(c.Context, looking(c), func(n control.Node) error {
				r, err := lookUp(c.Context, n.Search, w)
				if err != nil {
					return err
				}
				if len(r.Tracks) == 0 {
					if c.Bool("json") {
						p.out.json(tracksJSON(r))
					}
					return &unknownError{w.words}
				}
				return p.showTracks(c, r)
			})
		},
	}
}

// lookUp finds the tracks whose ID begins so, or that have the words.
func lookUp(ctx context.Context, find search, w wish) (protocol.Results, error) {
	if w.prefix != "" {
		r, err := all(ctx, find, protocol.Query{Kind: protocol.QueryPrefix, Text: w.prefix})
		if r.Total > 0 || err != nil && !errors.Is(err, control.ErrServerAway) {
			return r, err
		}
	}
	if len(w.words) > protocol.MaxQueryText {
		return protocol.Results{}, usagef("search: %d bytes at the most", protocol.MaxQueryText)
	}
	return all(ctx, find, protocol.Query{Kind: protocol.QueryWords, Text: w.words})
}

func (p *program) showTracks(c *cli.Context, r protocol.Results) error {
	if c.Bool("json") {
		return p.out.json(tracksJSON(r))
	}
	p.out.table(trackColumns[:], trackRows(r.Tracks))
	return nil
}
