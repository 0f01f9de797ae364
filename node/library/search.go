package library

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"earshot/protocol"
)

// inOrder is the order that people expect of a list of tracks.
const inOrder = "artist_key, album_key, disc, number, title_key, id"

// Search answers a query. Words match the beginnings of words in title, artist
// and album, whatever their accents and case; all must.
func (l *Library) Search(ctx context.Context, q protocol.Query) (r protocol.Results, err error) {
	if q.Limit <= 0 || q.Limit > protocol.MaxResults {
		q.Limit = protocol.MaxResults
	}
	q.Offset = max(q.Offset, 0)
	switch q.Kind {
	case protocol.QueryWords:
		if match := matchExpression(q.Text); match != "" {
			r, err = l.tracks(ctx, q, "words WHERE words MATCH ?", []any{match},
				"tracks WHERE row IN (SELECT rowid FROM %s) ORDER BY title_key = ? DESC, "+inOrder, fold(strings.TrimSpace(q.Text)))
		}
	case protocol.QueryPrefix:
		if low, high, ok := prefixRange(q.Text); ok {
			r, err = l.tracks(ctx, q, "tracks WHERE id BETWEEN ? AND ?", []any{low, high}, "%s ORDER BY id")
		}
	case protocol.QueryTracks:
		r, err = l.tracks(ctx, q, "tracks", nil, "%s ORDER BY "+inOrder)
	case protocol.QueryAlbums:
		r, err = l.groups(ctx, q, "artist, album, max(year)", "artist_key, album_key")
	case protocol.QueryArtists:
		r, err = l.groups(ctx, q, "artist, '', 0", "artist_key")
	} // else: a kind of a later version, of which there is nothing
	return r, l.failed("searching", err)
}

// tracks returns the tracks that match, which a condition says, in an order: the
// rest of the query, with %s for the condition.
func (l *Library) tracks(ctx context.Context, q protocol.Query, match string, args []any, ordered string, orderArgs ...any) (r protocol.Results, err error) {
	if err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM "+match, args...).Scan(&r.Total); err != nil {
		return r, err
	}
	args = append(append(args, orderArgs...), q.Limit, q.Offset)
	rows, err := l.db.QueryContext(ctx, "SELECT header FROM "+fmt.Sprintf(ordered, match)+" LIMIT ? OFFSET ?", args...)
	if err != nil {
		return r, err
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return r, err
		}
		h, err := protocol.ParseHeader(b)
		if err != nil {
			return r, fmt.Errorf("%w: a track's header: %w", errUnsound, err)
		}
		r.Tracks = append(r.Tracks, h.Track)
	}
	return r, rows.Err()
}

func (l *Library) groups(ctx context.Context, q protocol.Query, columns, by string) (r protocol.Results, err error) {
	from := "FROM tracks GROUP BY " + by
	if err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 "+from+")").Scan(&r.Total); err != nil {
		return r, err
	}
	rows, err := l.db.QueryContext(ctx, "SELECT "+columns+", count(*) "+from+" ORDER BY "+by+" LIMIT ? OFFSET ?", q.Limit, q.Offset)
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
