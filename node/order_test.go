package node

import (
	"slices"
	"testing"

	"earshot/node/library"
	"earshot/protocol"
)

func TestWhatTheCacheHoldsIsListedAsTheCatalogueIs(t *testing.T) {
	all := []protocol.Track{
		{Artist: "Bach", Album: "Suites", Title: "Air", Number: 2},
		{Artist: "Petzold", Album: "Notebook", Title: "Minuet", Year: 1725},
		{Artist: "Bach", Album: "Inventions", Title: "1", Year: 1723},
		{Artist: "Bach", Album: "Suites", Title: "Overture", Number: 1, Year: 1730},
	}
	library.Sort(all)
	titles := func(r protocol.Results) (titles []string) {
		for _, t := range r.Tracks {
			titles = append(titles, t.Title)
		}
		return titles
	}
	if r := listed(all, protocol.Query{Kind: protocol.QueryTracks}); r.Total != 4 || !slices.Equal(titles(r), []string{"1", "Overture", "Air", "Minuet"}) {
		t.Errorf("tracks: %+v", r)
	}
	if r := listed(all, protocol.Query{Kind: protocol.QueryTracks, Offset: 1, Limit: 2}); r.Total != 4 || !slices.Equal(titles(r), []string{"Overture", "Air"}) {
		t.Errorf("some tracks: %+v", r)
	}
	if r := listed(all, protocol.Query{Kind: protocol.QueryTracks, Offset: 9}); r.Total != 4 || len(r.Tracks) != 0 {
		t.Errorf("beyond the end: %+v", r)
	}
	albums := []protocol.Group{{Artist: "Bach", Album: "Inventions", Year: 1723, Tracks: 1}, {Artist: "Bach", Album: "Suites", Year: 1730, Tracks: 2}, {Artist: "Petzold", Album: "Notebook", Year: 1725, Tracks: 1}}
	if r := listed(all, protocol.Query{Kind: protocol.QueryAlbums}); r.Total != 3 || !slices.Equal(r.Groups, albums) {
		t.Errorf("albums: %+v", r)
	}
	if r := listed(all, protocol.Query{Kind: protocol.QueryArtists, Limit: 1}); r.Total != 2 || !slices.Equal(r.Groups, []protocol.Group{{Artist: "Bach", Tracks: 3}}) {
		t.Errorf("artists: %+v", r)
	}
}
