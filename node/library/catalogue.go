package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"

	"earshot/node/control"
	"earshot/protocol"
)

// enter writes what files came to, all or nothing.
func (l *Library) enter(ctx context.Context, results []result) error {
	if len(results) == 0 {
		return nil
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("writing to the catalogue: %w", err)
	}
	defer tx.Rollback()
	for _, r := range results {
		if err := enterFile(ctx, tx, r); err != nil {
			return fmt.Errorf("writing to the catalogue: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("writing to the catalogue: %w", err)
	}
	return l.count(ctx)
}

func enterFile(ctx context.Context, tx *sql.Tx, r result) error {
	var before []byte
	err := tx.QueryRowContext(ctx, "SELECT id FROM files WHERE path = ?", []byte(r.path)).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if r.reason == errUnsettled.Error() {
		r.mtime = 0 // looked at again by the next scan
	}
	var id, reason any
	if r.reason == "" {
		id = r.header.ID[:]
	} else {
		reason = r.reason
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

func enterTrack(ctx context.Context, tx *sql.Tx, r result) error {
	t := &r.header.Track
	res, err := tx.ExecContext(ctx, `INSERT INTO tracks (id, title, artist, album, disc, number, year, header, cover_offset, cover_size)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		t.ID[:], t.Title, t.Artist, t.Album, t.Disc, t.Number, t.Year, protocol.AppendHeader(nil, &r.header), r.cover.offset, r.cover.size)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err // another file has the same bytes
	}
	row, err := res.LastInsertId()
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, "INSERT INTO words (rowid, title, artist, album) VALUES (?, ?, ?, ?)", row, t.Title, t.Artist, t.Album); err != nil {
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
		"DELETE FROM words WHERE rowid = (SELECT rowid FROM tracks WHERE id = ?)",
		"DELETE FROM tracks WHERE id = ?",
		"DELETE FROM proofs WHERE id = ?",
	} {
		if _, err := tx.ExecContext(ctx, q, id); err != nil {
			return err
		}
	}
	return nil
}

// dropMissing takes out the files that the walk has not seen.
func (l *Library) dropMissing(ctx context.Context, files map[string]*known) error {
	var tx *sql.Tx
	for path, k := range files {
		if k.seen {
			continue
		}
		if tx == nil {
			var err error
			if tx, err = l.db.BeginTx(ctx, nil); err != nil {
				return err
			}
			defer tx.Rollback()
		}
		var id []byte
		if err := tx.QueryRowContext(ctx, "DELETE FROM files WHERE path = ? RETURNING id", []byte(path)).Scan(&id); err != nil {
			return err
		}
		if id != nil {
			if err := dropTrack(ctx, tx, id); err != nil {
				return err
			}
		}
	}
	if tx == nil {
		return nil
	}
	return tx.Commit()
}

// Header returns a track's header, in some 30 us. It fails with ErrUnknownTrack.
func (l *Library) Header(ctx context.Context, id protocol.ID) (protocol.Header, error) {
	var b []byte
	if err := l.one(ctx, &b, "SELECT header FROM tracks WHERE id = ?", id); err != nil {
		return protocol.Header{}, err
	}
	return protocol.ParseHeader(b)
}

// Proof returns a track's proof tree. It fails with ErrUnknownTrack.
func (l *Library) Proof(ctx context.Context, id protocol.ID) ([]byte, error) {
	var tree []byte
	return tree, l.one(ctx, &tree, "SELECT tree FROM proofs WHERE id = ?", id)
}

func (l *Library) one(ctx context.Context, b *[]byte, query string, id protocol.ID) error {
	err := l.db.QueryRowContext(ctx, query, id[:]).Scan(b)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknownTrack
	}
	if err != nil {
		return fmt.Errorf("reading the catalogue: %w", err)
	}
	return nil
}

// Content opens a file that is the track. It fails with ErrUnknownTrack, and
// with ErrChanged where the file is not what was scanned.
func (l *Library) Content(ctx context.Context, id protocol.ID) (*os.File, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT path, size, mtime FROM files WHERE id = ?", id[:])
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	defer rows.Close()
	failed := error(ErrUnknownTrack)
	for rows.Next() {
		var path []byte
		var size, mtime int64
		if err := rows.Scan(&path, &size, &mtime); err != nil {
			return nil, fmt.Errorf("reading the catalogue: %w", err)
		}
		f, err := l.root.OpenFile(string(path), os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			info, serr := f.Stat()
			if serr == nil && info.Size() == size && info.ModTime().UnixNano() == mtime {
				return f, nil
			}
			f.Close()
			err = ErrChanged
		}
		failed = fmt.Errorf("opening %q: %w", path, err)
		select {
		case l.stale <- struct{}{}:
		default:
		}
	}
	return nil, errors.Join(rows.Err(), failed)
}

// Skipped lists the files that could not be taken, by path.
func (l *Library) Skipped(ctx context.Context) ([]control.Skipped, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT path, reason FROM files WHERE reason IS NOT NULL ORDER BY path")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	defer rows.Close()
	skipped := []control.Skipped{}
	for rows.Next() {
		var path []byte
		var s control.Skipped
		if err := rows.Scan(&path, &s.Reason); err != nil {
			return nil, fmt.Errorf("reading the catalogue: %w", err)
		}
		s.Path = string(path)
		skipped = append(skipped, s)
	}
	return skipped, rows.Err()
}
