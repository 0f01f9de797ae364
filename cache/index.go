package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"earshot/protocol"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	indexFile   = "index.db"
	damagedFile = "index.db.damaged"

	// lockWait is how long Open waits for another owner that is just closing:
	// two tries, 50 ms apart, are all that bbolt makes of it. The lock on the
	// data folder has kept other nodes away long before.
	lockWait = 100 * time.Millisecond
)

// The buckets of the index, and the keys of bucketState.
var (
	bucketTracks = []byte("tracks") // ID to record
	bucketState  = []byte("state")
	keyLimit     = []byte("limit")  // 8 bytes, big endian
	keyLedger    = []byte("ledger") // see Ledger
)

// errDamaged: the index cannot be read.
var errDamaged = errors.New("the cache index is damaged")

// index is the durable record of a cache.
type index struct {
	dir    string
	log    *slog.Logger
	db     *bbolt.DB
	broken bool // found damaged while in use: Close sets it aside
}

// openIndex opens the index in dir or makes it. One that cannot be read is set
// aside, and an empty one made: damaged is then true.
func openIndex(dir string, log *slog.Logger) (ix *index, damaged bool, err error) {
	ix = &index{dir: dir, log: log}
	err = ix.open()
	if errors.Is(err, errDamaged) {
		log.Warn("the cache index is damaged: rebuilding it from the files", "error", err)
		damaged = true
		err = ix.setAside()
		if err == nil {
			err = ix.open()
		}
	}
	return ix, damaged, err
}

func (ix *index) open() error {
	var file *os.File
	err := guarded(func() (err error) {
		ix.db, err = bbolt.Open(filepath.Join(ix.dir, indexFile), 0o600, &bbolt.Options{
			Timeout:      lockWait,
			FreelistType: bbolt.FreelistMapType, // the array type is slow where much is freed
			NoStatistics: true,
			OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
				file, err = os.OpenFile(name, flag, mode)
				return file, err
			},
		})
		if err != nil {
			return err
		}
		return ix.makeBuckets()
	})
	if err == nil {
		return nil
	}
	if ix.db != nil {
		ix.db.Close()
	} else if file != nil {
		file.Close() // a panic in bbolt.Open leaves it open, and locked
	}
	ix.db = nil
	var pathError *fs.PathError
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, errDamaged), errors.As(err, &pathError), isDiskFull(err):
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// makeBuckets makes the buckets of a new index, in a transaction that an
// existing one is spared.
func (ix *index) makeBuckets() error {
	missing := false
	if err := ix.db.View(func(tx *bbolt.Tx) error {
		missing = tx.Bucket(bucketTracks) == nil || tx.Bucket(bucketState) == nil
		return nil
	}); err != nil || !missing {
		return err
	}
	return ix.db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(bucketTracks); err != nil {
			return err
		}
		_, err := tx.CreateBucketIfNotExists(bucketState)
		return err
	})
}

// guarded runs f on the index. bbolt trusts its file: what a damaged one makes
// it do, panics and faults in the mapped memory, comes back as errDamaged.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	return f()
}

// setAside moves the index out of the way.
func (ix *index) setAside() error {
	return os.Rename(filepath.Join(ix.dir, indexFile), filepath.Join(ix.dir, damagedFile))
}

// renew closes the index, which is damaged, and returns a new one.
func (ix *index) renew() (*index, error) {
	ix.db.Close()
	if err := ix.setAside(); err != nil {
		return nil, err
	}
	return ix, ix.open()
}

func (ix *index) close() error {
	err := ix.db.Close()
	if ix.broken {
		err = errors.Join(err, ix.setAside())
	}
	return err
}

// size is what the index, and one set aside, take on disk.
func (ix *index) size() int64 {
	var n int64
	for _, name := range []string{indexFile, damagedFile} {
		if fi, err := os.Stat(filepath.Join(ix.dir, name)); err == nil {
			n += allocated(fi)
		}
	}
	return n
}

// load fills c with what the index knows.
func (ix *index) load(c *Cache) error {
	return guarded(func() error {
		return ix.db.View(func(tx *bbolt.Tx) error {
			state := tx.Bucket(bucketState)
			if b := state.Get(keyLimit); len(b) == 8 {
				c.limit = int64(binary.BigEndian.Uint64(b))
			}
			if b := state.Get(keyLedger); b != nil {
				if err := c.ledger.decode(b); err != nil {
					ix.log.Warn("the counters of the cache are damaged: starting from zero", "error", err)
				}
			}
			return tx.Bucket(bucketTracks).ForEach(func(k, v []byte) error {
				e, err := decodeRecord(k, v)
				if err != nil {
					return err
				}
				c.tracks[e.id] = e
				c.bytes += e.bytes
				return nil
			})
		})
	})
}

