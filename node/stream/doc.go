// Package stream makes one track out of what the cache holds, what peers hold
// and what the server sends: an io.ReadSeeker whose Read waits for nothing but
// the bytes it returns.
//
// Streams keeps a Stream for each track that someone reads or will read soon.
// A Stream opens the track, feeds everything it hears (have maps, chunks,
// failures, the place where its reader is) to package schedule, and does what
// that decides. Chunks go to the cache as soon as they are verified, and are
// offered to neighbours from then on. What the server sends is read while it
// arrives, before a chunk is whole and before its proof tree is there; what a
// peer sends is read only when verified. Until the proof tree is there, chunks
// come with the path of the tree that verifies them; they are kept in memory then,
// and shared from there (watch). Those of a start come with what verifies their slices,
// and are read and shared as far as those have come (slices.go).
//
// The start is asked of the server and of neighbours at the same moment (race.go): of
// those who are near what they hold, of others what comes to them, as they may begin too.
// In a crowd that knows one another it so goes from one to the next without a word of
// the server's.
//
// A Reader is given nothing, though there is something, while what arrives would soon
// let it run dry (start.go, and schedule.Throughput for the rule); where that is
// plentiful it begins with the first bytes.
//
// It promises: no byte that fails verification is stored, shared, or (from a
// peer) read; a full disk or a failing one does not stop a track, which is then
// held in memory; a server that goes away stops nothing that anyone else holds;
// and Close of a Reader ends what nobody else needs.
package stream
