package node

import (
	"context"
	"encoding/hex"

	"earshot/protocol"
)

// maxUnsure bounds the names that are to be asked of the server; those beyond are
// not, as nobody waits for it.
const maxUnsure = 16

// named finds the one track that an ID, or the beginning of one, names among those
// that are cached and those that were seen, without waiting for the server. That
// may know another one that begins so: then the one at hand is taken to be meant,
// as people give what they were shown. The server is asked behind, and from the
// next time on both are at hand, and neither is taken for the other.
func (n *Node) named(ctx context.Context, q protocol.Query) (r protocol.Results, ok bool) {
	if q.Kind != protocol.QueryPrefix || q.Offset > 0 || !protocol.IsPrefix(q.Text) {
		return r, false
	}
	whole := len(q.Text) == hex.EncodedLen(len(protocol.ID{}))
	for _, id := range n.cache.Resolve(q.Text) {
		if in, held := n.cache.Lookup(id); held {
			r.Tracks = append(r.Tracks, in.Track)
		}
	}
	if len(r.Tracks) == 0 || !whole {
		seen, err := n.seen.Search(ctx, protocol.Query{Kind: q.Kind, Text: q.Text, Limit: 2})
		if err != nil {
			return r, false // asked for again with the swarm, and told of there
		}
		for _, t := range seen.Tracks {
			if len(r.Tracks) != 1 || r.Tracks[0].ID != t.ID {
				r.Tracks = append(r.Tracks, t)
			}
		}
	}
	if r.Total = len(r.Tracks); r.Total != 1 {
		return r, false
	}
	if !whole {
		select {
		case n.unsure <- q:
		default:
		}
	}
	return r, true
}

// makeSure asks the server for what was told without it, until ctx ends.
func (n *Node) makeSure(ctx context.Context) {
	for {
		select {
		case q := <-n.unsure:
			asking, cancel := context.WithTimeout(ctx, searchLong)
			if r, err := n.trySearch(asking, q); err == nil {
				n.seen.Note(r.Tracks...)
			}
			cancel()
		case <-ctx.Done():
			return
		}
	}
}
