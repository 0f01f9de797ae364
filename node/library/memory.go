package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"earshot/protocol"
)

const (
	// memoryFile is a Memory's database, in the data folder.
	memoryFile = "catalogue.db"

	// maxRemembered bounds the entries kept: five times the music that someone
	// with a large collection owns.
	maxRemembered = 50_000

	// maxMemory bounds the database, in bytes. An entry takes some 300.
	maxMemory = 16 << 20

	// maxNoted bounds the entries that wait to be written, 1 MB or less: what is
	// noted beyond is let go, and noted the next time it is seen.
	maxNoted = 2048

	// memoryIdle is how long after its last use the database is closed, and what
	// was noted written: after the burst that the start of a play is, and soon
	// enough for what a killed process forgets.
	memoryIdle = 5 * time.Second
)

// Memory keeps the catalogue entries that a listener has seen, so that what was
// found before is found again while the server is away. It is a database in the
// data folder, searched as a Library is, and open only while it is used: where
// nobody searches it costs a goroutine. It is bounded, in entries and in bytes;
// what was seen longest ago goes first. A damaged one is begun anew.
//
// Its methods may be called concurrently. Only what has been seen is in it: that
// a track is found here says nothing of who holds it now.
type Memory struct {
	path    string
	log     *slog.Logger
	now     func() time.Time
	entries int   // maxRemembered, but for tests
	bytes   int64 // maxMemory, but for tests

	use     chan struct{} // one slot: db's holder
	db      *sql.DB       // nil while closed
	used    chan struct{} // one slot: something was noted, or looked for
	closing chan struct{}
	done    chan struct{}

	mu     sync.Mutex
	noted  []protocol.Track // to be written
	closed bool
}

// OpenMemory returns the memory of a data folder. It does no I/O yet. A nil log
// discards.
func OpenMemory(data string, log *slog.Logger) *Memory {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := &Memory{
		path: filepath.Join(data, memoryFile), log: log, now: time.Now,
		entries: maxRemembered, bytes: maxMemory,
		use: make(chan struct{}, 1), used: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
	go m.run()
	return m
}

// Note keeps entries that were seen. It does no I/O: they are written soon.
func (m *Memory) Note(tracks ...protocol.Track) {
	if len(tracks) == 0 {
		return
	}
	m.mu.Lock()
	if room := maxNoted - len(m.noted); !m.closed && room > 0 {
		m.noted = append(m.noted, tracks[:min(room, len(tracks))]...)
	}
	m.mu.Unlock()
	m.nudge()
}

// Keep keeps entries, all of them and at once.
func (m *Memory) Keep(ctx context.Context, tracks []protocol.Track) error {
	err := m.with(ctx, func(*sql.DB) error { return m.write(ctx, tracks) })
	if err != nil {
		return fmt.Errorf("keeping what was seen: %w", err)
	}
	return nil
}

// Search finds what was seen, in a Library's order and by its rules.
func (m *Memory) Search(ctx context.Context, q protocol.Query) (r protocol.Results, err error) {
	err = m.with(ctx, func(db *sql.DB) error {
		r, err = catalogue{db, entryColumns, entryTrack}.search(ctx, q)
		return err
	})
	if err != nil {
		return protocol.Results{}, fmt.Errorf("searching what was seen before: %w", err)
	}
	return r, nil
}

// Close writes what was noted. Nothing is kept, and nothing found, after it.
func (m *Memory) Close() error {
	m.mu.Lock()
	was := m.closed
	m.closed = true
	m.mu.Unlock()
	if was {
		return nil
	}
	close(m.closing)
	<-m.done
	m.use <- struct{}{}
	defer func() { <-m.use }()
	return m.settle(context.Background())
}

func (m *Memory) nudge() {
	select {
	case m.used <- struct{}{}:
	default:
	}
}

// run settles the database when it was not used for a while.
func (m *Memory) run() {
	defer close(m.done)
	timer := time.NewTimer(memoryIdle)
	defer timer.Stop()
	for {
		select {
		case <-m.used:
			timer.Reset(memoryIdle)
			continue
		case <-m.closing:
			return
		case <-timer.C:
		}
		m.use <- struct{}{}
		if err := m.settle(context.Background()); err != nil {
			m.log.Warn("what was seen of the catalogue is not kept", "err", err)
		}
		<-m.use
	}
}

// settle writes what was noted and closes the database. The caller holds the slot.
func (m *Memory) settle(ctx context.Context) error {
	var err error
	if noted := m.takeNoted(); len(noted) > 0 {
		if err = m.open(ctx); err == nil {
			err = m.write(ctx, noted)
		}
	}
	if m.db == nil {
		return err
	}
	closing := m.db.Close()
	m.db = nil
	if isDamage(err) {
		return errors.Join(err, m.forget())
	}
	return errors.Join(err, closing)
}

// with runs f on the database, in which all that was noted is.
func (m *Memory) with(ctx context.Context, f func(*sql.DB) error) error {
	select {
	case m.use <- struct{}{}:
		defer func() { <-m.use }()
	case <-ctx.Done():
		return ctx.Err()
	}
	m.mu.Lock()
	closed := m.closed
	m.mu.Unlock()
	if closed {
		return os.ErrClosed
	}
	defer m.nudge()
	err := m.open(ctx)
	if err == nil {
		if err = m.write(ctx, m.takeNoted()); err == nil {
			err = f(m.db)
		}
	}
	if isDamage(err) {
		m.log.Warn("what was seen of the catalogue was damaged: it is begun anew", "err", err)
		err = errors.Join(err, m.forget())
	}
	return err
}

// open opens the database; one that is damaged, or of another version, is begun
// anew. The caller holds the slot.
func (m *Memory) open(ctx context.Context) (err error) {
	if m.db != nil {
		return nil
	}
	if m.db, err = openDatabase(ctx, m.path, memoryTables); !isDamage(err) {
		return err
	}
	m.log.Warn("what was seen of the catalogue is begun anew", "err", err)
	if err := m.forget(); err != nil {
		return err
	}
	m.db, err = openDatabase(ctx, m.path, memoryTables)
	return err
}

// forget removes the database. The caller holds the slot.
func (m *Memory) forget() error {
	if m.db != nil {
		m.db.Close() // what it says is of no use any more
		m.db = nil
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(m.path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// takeNoted returns what was noted. Where writing it fails it is lost: it will be
// seen again.
func (m *Memory) takeNoted() []protocol.Track {
	m.mu.Lock()
	defer m.mu.Unlock()
	noted := m.noted
	m.noted = nil
	return noted
}

// write writes entries. The caller holds the slot.
func (m *Memory) write(ctx context.Context, tracks []protocol.Track) error {
	for part := range slices.Chunk(tracks, 256) { // what one may add is small beside maxMemory
		if err := m.enter(ctx, part); err != nil {
			return err
		}
	}
	return nil
}
