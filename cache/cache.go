package cache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"earshot/protocol"
)

// The errors of a cache, matched with errors.Is. A cache that is closed and a
// Track that is released give fs.ErrClosed.
var (
	// ErrLimitTooSmall: a limit below MinLimit.
	ErrLimitTooSmall = errors.New("the cache limit is too small: 50 MB at the least")
	// ErrLocked: another Cache, here or in another process, has the folder open.
	ErrLocked = errors.New("the cache is in use by another node: stop it, or use another data folder")
	// ErrFull: the limit or the disk is reached, and nothing can be evicted.
	ErrFull = errors.New("the cache is full and nothing in it can be evicted")
	// ErrBadHeader: a header that cannot be kept, or one of another size than
	// the track that is there.
	ErrBadHeader = errors.New("the header does not fit the track")
	// ErrBadProof: a proof tree that does not lead to the track's ID.
	ErrBadProof = errors.New("the proof tree does not match the track's ID")
	// ErrBadChunk: bytes that are not the chunk of the track.
	ErrBadChunk = errors.New("the chunk failed verification")
	// ErrNoProof: no chunk can be verified before the proof tree is set.
	ErrNoProof = errors.New("the track has no proof tree yet")
	// ErrMissing: the chunk is not in the cache.
	ErrMissing = errors.New("the chunk is not in the cache")
	// ErrRemoved: the track was removed while it was leased.
	ErrRemoved = errors.New("the track was removed from the cache")
	// ErrNotCached: no chunk of the track is in the cache.
	ErrNotCached = errors.New("the track is not in the cache")
)

// Bounds of the limit, in bytes.
const (
	// MinLimit holds ten tracks of 5 MB: what is playing, what comes next, and
	// a little to share.
	MinLimit = 50_000_000
	// maxDefault keeps a default that nobody chose from filling a large disk:
	// 10 GB are about 2,000 tracks.
	maxDefault = 10_000_000_000
	// defaultShare is the part of the free disk taken by default: a tenth.
	defaultShare = 10
)

// Options say how to open a cache.
type Options struct {
	// Limit is the most that the cache may take on disk, in bytes, MinLimit at
	// the least; it is kept for the next time. 0 takes the limit kept, or, in a
	// new cache, a tenth of the free disk, between MinLimit and 10 GB.
	Limit int64
	// Log is told of damage that was repaired; nil discards.
	Log *slog.Logger
	// OnLost is told of each track that no longer holds what it held: evicted,
	// removed, or with damaged chunks dropped; Lookup tells what is left. It is
	// called with no lock held, by the goroutines that use the cache, several at
	// a time too.
	OnLost func(protocol.ID)
}

// seams are the places where tests stand in for the world.
type seams struct {
	floor int64
	write func(f *os.File, p []byte, off int64) (int, error)
	free  func(dir string) (int64, error)
}

// Cache is a folder of verified chunks. All methods may be called concurrently.
type Cache struct {
	dir    string
	log    *slog.Logger
	onLost func(protocol.ID)
	seams  seams
	index  *index
	ledger *Ledger

	mu       sync.Mutex
	closed   bool
	tracks   map[protocol.ID]*entry
	recent   recency                       // the unpinned ones
	pinned   recency                       // the pinned ones
	newest   int64                         // use of a track, as its entry has it
	tally    tally                         // of all tracks
	dying    map[protocol.ID]chan struct{} // whose files are being removed; closed when done
	dirty    map[protocol.ID]*entry        // to be written to the index
	gone     map[protocol.ID]struct{}      // to be deleted from the index
	lost     []protocol.ID                 // to be told to onLost
	leases   int                           // of all tracks
	bytes    int64                         // taken by tracks
	overhead int64                         // taken by the index
	limit    int64
	relimit  bool // the limit is to be written to the index

	changes  sync.WaitGroup // operations under way that change files; added to under mu
	evicting chan struct{}  // held while room is made
	flushing chan struct{}  // held while changes are written
	unclean  atomic.Bool    // the marker is on disk
	kick     chan struct{}  // tells the flusher that something changed
	stop     chan struct{}
	stopped  chan struct{} // closed when the flusher has ended
}

