package library

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"earshot/protocol"
)

// inOrder is the order that people expect of a list of tracks.
const inOrder = "artist_key, album_key, disc, number, title_key, id"

// Sort puts tracks in that order, as a search does.
func Sort(tracks []protocol.Track) {
	type keyed struct {
		artist, album, title string
		protocol.Track
	}
	all := make([]keyed, 0, len(tracks))
	for _, t := range tracks {
		all = append(all, keyed{fold(t.Artist), fold(t.Album), fold(t.Title), t})
	}
	slices.SortFunc(all, func(a, b keyed) int {
		return cmp.Or(
			strings.Compare(a.artist, b.artist), strings.Compare(a.album, b.album),
			cmp.Compare(a.Disc, b.Disc), cmp.Compare(a.Number, b.Number), strings.Compare(a.title, b.title),
			bytes.Compare(a.ID[:], b.ID[:]),
		)
	})
	for i, k := range all {
		tracks[i] = k.Track
	}
}

// Search answers a query. Words match the beginnings of words in title, artist
// and album, whatever their accents and case; all must.
func (l *Library) Search(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	r, err := catalogue{l.db, "header", headerTrack}.search(ctx, q)
	return r, l.failed("searching", err)
}

// headerTrack reads the track of a row that holds its header.
func headerTrack(rows *sql.Rows) (protocol.Track, error) {
	var b []byte
	if err := rows.Scan(&b); err != nil {
		return protocol.Track{}, err
	}
	h, err := protocol.ParseHeader(b)
	if err != nil {
		return protocol.Track{}, fmt.Errorf("%w: a track's header: %w", errUnsound, err)
	}
	return h.Track, nil
}

// catalogue is a database that can be searched: of tracks, with the keys that
// they are sorted and compared by, and their words.
type catalogue struct {
	db      *sql.DB
	columns string // of a row of tracks that make a track
	track   func(*sql.Rows) (protocol.Track, error)
}

func (c catalogue) search(ctx context.Context, q protocol.Query) (r protocol.Results, err error) {
	if q.Limit <= 0 || q.Limit > protocol.MaxResults {
		q.Limit = protocol.MaxResults
	}
	q.Offset = max(q.Offset, 0)
	switch q.Kind {
	case protocol.QueryWords:
		if match := matchExpression(q.Text); match != "" {
			r, err = c.tracks(ctx, q, "words WHERE words MATCH ?", []any{match},
				"tracks WHERE row IN (SELECT rowid FROM %s) ORDER BY title_key = ? DESC, "+inOrder, fold(strings.TrimSpace(q.Text)))
		}
	case protocol.QueryPrefix:
		if low, high, ok := prefixRange(q.Text); ok {
			r, err = c.tracks(ctx, q, "tracks WHERE id BETWEEN ? AND ?", []any{low, high}, "%s ORDER BY id")
		}
	case protocol.QueryTracks:
		r, err = c.tracks(ctx, q, "tracks", nil, "%s ORDER BY "+inOrder)
	case protocol.QueryAlbums:
		r, err = c.groups(ctx, q, "artist, album, max(year)", "artist_key, album_key")
	case protocol.QueryArtists:
		r, err = c.groups(ctx, q, "artist, '', 0", "artist_key")
	} // else: a kind of a later version, of which there is nothing
	return r, err
}

// tracks returns the tracks that match, which a condition says, in an order: the
// rest of the query, with %s for the condition.
func (c catalogue) tracks(ctx context.Context, q protocol.Query, match string, args []any, ordered string, orderArgs ...any) (r protocol.Results, err error) {
	if err := c.db.QueryRowContext(ctx, "SELECT count(*) FROM "+match, args...).Scan(&r.Total); err != nil {
		return r, err
	}
	args = append(append(args, orderArgs...), q.Limit, q.Offset)
	rows, err := c.db.QueryContext(ctx, "SELECT "+c.columns+" FROM "+fmt.Sprintf(ordered, match)+" LIMIT ? OFFSET ?", args...)
	if err != nil {
		return r, err
	}
	defer rows.Close()
	for rows.Next() {
		t, err := c.track(rows)
		if err != nil {
			return r, err
		}
		r.Tracks = append(r.Tracks, t)
	}
	return r, rows.Err()
}

func (c catalogue) groups(ctx context.Context, q protocol.Query, columns, by string) (r protocol.Results, err error) {
	from := "FROM tracks GROUP BY " + by
	if err := c.db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 "+from+")").Scan(&r.Total); err != nil {
		return r, err
	}
	rows, err := c.db.QueryContext(ctx, "SELECT "+columns+", count(*) "+from+" ORDER BY "+by+" LIMIT ? OFFSET ?", q.Limit, q.Offset)
	if err != nil {
		return r, err
	}
	defer rows.Close()
	for rows.Next() {
		var g protocol.Group
		if err := rows.Scan(&g.Artist, &g.Album, &g.Year, &g.Tracks); err != nil {
			return r, err
		}
		r.Groups = append(r.Groups, g)
	}
	return r, rows.Err()
}

// maxWords bounds the words of a query: each costs a look-up.
const maxWords = 32

// matchExpression makes an FTS5 expression of what someone typed: only letters
// and digits get through, each word quoted. It is empty if there is none.
func matchExpression(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.M, r)
	})
	var b strings.Builder
	for _, w := range words[:min(len(words), maxWords)] {
		fmt.Fprintf(&b, `"%s"* `, w)
	}
	return b.String()
}

// prefixRange returns the first and the last ID that begin so in hexadecimal.
func prefixRange(prefix string) (low, high []byte, ok bool) {
	if len(prefix) == 0 || len(prefix) > 64 {
		return nil, nil, false
	}
	low, err := hex.DecodeString(prefix + strings.Repeat("0", 64-len(prefix)))
	if err != nil {
		return nil, nil, false
	}
	high, _ = hex.DecodeString(prefix + strings.Repeat("f", 64-len(prefix)))
	return low, high, true
}
