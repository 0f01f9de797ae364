package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	databaseFile = "library.db"
	// schemaVersion changes whenever the tables do, or what is made of a file
	// does: a database of another version is made anew from the folder, which
	// measures all loudness again, unless an upgrade does.
	schemaVersion = 5
	// connections lets searches go on beside a scan's one writer.
	connections = 4
)

// Paths are blobs: file names need not be UTF-8. The keys are what tracks are
// sorted and compared by (fold). What was measured of a track stands beside it, as it comes
// later and stays when a file moves. The proof trees have a table of their own, so
// that the rest, 1 KB a track, stays in memory.
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
	row    INTEGER PRIMARY KEY,
	id     BLOB NOT NULL UNIQUE,
	artist_key TEXT NOT NULL,
	album_key  TEXT NOT NULL,
	title_key  TEXT NOT NULL,
	artist TEXT NOT NULL,
	album  TEXT NOT NULL,
	disc   INTEGER NOT NULL,
	number INTEGER NOT NULL,
	year   INTEGER NOT NULL,
	header BLOB NOT NULL
);
CREATE INDEX tracks_order ON tracks (artist_key, album_key, disc, number, title_key, id);
CREATE TABLE loudness (
	id     BLOB PRIMARY KEY,
	blocks BLOB NOT NULL,
	gain   INTEGER NOT NULL,
	peak   INTEGER NOT NULL,
	album_gain INTEGER,
	album_peak INTEGER
) WITHOUT ROWID;
CREATE TABLE proofs (id BLOB PRIMARY KEY, tree BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (title, artist, album, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
`

// upgrade makes the tables of the version before into today's: where the pictures of
// tracks are was kept, and used by nothing.
const upgrade = `
ALTER TABLE tracks DROP COLUMN cover_offset;
ALTER TABLE tracks DROP COLUMN cover_size;
ALTER TABLE tracks DROP COLUMN cover_mime;
`

// tables are what a database is made of, and how many use it at once.
type tables struct {
	version     int    // of the schema
	schema      string // in SQL
	upgrade     string // from the version before, in SQL; empty if there is none
	checked     []string
	connections int
}

// libraryTables are those of a Library.
var libraryTables = tables{schemaVersion, schema, upgrade, []string{"files", "tracks"}, connections}

// openDatabase opens a database, making its tables in a new one. In WAL mode
// readers do not wait for the writer; synchronous=NORMAL may lose the last
// commits at a power failure, never the database's soundness, and the next scan
// finds them again.
func openDatabase(ctx context.Context, path string, of tables) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(of.connections)
	db.SetMaxIdleConns(of.connections)
	if err := of.prepare(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// errUnsound is the damage that the database itself does not report.
var errUnsound = errors.New("it is not as it was left")

func (of tables) prepare(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch version {
	case of.version:
		return of.check(ctx, db)
	case 0:
		return of.create(ctx, db)
	case of.version - 1:
		if of.upgrade != "" {
			return of.renew(ctx, db)
		}
	}
	return fmt.Errorf("%w: its tables are of version %d, not %d", errUnsound, version, of.version)
}

// check looks through the small tables. The proof trees, 20 KB a track, would
// take seconds, and verify themselves where they are used.
func (of tables) check(ctx context.Context, db *sql.DB) error {
	for _, table := range of.checked {
		var found string
		if err := db.QueryRowContext(ctx, "PRAGMA quick_check("+table+")").Scan(&found); code(err) == sqlite3.SQLITE_ERROR {
			return fmt.Errorf("%w: %w", errUnsound, err) // it lacks the table
		} else if err != nil {
			return err
		}
		if found != "ok" {
			return fmt.Errorf("%w: %s", errUnsound, found)
		}
	}
	return nil
}

func (of tables) create(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var tables int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		return fmt.Errorf("%w: it has tables, but no version", errUnsound)
	}
	return of.commit(ctx, tx, of.schema)
}

// renew upgrades a sound database of the version before.
func (of tables) renew(ctx context.Context, db *sql.DB) error {
	if err := of.check(ctx, db); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := of.commit(ctx, tx, of.upgrade); code(err) == sqlite3.SQLITE_ERROR {
		return fmt.Errorf("%w: %w", errUnsound, err) // it is not what its version says
	} else if err != nil {
		return err
	}
	return nil
}

// commit changes the tables, and says of which version they are now.
func (of tables) commit(ctx context.Context, tx *sql.Tx, change string) error {
	if _, err := tx.ExecContext(ctx, change+fmt.Sprintf("PRAGMA user_version = %d", of.version)); err != nil {
		return err
	}
	return tx.Commit()
}

// isDamage reports whether an error says that the database itself is bad, rather
// than that it cannot be used now (a full disk, a context that ended).
func isDamage(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB || errors.Is(err, errUnsound)
}

// code returns the result code (sqlite.org/rescode.html) of an error, without its
// extended part; 0 where it is no error of the database.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// setAside renames a database, in place of one that was set aside before.
func setAside(path string) error {
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(path, path+".damaged")
}
