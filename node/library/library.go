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

	_ "modernc.org/sqlite" // the database: SQLite in Go, with FTS5
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
	root  *os.Root
	path  string // of the music
	db    *sql.DB
	log   *slog.Logger
	scans chan struct{} // one slot: held by the scan under way
	stale chan struct{} // one slot: a file was found changed
	n     atomic.Int64  // tracks
}

const (
	databaseFile = "library.db"
	// schemaVersion changes whenever the tables do; a database of another
	// version is set aside, as all in it can be had from the folder.
	schemaVersion = 1
	// connections lets searches go on beside a scan's one writer.
	connections = 4
)

const schema = `
CREATE TABLE files (
	path   BLOB PRIMARY KEY,
	size   INTEGER NOT NULL,
	mtime  INTEGER NOT NULL,
	id     BLOB,
	reason TEXT
) WITHOUT ROWID;
CREATE INDEX files_id ON files (id) WHERE id IS NOT NULL;
CREATE INDEX files_reason ON files (path) WHERE reason IS NOT NULL;
CREATE TABLE tracks (
	rowid  INTEGER PRIMARY KEY,
	id     BLOB NOT NULL UNIQUE,
	title  TEXT NOT NULL,
	artist TEXT NOT NULL,
	album  TEXT NOT NULL,
	disc   INTEGER NOT NULL,
	number INTEGER NOT NULL,
	year   INTEGER NOT NULL,
	header BLOB NOT NULL,
	cover_offset INTEGER NOT NULL,
	cover_size   INTEGER NOT NULL
);
CREATE INDEX tracks_order ON tracks (artist COLLATE NOCASE, album COLLATE NOCASE, disc, number, title COLLATE NOCASE);
CREATE TABLE proofs (id BLOB PRIMARY KEY, tree BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (title, artist, album, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
`

// Open opens the library of the folder music, with its database in the folder
// data; both must exist. A damaged database is set aside and made anew by the
// next Scan.
func Open(ctx context.Context, data, music string, o Options) (*Library, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	root, err := os.OpenRoot(music)
	if err != nil {
		return nil, fmt.Errorf("opening the music folder: %w", err)
	}
	l := &Library{root: root, path: music, log: o.Log, scans: make(chan struct{}, 1), stale: make(chan struct{}, 1)}
	path := filepath.Join(data, databaseFile)
	if l.db, err = openDatabase(ctx, path); err != nil {
		l.log.Warn("the library's database is set aside and made anew", "err", err)
		for _, suffix := range []string{"-wal", "-shm"} {
			os.Remove(path + suffix)
		}
		if err := os.Rename(path, path+".damaged"); err != nil && !errors.Is(err, os.ErrNotExist) {
			root.Close()
			return nil, fmt.Errorf("opening the library: %w", err)
		}
		if l.db, err = openDatabase(ctx, path); err != nil {
			root.Close()
			return nil, fmt.Errorf("opening the library: %w", err)
		}
	}
	if err := l.count(ctx); err != nil {
		l.Close()
		return nil, fmt.Errorf("opening the library: %w", err)
	}
	return l, nil
}

// openDatabase opens the database, making its tables in a new one. In WAL mode
// readers do not wait for the writer; synchronous=NORMAL may lose the last
// commits at a power failure, never the database's soundness, and the next scan
// finds them again.
func openDatabase(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := prepare(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func prepare(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch version {
	case schemaVersion:
		var ok string
		if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&ok); err != nil {
			return err
		}
		if ok != "ok" {
			return errors.New(ok)
		}
		return nil
	case 0:
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)); err != nil {
			return err
		}
		return tx.Commit()
	}
	return fmt.Errorf("its tables are of version %d, not %d", version, schemaVersion)
}

// Close closes the library. No method may be called after it, and none may be
// under way.
func (l *Library) Close() error {
	return errors.Join(l.db.Close(), l.root.Close())
}

// Len returns how many tracks there are.
func (l *Library) Len() int { return int(l.n.Load()) }

func (l *Library) count(ctx context.Context) error {
	var n int64
	err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM tracks").Scan(&n)
	l.n.Store(n)
	return err
}
