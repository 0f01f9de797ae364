package node

import (
	"context"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// CacheStats sums up the cache and what was played.
func (n *Node) CacheStats(context.Context) (control.CacheStats, error) {
	n.plays.count(n.cache.Ledger())
	c, l := n.cache.Stats(), n.cache.Ledger().Snapshot()
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return control.CacheStats{
		Tracks: c.Tracks, TracksPartial: c.Partial, TracksPinned: c.Pinned,
		Bytes: c.Bytes, LimitBytes: c.Limit, OldestUsed: c.OldestUsed,
		Hits: l.Hits, Misses: l.Misses, Evictions: l.Evictions,
		PlayedFromServer: l.FromServer, PlayedFromPeers: l.FromPeers, PlayedFromCache: l.FromCache, Uploaded: l.Uploaded,
		PlaybackLatencyMS: control.Latency{P50: ms(l.Latency.P50), P75: ms(l.Latency.P75), P90: ms(l.Latency.P90), Count: l.Latency.Count},
		Stutters:          l.Stutters, Plays: l.Plays,
	}, nil
}

// CacheTracks lists the cached tracks, the most recently used first.
func (n *Node) CacheTracks(context.Context) ([]control.CachedTrack, error) {
	tracks := []control.CachedTrack{}
	for in := range n.cache.Tracks() {
		tracks = append(tracks, control.CachedTrack{Track: in.Track, Bytes: in.Bytes, Complete: in.Complete, Pinned: in.Pinned, Used: in.Used})
	}
	return tracks, nil
}

// Pin keeps a track from being evicted, or lets it go.
func (n *Node) Pin(_ context.Context, id protocol.ID, pinned bool) error {
	return translate(n.cache.Pin(id, pinned))
}

// Remove takes a track out of the cache.
func (n *Node) Remove(_ context.Context, id protocol.ID) error { return translate(n.cache.Remove(id)) }

// Fetch pins a track and fetches all of it, in no hurry.
func (n *Node) Fetch(ctx context.Context, id protocol.ID, progress func(have, size int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if in, ok := n.cache.Lookup(id); ok && in.Complete {
		if err := n.cache.Pin(id, true); err != nil {
			return translate(err)
		}
		progress(in.Size, in.Size)
		return nil
	}
	if n.streams == nil {
		return control.ErrUnavailable
	}
	pinned := false
	err := n.streams.Fetch(ctx, id, func(have, size int64) {
		if !pinned && have > 0 { // it can be evicted from its first chunk on
			pinned = n.cache.Pin(id, true) == nil
		}
		progress(have, size)
	})
	if in, ok := n.cache.Lookup(id); ok {
		n.seen.Note(in.Track)
	}
	return translate(err)
}

// Verify reads every cached chunk and removes the damaged ones.
func (n *Node) Verify(ctx context.Context, progress func(done, total int64)) (control.VerifyResult, error) {
	r, err := n.cache.Verify(ctx, progress)
	return control.VerifyResult{Tracks: r.Tracks, Bytes: r.Bytes, Damaged: r.Damaged}, err
}

// SetLimit changes the cache's limit.
func (n *Node) SetLimit(_ context.Context, bytes int64) error {
	return translate(n.cache.SetLimit(bytes))
}
