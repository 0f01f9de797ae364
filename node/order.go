package node

import (
	"slices"

	"earshot/protocol"
)

// listed is what a query asks for of tracks in album order.
func listed(all []protocol.Track, q protocol.Query) protocol.Results {
	if q.Kind == protocol.QueryAlbums || q.Kind == protocol.QueryArtists {
		groups := grouped(all, q.Kind == protocol.QueryAlbums)
		return protocol.Results{Total: len(groups), Groups: page(groups, q)}
	}
	return protocol.Results{Total: len(all), Tracks: page(all, q)}
}

// grouped gathers tracks in album order by artist, and by album too.
func grouped(all []protocol.Track, albums bool) (groups []protocol.Group) {
	for _, t := range all {
		g := protocol.Group{Artist: t.Artist, Tracks: 1}
		if albums {
			g.Album, g.Year = t.Album, t.Year
		}
		if last := len(groups) - 1; last >= 0 && groups[last].Artist == g.Artist && groups[last].Album == g.Album {
			groups[last].Tracks++
			groups[last].Year = max(groups[last].Year, g.Year)
			continue
		}
		groups = append(groups, g)
	}
	return groups
}

// page cuts a list to the part that a query asks for.
func page[T any](all []T, q protocol.Query) []T {
	limit := q.Limit
	if limit == 0 || limit > protocol.MaxResults {
		limit = protocol.MaxResults
	}
	from := min(q.Offset, len(all))
	return slices.Clone(all[from:min(from+limit, len(all))])
}
