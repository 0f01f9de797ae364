// Package cache keeps verified chunks of tracks on disk, the least recently
// used track out first. It is the one owner of what a node has: players, uploads
// and the schedule all read the same have maps here.
//
// # Parts
//
// A Cache holds entries, one a track. Whoever plays, fetches or uploads a track
// holds a lease on it, a Track; what is leased or pinned is never evicted. The
// Ledger counts what was played and shared, over the life of the data folder.
//
// # On disk
//
//	index.db               bbolt: a record of each track, the limit, the ledger
//	tracks/ab/ID.data      the track, sparse, chunks written in place
//	tracks/ab/ID.proof     its header and its proof tree
//	unclean                there while changes are under way
//	index.db.damaged       an index that could not be read, set aside
//
// Memory is the truth. A single goroutine writes what changed once a second:
// first it syncs the data, then one transaction updates the index, so that the
// index never knows of a chunk that a power cut can take.
//
// # Promises
//
// No wrong byte: a chunk is verified against the track's ID before it is
// written and each time it is read. One that fails on reading is dropped, so
// that it is fetched again.
//
// A crash loses nothing that was stored: Put returns with the chunk in a file
// that alone, with the proof beside it, shows what it is worth. After a crash
// (the file unclean is there) tracks that the index does not know, or whose data
// is not older than their record, are verified chunk by chunk; what is no track
// is removed. A damaged index is rebuilt the same way.
//
// The limit counts every byte: chunks and proof files in blocks of 4 KiB,
// and the index. Space is made before it is used, so the cache is over its limit
// only by what the index grows in a second, and where pinned tracks alone
// exceed a limit set later. A full disk evicts too; where that does not help
// Put fails with ErrFull, and the music plays on from memory.
//
// # Locks
//
// Cache.mu guards the set of tracks, their order and the sum of their bytes;
// each entry's own mutex guards its have map. Neither is held across I/O, and
// reading a chunk does without the former. What changes a track's files holds the track's slot,
// a channel; what evicts holds another, and what flushes a third. The order is:
// flushing, slot, evicting, Cache.mu, entry.mu, Ledger.mu.
package cache
