package node

import (
	"context"
	"slices"
	"strings"

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

// searchSwarm finds what is known here and what neighbours, and theirs, hold: the
// catalogue while the server is away.
func (n *Node) searchSwarm(ctx context.Context, q protocol.Query) protocol.Results {
	all := q // their pages would not fit together: each names its first, which are put in order here
	all.Offset, all.Limit = 0, protocol.MaxResults
	if q.Kind == protocol.QueryAlbums || q.Kind == protocol.QueryArtists {
		all.Kind, all.Text = protocol.QueryTracks, ""
	}
	found := n.swarm.Search(ctx, all)
	found.Tracks = slices.DeleteFunc(found.Tracks, func(t protocol.Track) bool { return !fits(t, all) })
	found.Total = len(found.Tracks)
	here := local{n}.Find(ctx, all)
	all.Limit = 0
	r := swarm.MergeResults(all, here, found) // what is here first: of one track it is its own word
	slices.SortStableFunc(r.Tracks, inAlbumOrder)
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