// batch is what one transaction writes.
type batch struct {
	records map[protocol.ID][]byte
	gone    map[protocol.ID]struct{}
	limit   int64  // 0: unchanged
	ledger  []byte // nil: unchanged
}

func (b *batch) empty() bool {
	return len(b.records) == 0 && len(b.gone) == 0 && b.limit == 0 && b.ledger == nil
}

// write writes a batch in one transaction, synced when it returns.
func (ix *index) write(b *batch) error {
	return guarded(func() error {
		return ix.db.Update(func(tx *bbolt.Tx) error {
			tracks, state := tx.Bucket(bucketTracks), tx.Bucket(bucketState)
			for id := range b.gone {
				if err := tracks.Delete(id[:]); err != nil {
					return err
				}
			}
			for id, r := range b.records {
				if err := tracks.Put(id[:], r); err != nil {
					return err
				}
			}
			if b.limit != 0 {
				if err := state.Put(keyLimit, binary.BigEndian.AppendUint64(nil, uint64(b.limit))); err != nil {
					return err
				}
			}
			if b.ledger != nil {
				return state.Put(keyLedger, b.ledger)
			}
			return nil
		})
	})
}

// A record of a track in the index:
//
//	version (1 byte), flags (1 byte), used (8 bytes, ns since 1970),
//	recorded (8 bytes, ns since 1970: when this record was made; 0 if too soon
//	after the last change of the data to tell which came first),
//	size, length of the proof file, length of the card (varints),
//	card, have map (not where the track is complete)
const (
	recordVersion = 1
	recordFixed   = 1 + 1 + 8 + 8

	flagPinned   = 1
	flagComplete = 2
)

// appendRecord appends e's record. Cache.mu and e.mu are held.
func appendRecord(b []byte, e *entry, now time.Time) []byte {
	flags := byte(0)
	if e.pinned {
		flags |= flagPinned
	}
	if e.have == nil {
		flags |= flagComplete
	}
	b = append(b, recordVersion, flags)
	b = binary.BigEndian.AppendUint64(b, uint64(e.used))
	recorded := now.UnixNano()
	if !e.quiet(now) {
		recorded = 0
	}
	b = binary.BigEndian.AppendUint64(b, uint64(recorded))
	b = binary.AppendUvarint(b, uint64(e.size))
	b = binary.AppendUvarint(b, uint64(e.proof))
	b = binary.AppendUvarint(b, uint64(len(e.card)))
	b = append(b, e.card...)
	return append(b, e.have...)
}

// decodeRecord reads what appendRecord wrote. Whatever the bytes are, the entry
// is sound; if they are not a record it fails with errDamaged.
func decodeRecord(key, b []byte) (*entry, error) {
	bad := func(what string) (*entry, error) {
		return nil, fmt.Errorf("%w: the record of track %x: %s", errDamaged, key, what)
	}
	if len(key) != len(protocol.ID{}) || len(b) < recordFixed || b[0] != recordVersion {
		return bad("not a record of this version")
	}
	e := &entry{
		id:       protocol.ID(key),
		pinned:   b[1]&flagPinned != 0,
		used:     int64(binary.BigEndian.Uint64(b[2:])),
		recorded: int64(binary.BigEndian.Uint64(b[10:])),
	}
	complete := b[1]&flagComplete != 0
	b = b[recordFixed:]
	var numbers [3]uint64
	for i, limit := range [...]int{protocol.MaxTrackSize, maxProofFile, maxHeaderSize} {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > uint64(limit) {
			return bad("a number out of range")
		}
		numbers[i], b = v, b[n:]
	}
	e.size, e.proof = int64(numbers[0]), int(numbers[1])
	if e.size == 0 || numbers[2] > uint64(len(b)) {
		return bad("a length out of range")
	}
	e.card, b = string(b[:numbers[2]]), b[numbers[2]:]
	have := protocol.Bitmap(b)
	switch {
	case complete && len(b) == 0:
		e.count = e.chunks()
	case !complete && have.Valid(e.chunks()) && have.Count() < e.chunks():
		e.have, e.count = bytes.Clone(b), have.Count()
	default:
		return bad("the have map does not fit")
	}
	e.bytes = e.cost()
	return e, nil
}
