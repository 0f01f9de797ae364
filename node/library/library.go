package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
)

// The errors of a Library.
var (
	// ErrUnknownTrack: no file of the folder is this track.
	ErrUnknownTrack = errors.New("no such track in the library")
	// ErrChanged: the file has changed since it was scanned.
	ErrChanged = errors.New("the file has changed on disk: it is scanned again")
)

// Options say how to open a library.
type Options struct {
	Log *slog.Logger // nil: none
}

// Library is a folder of music and its catalogue. It is safe for concurrent use.
type Library struct {
	root     *os.Root
	path     string // of the music, without symbolic links
	database string // path of the database
	db       *sql.DB
	log      *slog.Logger
	scans    chan struct{} // one slot: held by the scan under way
	stale    chan struct{} // one slot: a file was found changed
	fresh    chan struct{} // one slot: there may be tracks to measure
	n        atomic.Int64  // tracks
	damaged  atomic.Bool   // the database was found damaged while it was used
}

// Open opens the library of the folder music, with its database in the folder
// data; both must exist. A database that is damaged, or of another version, is
// set aside; the next Scan makes it anew.
func Open(ctx context.Context, data, music string, o Options) (*Library, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Library{
		database: filepath.Join(data, databaseFile), log: o.Log,
		scans: make(chan struct{}, 1), stale: make(chan struct{}, 1), fresh: make(chan struct{}, 1),
	}
	if err := l.openFolder(music); err != nil {
		return nil, fmt.Errorf("opening the music folder: %w", err)
	}
	if err := l.openDatabase(ctx); err != nil {
		l.root.Close()
		return nil, fmt.Errorf("opening the library: %w", err)
	}
	return l, nil
}

func (l *Library) openFolder(music string) (err error) {
	if l.path, err = filepath.Abs(music); err != nil {
		return err
	}
	if l.path, err = filepath.EvalSymlinks(l.path); err != nil {
		return err
	}
	l.root, err = os.OpenRoot(l.path)
	return err
}

func (l *Library) openDatabase(ctx context.Context) (err error) {
	l.db, err = openDatabase(ctx, l.database, libraryTables)
	if isDamage(err) {
		l.log.Warn("the library's database is set aside and made anew", "err", err)
		if err := setAside(l.database); err != nil {
			return err
		}
		l.db, err = openDatabase(ctx, l.database, libraryTables)
	}
	if err != nil {
		return err
	}
	if err := l.count(ctx); err != nil {
		l.db.Close()
		return err
	}
	return nil
}

// Close closes the library. No method may be called after it, and none may be
// under way.
func (l *Library) Close() error {
	err := errors.Join(l.db.Close(), l.root.Close())
	if l.damaged.Load() {
		err = errors.Join(err, setAside(l.database))
	}
	return err
}

// Len returns how many tracks there are.
func (l *Library) Len() int { return int(l.n.Load()) }

func (l *Library) count(ctx context.Context) error {
	var n int64
	if err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM tracks").Scan(&n); err != nil {
		return err
	}
	l.n.Store(n)
	return nil
}

// failed wraps an error of the database, and notes where that is damaged.
func (l *Library) failed(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case isDamage(err):
		l.damaged.Store(true)
		return fmt.Errorf("%s: the library's database is damaged: stop and start again to make it anew: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
