package cache

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Ledger counts what was played and shared over the life of the data folder.
// Counts are kept with the index, within a second. Its methods take about 20 ns
// and may be called concurrently.
type Ledger struct {
	changed func() // tells the flusher

	mu      sync.Mutex
	dirty   bool
	totals  Totals
	latency histogram
}

// Totals are the counts of a Ledger.
type Totals struct {
	Hits       int64 `json:"hits"`   // plays of tracks that were in the cache
	Misses     int64 `json:"misses"` // plays of tracks that were not, or not whole
	Evictions  int64 `json:"evictions"`
	Plays      int64 `json:"plays"` // that sounded
	Stutters   int64 `json:"stutters"`
	FromServer int64 `json:"from_server"` // bytes played
	FromPeers  int64 `json:"from_peers"`
	FromCache  int64 `json:"from_cache"`
	Uploaded   int64 `json:"uploaded"` // bytes
	// Latency are the percentiles of the playback latency, within 1 %.
	Latency Percentiles `json:"-"`
}

// Percentiles sum up a distribution; zero without samples.
type Percentiles struct {
	P50, P75, P90 time.Duration
	Count         int64
}

// Asked counts a play asked for, by whether the whole track was in the cache.
// The caller knows what is a play: uploads, prefetches and probes are none.
func (l *Ledger) Asked(cached bool) {
	l.update(func() {
		if cached {
			l.totals.Hits++
		} else {
			l.totals.Misses++
		}
	})
}

// Play counts a play that sounded after its playback latency.
func (l *Ledger) Play(latency time.Duration) {
	l.update(func() {
		l.totals.Plays++
		l.latency.add(latency)
	})
}

// Stutter counts n stutters.
func (l *Ledger) Stutter(n int) {
	l.update(func() { l.totals.Stutters += int64(n) })
}

// Played counts bytes played, by where they came from.
func (l *Ledger) Played(server, peers, cache int64) {
	l.update(func() {
		l.totals.FromServer += server
		l.totals.FromPeers += peers
		l.totals.FromCache += cache
	})
}

// Uploaded counts n bytes sent to peers.
func (l *Ledger) Uploaded(n int64) {
	l.update(func() { l.totals.Uploaded += n })
}

// Snapshot returns the counts now.
func (l *Ledger) Snapshot() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.totals
	t.Latency = Percentiles{
		P50: l.latency.quantile(0.50), P75: l.latency.quantile(0.75), P90: l.latency.quantile(0.90),
		Count: l.latency.total,
	}
	return t
}

func (l *Ledger) evicted() { l.update(func() { l.totals.Evictions++ }) }

func (l *Ledger) update(f func()) {
	l.mu.Lock()
	f()
	l.dirty = true
	l.mu.Unlock()
	l.changed()
}

// touch has the counts written again.
func (l *Ledger) touch() { l.update(func() {}) }

// durable is what is kept of a Ledger, as JSON: a new count needs no new format.
type durable struct {
	Totals
	Latency map[int]int64 `json:"latency"` // bucket to count
}

// take returns the counts to be kept, nil if they have not changed since.
func (l *Ledger) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dirty {
		return nil
	}
	b, err := json.Marshal(durable{l.totals, l.latency.sparse()})
	if err != nil { // numbers alone: cannot be
		return nil
	}
	l.dirty = false
	return b
}

// decode reads what take returned.
func (l *Ledger) decode(b []byte) error {
	var d durable
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("reading the counters: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.totals = d.Totals
	l.latency.restore(d.Latency)
	return nil
}
