package protocol

// QueryKind says what a Query looks for. Numbers are on the wire: never renumber.
type QueryKind uint8

// The kinds of query.
const (
	QueryWords   QueryKind = 0 // tracks whose tags hold every word, or a word that begins so
	QueryPrefix  QueryKind = 1 // tracks whose ID begins with Text, in hexadecimal
	QueryTracks  QueryKind = 2 // all tracks; Text is ignored
	QueryAlbums  QueryKind = 3 // all albums
	QueryArtists QueryKind = 4 // all artists
)

// Query asks the catalogue. Results come in the order people expect: an exact
// title first, then by artist, album, disc and number.
type Query struct {
	Kind   QueryKind
	Text   string // at most MaxQueryText bytes
	Offset int    // results to pass over, for long lists
	Limit  int    // results to return; 0 means MaxResults, which is the most
}

// Bounds of a query.
const (
	MaxQueryText = 512 // bytes: more than anyone types
	MaxResults   = 200 // entries: some 40 KB on the wire, a second at 320 kbit/s
)

// Results answers a Query.
type Results struct {
	Total  int     `json:"total"` // matches in all, of which these are some
	Tracks []Track `json:"tracks,omitempty"`
	Groups []Group `json:"groups,omitempty"` // for QueryAlbums and QueryArtists
}

// Group is an album or an artist of the catalogue.
type Group struct {
	Artist string `json:"artist"`
	Album  string `json:"album,omitempty"`
	Year   int    `json:"year,omitempty"`
	Tracks int    `json:"tracks"`
}
