package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"earshot/node/control"
)

func (p *program) cacheStats(c *cli.Context, n control.Node) error {
	s, err := n.CacheStats(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return p.out.json(s)
	}
	p.showCacheStats(s)
	return nil
}

func (p *program) showCacheStats(s control.CacheStats) {
	p.out.fact("tracks", "%d, of which %d partial and %d pinned", s.Tracks, s.TracksPartial, s.TracksPinned)
	p.out.fact("on disk", "%s of %s (%d%%)", bytesOf(s.Bytes), bytesOf(s.LimitBytes), percent(s.Bytes, s.LimitBytes))
	if !s.OldestUsed.IsZero() {
		p.out.fact("oldest", "used %s", ago(s.OldestUsed))
	}
	p.out.fact("look-ups", "%s (%d%%), %s, %s",
		count(int(s.Hits), "hit"), percent(s.Hits, s.Hits+s.Misses), many(s.Misses, "miss", "misses"), count(int(s.Evictions), "eviction"))
	stutters := count(int(s.Stutters), "stutter")
	p.out.fact("played", "%s, %s", many(s.Plays, "time", "times"), stutters)
	if l := s.PlaybackLatencyMS; l.Count > 0 {
		p.out.fact("latency", "half of them within %.0f ms, 75%% within %.0f ms, 90%% within %.0f ms", l.P50, l.P75, l.P90)
	}
	played := control.Shares{Server: s.PlayedFromServer, Peers: s.PlayedFromPeers, Cache: s.PlayedFromCache}
	p.showShares("came from", played)
	p.out.fact("", "server %s, peers %s, cache %s", bytesOf(played.Server), bytesOf(played.Peers), bytesOf(played.Cache))
	p.out.fact("uploaded", "%s", bytesOf(s.Uploaded))
}

func many(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// ago says how long ago something was.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return humanize.Time(t)
}
