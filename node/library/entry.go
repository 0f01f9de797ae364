package library

import (
	"context"
	"database/sql"
	"errors"

	"earshot/protocol"
)

// known returns what the database has of each file, by path.
func (l *Library) known(ctx context.Context) (map[string]*known, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT path, size, mtime, ifnull(reason, '') FROM files")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	files := map[string]*known{}
	for rows.Next() {
		var path []byte
		k := new(known)
		if err := rows.Scan(&path, &k.size, &k.mtime, &k.reason); err != nil {
			return nil, err
		}
		files[string(path)] = k
	}
	return files, rows.Err()
}

// enterFile writes what a file came to, and takes out the track that it was.
func enterFile(ctx context.Context, tx *sql.Tx, r result) error {
	var before []byte
	err := tx.QueryRowContext(ctx, "SELECT id FROM files WHERE path = ?", []byte(r.path)).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var id, reason any
	if r.reason == "" {
		id = r.header.ID[:]
	} else {
		reason = r.reason
	}
	if r.again {
		r.size = tryAgain
	}
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO files (path, size, mtime, id, reason) VALUES (?, ?, ?, ?, ?)",
		[]byte(r.path), r.size, r.mtime, id, reason)
	if err != nil {
		return err
	}
	if r.reason == "" {
		if err := enterTrack(ctx, tx, r); err != nil {
			return err
		}
	}
	if before != nil && string(before) != string(r.header.ID[:]) {
		return dropTrack(ctx, tx, before)
	}
	return nil
}

// enterTrack writes a track. One that is there already may have got another name,
// with its file.
func enterTrack(ctx context.Context, tx *sql.Tx, r result) error {
	t := &r.header.Track
	var row int64
	err := tx.QueryRowContext(ctx, `INSERT INTO tracks (id, artist_key, album_key, title_key, artist, album, disc, number, year, header)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET album_key = excluded.album_key, title_key = excluded.title_key, album = excluded.album, header = excluded.header
		RETURNING row`,
		t.ID[:], fold(t.Artist), fold(t.Album), fold(t.Title), t.Artist, t.Album, t.Disc, t.Number, t.Year,
		protocol.AppendHeader(nil, &r.header)).Scan(&row)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO words (rowid, title, artist, album) VALUES (?, ?, ?, ?)", row, t.Title, t.Artist, t.Album); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO proofs (id, tree) VALUES (?, ?)", t.ID[:], r.tree)
	return err
}

// dropTrack takes a track out if no file is it any more.
func dropTrack(ctx context.Context, tx *sql.Tx, id []byte) error {
	var files int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM files WHERE id = ?", id).Scan(&files); err != nil || files > 0 {
		return err
	}
	for _, q := range []string{
		"DELETE FROM words WHERE rowid = (SELECT row FROM tracks WHERE id = ?)",
		"DELETE FROM tracks WHERE id = ?",
		"DELETE FROM proofs WHERE id = ?",
		"DELETE FROM loudness WHERE id = ?",
	} {
		if _, err := tx.ExecContext(ctx, q, id); err != nil {
			return err
		}
	}
	return nil
}

// dropMissing takes out the files that the walk has not seen.
func (l *Library) dropMissing(ctx context.Context, files map[string]*known) error {
	var missing []string
	for path, k := range files {
		if !k.seen {
			missing = append(missing, path)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, path := range missing {
		var id []byte
		if err := tx.QueryRowContext(ctx, "DELETE FROM files WHERE path = ? RETURNING id", []byte(path)).Scan(&id); err != nil {
			return err
		}
		if id == nil {
			continue
		}
		if err := dropTrack(ctx, tx, id); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return l.count(ctx)
}
