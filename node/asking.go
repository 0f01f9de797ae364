package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"earshot/node/library"
	"earshot/node/swarm"
	"earshot/protocol"
)

// local is what the node can tell of tracks by itself: to its own player and, while
// the server is away, to neighbours.
type local struct{ n *Node }

// Find finds tracks among those that are held. Neighbours may ask before the cache
// is open.
func (l local) Find(_ context.Context, q protocol.Query) protocol.Results {
	<-l.n.ready
	if l.n.cacheErr != nil {
		return protocol.Results{}
	}
	return l.n.searchCache(q)
}

// searchSwarm finds what was seen here and what neighbours, and theirs, hold: the
// catalogue while the server is away. What strangers say is not kept. With
// something at hand others are waited for until a time.
func (n *Node) searchSwarm(ctx context.Context, q protocol.Query, until time.Time) protocol.Results {
	all := q // their pages would not fit together: each names its first, which are put in order here
	all.Offset, all.Limit = 0, protocol.MaxResults
	if q.Kind == protocol.QueryAlbums || q.Kind == protocol.QueryArtists {
		all.Kind, all.Text = protocol.QueryTracks, ""
	}
	here := n.searchSeen(ctx, all)
	asking, cancel := ctx, context.CancelFunc(func() {})
	if here.Total > 0 { // others are not waited for as long
		asking, cancel = context.WithDeadline(ctx, until)
	}
	var found protocol.Results
	if here.Total == 0 || !n.swarm.Alone() {
		found = n.swarm.Search(asking, all)
	}
	cancel()
	known := make(map[protocol.ID]bool, len(here.Tracks))
	for _, t := range here.Tracks {
		known[t.ID] = true
	}
	// Of one track what was seen here is believed.
	found.Tracks = slices.DeleteFunc(found.Tracks, func(t protocol.Track) bool { return known[t.ID] || !fits(t, all) })
	found.Total = len(found.Tracks)
	if found.Total == 0 || here.Total > len(here.Tracks) { // nothing new, or plenty
		return n.searchSeen(ctx, q)
	}
	all.Limit = 0
	r := swarm.MergeResults(all, here, found)
	library.Sort(r.Tracks)
	return listed(r.Tracks, q)
}

// fits reports whether a track is one that a query asks for: strangers answer it.
func fits(t protocol.Track, q protocol.Query) bool {
	switch q.Kind {
	case protocol.QueryPrefix:
		return strings.HasPrefix(t.ID.String(), strings.ToLower(q.Text))
	case protocol.QueryWords:
		return holdsWords(t, strings.Fields(strings.ToLower(q.Text)))
	}
	return true
}
