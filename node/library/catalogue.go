package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"earshot/node/control"
	"earshot/protocol"
)

// Header returns a track's header, in some 15 us. It fails with ErrUnknownTrack.
func (l *Library) Header(ctx context.Context, id protocol.ID) (protocol.Header, error) {
	h, m, err := l.header(ctx, id)
	h.Loudness = m.fill(h.Loudness)
	return h, err
}

// header returns a track's header, with the loudness that its tags tell, and the one that
// was measured.
func (l *Library) header(ctx context.Context, id protocol.ID) (h protocol.Header, m measured, err error) {
	var b []byte
	err = l.one(ctx, id, `SELECT t.header, ifnull(m.gain, 0), ifnull(m.peak, 0), ifnull(m.album_gain, 0), ifnull(m.album_peak, 0)
		FROM tracks t LEFT JOIN loudness m ON m.id = t.id WHERE t.id = ?`,
		&b, &m.TrackGain, &m.TrackPeak, &m.AlbumGain, &m.AlbumPeak)
	if err != nil {
		return h, m, err
	}
	h, err = protocol.ParseHeader(b)
	if err != nil {
		err = l.failed("reading the catalogue", fmt.Errorf("%w: a track's header: %w", errUnsound, err))
	}
	return h, m, err
}

// Proof returns a track's proof tree. It fails with ErrUnknownTrack.
func (l *Library) Proof(ctx context.Context, id protocol.ID) ([]byte, error) {
	var tree []byte
	return tree, l.one(ctx, id, "SELECT tree FROM proofs WHERE id = ?", &tree)
}

// one reads one row of the track id.
func (l *Library) one(ctx context.Context, id protocol.ID, query string, into ...any) error {
	err := l.db.QueryRowContext(ctx, query, id[:]).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknownTrack
	}
	return l.failed("reading the catalogue", err)
}

// copyOf is a file that is a track.
type copyOf struct {
	path        string
	size, mtime int64
}

// Content opens a file that is the track. It fails with ErrUnknownTrack, and
// with ErrChanged where the file is not what was scanned; Watch then scans.
func (l *Library) Content(ctx context.Context, id protocol.ID) (*os.File, error) {
	copies, err := l.copies(ctx, id)
	if err != nil {
		return nil, l.failed("reading the catalogue", err)
	}
	failed := error(ErrUnknownTrack)
	for _, c := range copies {
		f, err := l.open(c)
		if err == nil {
			return f, nil
		}
		failed = fmt.Errorf("opening %q: %w", c.path, err)
		select {
		case l.stale <- struct{}{}:
		default:
		}
	}
	return nil, failed
}

func (l *Library) copies(ctx context.Context, id protocol.ID) (all []copyOf, err error) {
	rows, err := l.db.QueryContext(ctx, "SELECT path, size, mtime FROM files WHERE id = ?", id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var path []byte
		var c copyOf
		if err := rows.Scan(&path, &c.size, &c.mtime); err != nil {
			return nil, err
		}
		c.path = string(path)
		all = append(all, c)
	}
	return all, rows.Err()
}

func (l *Library) open(c copyOf) (*os.File, error) {
	f, err := openInside(l.root, c.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrChanged
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.Size() != c.size || info.ModTime().UnixNano() != c.mtime {
		f.Close()
		return nil, ErrChanged
	}
	return f, nil
}

// Skipped lists the files that could not be taken, by path. Paths are as on disk:
// they may hold any byte but zero.
func (l *Library) Skipped(ctx context.Context) ([]control.Skipped, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT path, reason FROM files WHERE reason IS NOT NULL ORDER BY path")
	if err != nil {
		return nil, l.failed("reading the catalogue", err)
	}
	defer rows.Close()
	skipped := []control.Skipped{}
	for rows.Next() {
		var path []byte
		var s control.Skipped
		if err := rows.Scan(&path, &s.Reason); err != nil {
			return nil, l.failed("reading the catalogue", err)
		}
		s.Path = string(path)
		skipped = append(skipped, s)
	}
	return skipped, l.failed("reading the catalogue", rows.Err())
}
