package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
	"earshot/protocol"
)

func (p *program) syncCommand() *cli.Command {
	return &cli.Command{
		Name: "sync", Category: "Listening", ArgsUsage: "WHAT...",
		Usage: "keep tracks for when there is no network",
		Description: "WHAT is an artist, an album, words, an ID, or an .m3u8 or .xspf file. They are fetched, and stay in the cache until --remove lets go of them. Asked for again, what was cut short goes on.\n\n" +
			"earshot sync \"Johann Sebastian Bach\"\nearshot sync commute.m3u8",
		Flags: flags(append(shareFlags(),
			&cli.BoolFlag{Name: "remove", Usage: "keep them no longer than other tracks"},
		)...),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usagef("sync: what? Give an artist, an album, words, an ID, or an .m3u8 file")
			}
			config, err := sharing(c)
			if err != nil {
				return err
			}
			s, err := p.nodes.attach(c.Context, config)
			if err != nil {
				return err
			}
			err = p.syncWith(c, s)
			if closing := s.release(); err == nil && closing != nil {
				err = fmt.Errorf("closing the node: %w", closing)
			}
			return err
		},
	}
}

// syncWith finds what is wanted and fetches it, or lets it go, until it is done, ctx
// ends, or the node in this process is told to.
func (p *program) syncWith(c *cli.Context, s *session) error {
	tracks, passed, err := findNamed(c.Context, s.node.Search, c.Args().Slice())
	p.showPassed(passed)
	if err != nil {
		p.showMatches(p.out, c.Bool("json"), err)
		return err
	}
	if c.Bool("remove") {
		return p.unsync(c, s.node, tracks)
	}
	plan, err := planSync(c.Context, s.node, tracks)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(c.Context)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if s.own != nil && s.own.Wait(ctx) == nil {
			cancel(errStopped)
		}
	}()
	err = cause(ctx, p.runSync(ctx, s.node, plan, c.Bool("json")))
	cancel(nil)
	<-ended
	return err
}

// findNamed finds the tracks that arguments name, each once. Words that are the
// whole name of an artist or an album mean that alone.
func findNamed(ctx context.Context, find search, args []string) (tracks []protocol.Track, passed []error, err error) {
	all, passed, err := findAll(ctx, find, args, func(ctx context.Context, find search, w wish) ([]protocol.Track, error) {
		found, err := grantKnown(ctx, find, w)
		if err == nil && !w.first {
			found = wholeName(found, w.words)
		}
		return found, err
	})
	seen := map[protocol.ID]bool{}
	for _, t := range all {
		if !seen[t.ID] {
			seen[t.ID] = true
			tracks = append(tracks, t)
		}
	}
	return tracks, passed, err
}

// grantKnown grants a wish, and finds what is known of a track named by its ID: its
// size counts.
func grantKnown(ctx context.Context, find search, w wish) ([]protocol.Track, error) {
	if !w.whole {
		return grant(ctx, find, w)
	}
	r, err := find(ctx, protocol.Query{Kind: protocol.QueryPrefix, Text: w.id.String(), Limit: 1})
	if err == nil && len(r.Tracks) == 1 {
		return r.Tracks, nil
	}
	return []protocol.Track{{ID: w.id}}, nil
}

// wholeName leaves of tracks those whose artist is called so, else those whose album
// is; all, where neither is the whole name.
func wholeName(tracks []protocol.Track, words string) []protocol.Track {
	for _, name := range []func(protocol.Track) string{
		func(t protocol.Track) string { return t.Artist },
		func(t protocol.Track) string { return t.Album },
	} {
		var so []protocol.Track
		for _, t := range tracks {
			if words != "" && strings.EqualFold(searchWords(name(t)), searchWords(words)) {
				so = append(so, t)
			}
		}
		if len(so) > 0 {
			return so
		}
	}
	return tracks
}

// syncPlan is what is to be fetched, and what is here of it.
type syncPlan struct {
	tracks []protocol.Track
	have   []int64 // bytes of each that are stored, all for a complete one
	done   []bool
	bytes  int64 // of all
}

// cachedSize is what a track takes in the cache: whole blocks, the proof tree
// and the header (package cache).
func cachedSize(size int64) int64 {
	const block = 4096
	up := func(n int64) int64 { return (n + block - 1) / block * block }
	return up(size) + up(int64(protocol.ProofSize(size))+block)
}

// planSync looks at what is here already, and refuses what cannot fit beside what
// else is pinned.
func planSync(ctx context.Context, n control.Node, tracks []protocol.Track) (*syncPlan, error) {
	stats, err := n.CacheStats(ctx)
	if err != nil {
		return nil, err
	}
	cached, err := n.CacheTracks(ctx)
	if err != nil {
		return nil, err
	}
	here := make(map[protocol.ID]control.CachedTrack, len(cached))
	rest := stats.Bytes // the index, once the tracks are taken off
	for _, t := range cached {
		here[t.ID] = t
		rest -= t.Bytes
	}
	plan := &syncPlan{tracks: tracks, have: make([]int64, len(tracks)), done: make([]bool, len(tracks))}
	need := max(0, rest)
	for i, t := range tracks {
		in, ok := here[t.ID]
		if ok && t.Size == 0 {
			plan.tracks[i] = in.Track
		}
		size := plan.tracks[i].Size
		plan.bytes += size
		need += cachedSize(size)
		if plan.done[i] = ok && in.Complete && in.Pinned; ok {
			plan.have[i] = min(in.Bytes, size)
		}
		if ok && in.Complete {
			plan.have[i] = size
		}
		delete(here, t.ID)
	}
	kept := int64(0)
	for _, t := range here {
		if t.Pinned {
			kept += t.Bytes
		}
	}
	if need+kept > stats.LimitBytes {
		beside := ""
		if kept > 0 {
			beside = fmt.Sprintf(" beside %s that is pinned already", bytesOf(kept))
		}
		return nil, fmt.Errorf("that needs %s%s, and the cache's limit is %s: raise it with `earshot cache limit`", bytesOf(need), beside, bytesOf(stats.LimitBytes))
	}
	return plan, nil
}

// unsync lets go of tracks.
func (p *program) unsync(c *cli.Context, n control.Node, tracks []protocol.Track) error {
	removed := 0
	for _, t := range tracks {
		err := n.Pin(c.Context, t.ID, false)
		switch {
		case err == nil:
			removed++
		case !errors.Is(err, control.ErrUnknownTrack): // it never came
			return err
		}
	}
	if c.Bool("json") {
		return p.out.json(struct {
			Event  string `json:"event"`
			Tracks int    `json:"tracks"`
		}{"removed", removed})
	}
	p.out.say("%s: kept no longer than others", count(removed, "track"))
	return nil
}