// Open opens the cache in dir, and makes the folder if it is not there. It fails
// with ErrLocked, ErrLimitTooSmall or an error of the file system; damage is
// repaired, at the price of what was damaged.
func Open(dir string, o Options) (*Cache, error) {
	return open(dir, o, seams{floor: MinLimit, write: (*os.File).WriteAt, free: freeSpace})
}

func open(dir string, o Options, s seams) (c *Cache, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("opening the cache in %s: %w", dir, err)
		}
	}()
	if o.Limit != 0 && o.Limit < s.floor {
		return nil, ErrLimitTooSmall
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnLost == nil {
		o.OnLost = func(protocol.ID) {}
	}
	if err := os.MkdirAll(filepath.Join(dir, tracksDir), 0o700); err != nil {
		return nil, err
	}
	c = &Cache{
		dir: dir, log: o.Log, onLost: o.OnLost, seams: s,
		tracks:   map[protocol.ID]*entry{},
		dying:    map[protocol.ID]chan struct{}{},
		dirty:    map[protocol.ID]*entry{},
		gone:     map[protocol.ID]struct{}{},
		evicting: make(chan struct{}, 1),
		flushing: make(chan struct{}, 1),
		kick:     make(chan struct{}, 1),
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	c.ledger = &Ledger{changed: c.wake}
	if err := c.load(); err != nil {
		return nil, err
	}
	if err := c.chooseLimit(o.Limit); err != nil {
		c.index.close()
		return nil, err
	}
	c.shrink()
	c.tellLost()
	go c.flusher()
	return c, nil
}

// load fills memory from the index, and from the files where the index cannot
// be trusted.
func (c *Cache) load() error {
	ix, damaged, err := openIndex(c.dir, c.log)
	if err != nil {
		return err
	}
	c.index = ix
	if err := ix.load(c); err != nil {
		ix.close()
		if !errors.Is(err, errDamaged) {
			return err
		}
		c.log.Warn("the cache index is damaged: rebuilding it from the files", "error", err)
		clear(c.tracks)
		c.bytes, c.limit = 0, 0
		c.ledger = &Ledger{changed: c.wake}
		if c.index, err = ix.renew(); err != nil {
			return err
		}
		damaged = true
	}
	c.overhead = ix.size()
	if _, err := os.Lstat(c.marker()); err == nil || damaged {
		if err := c.soil(); err != nil {
			c.index.close()
			return err
		}
		c.reconcile()
	}
	byUse := slices.SortedFunc(maps.Values(c.tracks), func(a, b *entry) int { return cmp.Compare(a.used, b.used) })
	for _, e := range byUse {
		c.listOf(e).Push(e)
		c.count(e)
		c.newest = e.used
	}
	return nil
}

// chooseLimit sets the limit asked for, kept, or fit for the disk, in this order.
// The last is kept too: a limit that followed the free disk would evict for
// what other programs do.
func (c *Cache) chooseLimit(asked int64) error {
	switch {
	case asked != 0:
		c.relimit = asked != c.limit
		c.limit = asked
	case c.limit < c.seams.floor: // none kept
		free, err := c.seams.free(c.dir)
		if err != nil {
			return fmt.Errorf("asking for the free disk: %w", err)
		}
		c.limit = max(c.seams.floor, min((free+c.bytes)/defaultShare, maxDefault))
		c.relimit = true
	}
	if c.relimit {
		c.wake()
	}
	return nil
}

// Close writes what is not yet written and gives up the folder. Tracks still
// leased can no longer be written; release them first, or the next Open will
// verify them again.
func (c *Cache) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	close(c.stop)
	<-c.stopped
	c.changes.Wait()
	err := c.flush()
	c.mu.Lock()
	tidy := err == nil && c.leases == 0 && !c.index.broken
	c.mu.Unlock()
	if e := c.index.close(); err == nil {
		err = e
	}
	if tidy && c.unclean.Load() {
		if e := os.Remove(c.marker()); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("closing the cache: %w", err)
	}
	return nil
}

// enter registers an operation that changes files, so that Close waits for it.
func (c *Cache) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("the cache: %w", fs.ErrClosed)
	}
	c.changes.Add(1)
	return nil
}

func (c *Cache) leave() { c.changes.Done() }

// Ledger returns the counters that last across restarts.
func (c *Cache) Ledger() *Ledger { return c.ledger }
