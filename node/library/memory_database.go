package library

import (
	"context"
	"database/sql"
	"errors"

	"earshot/protocol"
)

// memorySchema has what a search needs. The words keep no copy of their text
// (sqlite.org/fts5.html, section 4.4.2). seen is a day since 1970: which of two
// was seen later on one day does not matter.
const memorySchema = `
CREATE TABLE tracks (
	row    INTEGER PRIMARY KEY,
	id     BLOB NOT NULL UNIQUE,
	artist_key TEXT NOT NULL,
	album_key  TEXT NOT NULL,
	title_key  TEXT NOT NULL,
	artist TEXT NOT NULL,
	album  TEXT NOT NULL,
	title  TEXT NOT NULL,
	disc   INTEGER NOT NULL,
	number INTEGER NOT NULL,
	year   INTEGER NOT NULL,
	duration INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	bitrate  INTEGER NOT NULL,
	seen     INTEGER NOT NULL
);
CREATE INDEX tracks_seen ON tracks (seen);
CREATE VIRTUAL TABLE words USING fts5 (title, artist, album, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
`

// memoryTables are those of a Memory. They are not checked as a whole when they
// are opened, which would take longer than what they are opened for; damage shows
// when it is met, and costs what can be seen again.
var memoryTables = tables{version: 1, schema: memorySchema, connections: 1}

const entryColumns = "id, title, artist, album, disc, number, year, duration, size, bitrate"

// entryTrack reads the track of a row of a Memory.
func entryTrack(rows *sql.Rows) (t protocol.Track, err error) {
	var id []byte
	err = rows.Scan(&id, &t.Title, &t.Artist, &t.Album, &t.Disc, &t.Number, &t.Year, &t.Duration, &t.Size, &t.Bitrate)
	if err == nil && copy(t.ID[:], id) != len(t.ID) {
		err = errUnsound
	}
	return t, err
}

// remember writes an entry, unless it is there already, seen today.
const remember = `INSERT INTO tracks (id, artist_key, album_key, title_key, artist, album, title, disc, number, year, duration, size, bitrate, seen)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET
		artist_key = excluded.artist_key, album_key = excluded.album_key, title_key = excluded.title_key,
		artist = excluded.artist, album = excluded.album, title = excluded.title,
		disc = excluded.disc, number = excluded.number, year = excluded.year,
		duration = excluded.duration, size = excluded.size, bitrate = excluded.bitrate, seen = excluded.seen
	WHERE (artist, album, title, disc, number, year, seen) IS NOT
		(excluded.artist, excluded.album, excluded.title, excluded.disc, excluded.number, excluded.year, excluded.seen)
	RETURNING row`

// enter writes entries, and lets the oldest go where they are too many.
func (m *Memory) enter(ctx context.Context, tracks []protocol.Track) error {
	const day = 24 * 60 * 60
	today := m.now().Unix() / day
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, t := range tracks {
		var row int64
		err := tx.QueryRowContext(ctx, remember, t.ID[:], fold(t.Artist), fold(t.Album), fold(t.Title), t.Artist, t.Album, t.Title,
			t.Disc, t.Number, t.Year, t.Duration, t.Size, t.Bitrate, today).Scan(&row)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO words (rowid, title, artist, album) VALUES (?, ?, ?, ?)", row, t.Title, t.Artist, t.Album); err != nil {
			return err
		}
	}
	if err := m.shrink(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// shrink lets the entries go that were seen longest ago: those beyond the number,
// and a quarter of all where the bytes come near what they may be.
func (m *Memory) shrink(ctx context.Context, tx *sql.Tx) error {
	var entries, pages, free, pageSize int64
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM tracks), page_count, freelist_count, page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&entries, &pages, &free, &pageSize)
	if err != nil {
		return err
	}
	excess := max(0, entries-int64(m.entries))
	crowded := (pages-free)*pageSize > m.bytes-m.bytes/8 // a transaction adds 1 MB at the most
	if crowded {
		excess = max(excess, entries/4)
	}
	if excess == 0 {
		return nil
	}
	const oldest = "(SELECT row FROM tracks ORDER BY seen, row LIMIT ?)"
	if _, err := tx.ExecContext(ctx, "DELETE FROM words WHERE rowid IN "+oldest, excess); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM tracks WHERE row IN "+oldest, excess); err != nil {
		return err
	}
	if crowded { // the words of what has gone take room until they are merged
		_, err = tx.ExecContext(ctx, "INSERT INTO words (words) VALUES ('optimize')")
	}
	return err
}
