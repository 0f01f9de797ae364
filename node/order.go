package node

import (
	"cmp"
	"slices"
	"strings"

	"earshot/protocol"
)

// inAlbumOrder is the order that people expect of a list of tracks.
func inAlbumOrder(a, b protocol.Track) int {
	return cmp.Or(
		strings.Compare(a.Artist, b.Artist), strings.Compare(a.Album, b.Album),
		cmp.Compare(a.Disc, b.Disc), cmp.Compare(a.Number, b.Number), strings.Compare(a.Title, b.Title),
	)
}

// page cuts a list of tracks to what a query asks for.
func page(all []protocol.Track, q protocol.Query) protocol.Results {
	limit := q.Limit
	if limit == 0 || limit > protocol.MaxResults {
		limit = protocol.MaxResults
	}
	from := min(q.Offset, len(all))
	return protocol.Results{Total: len(all), Tracks: slices.Clone(all[from:min(from+limit, len(all))])}
}
