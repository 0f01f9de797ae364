// Package schedule decides which run of a track to ask of which source, and
// when: the heart of the swarm. It is a pure state machine. It does no I/O,
// reads no clock, starts no goroutine and takes its randomness from a seed, so
// that the node, a fuzzer and a simulator of 100,000 nodes drive the same
// code.
//
// A State schedules one track. Events go in as method calls with the time
// (what a peer holds, what has arrived or failed, where the reader is); Step
// returns what to ask for, what to cancel, and when to be called again at the
// latest. A Timeline, from the track's seek table, says when each chunk is
// played; Rules are the figures that may be changed.
//
// # Deadlines
//
// A missing chunk's slack is the time until the playhead reaches it. It
// decides by which rules the chunk is fetched:
//
//   - Urgent, 3 s of slack or less: from the source with the soonest expected
//     arrival, the server included, a chunk or two at a time; but from a peer
//     if that is nearly sure to take no more than half the slack. A request
//     that is later than its source's usual is hedged.
//   - Near, to 15 s: in order, from the peer with the soonest expected
//     arrival; from the server where no peer makes it.
//   - Far: from peers only, rarest first, ties at random, within a window of
//     64 runs that slides with what is missing. What no peer holds is shared
//     out among the listeners (below).
//
// The three bands are those of Kreitz and Niemelä, "Spotify - Large Scale, Low
// Latency, P2P Music-on-Demand Streaming" (IEEE P2P 2010, section III);
// fetching by deadline from the peer with the least queue is libtorrent's
// (set_piece_deadline); rarest first is as good as coding where peers upload
// at all (Legout, Urvoy-Keller and Michiardi, IMC 2006). What the playhead has
// passed by is fetched last.
//
// # One copy from the server
//
// Listeners who start together would each take from the server what no peer
// holds yet: n copies. Instead each run of 4 chunks, aligned, is one
// listener's to take: the one whose key hashes highest with it among all who
// listen (rendezvous hashing: Thaler and Ravishankar, IEEE/ACM ToN 1998).
// Nobody has to agree on anything: who knows the same listeners computes the
// same order, and where views differ a run costs one copy more, not n; in a crowd of
// which each knows a part only, as many more contend as the server counts. A
// listener takes its near runs at once and its far ones at a trickle, one at a
// time: all together at twice the bitrate at least, each at twice the bitrate
// at most, and at no more than half of what the server has been seen to send
// it, which leaves a crowded uplink to those in need.
//
// What the server sends to one it does not send to another who can wait, and tells that
// one so (Elsewhere): it is left to come from a peer for 2 s, or until 1.5 s before it is
// needed. So a crowd whose members know a part of one another only, and two of whom are
// the first in line for a run, takes it once all the same.
//
// A run that its listener does not take is left to it until 3 s / (k+1) before
// its deadline, k being one's rank in the hash order: the second stands in at
// 1.5 s, the third at 1 s. So a dead listener costs one more copy of its runs,
// not one for each who waits.
//
// Those who begin together do not know one another yet. The server, who knows
// them, names to each the part that it is to take at once (super-seeding, as
// Hoffman's BitTorrent clients have it: BEP 16), and they pass that on. For the
// first second nothing else beyond its head is asked of the server but what is
// needed within the next and, where it has told of others, no peer brings before
// the last call, a quarter of a second before it is needed. What was asked of the
// server then, and a head of one chunk, which a crowded server sends as slowly as it
// is played, is asked of a peer too as soon as one has it. What a peer will have soon
// (Promise) is asked of it before it has it, and so goes down a tree. Of those who send the
// start as it comes to them the one is kept whose first slice is here first. A listener
// without peers takes the track from the server 30 s ahead; of n who share, each may
// take its nth part n times as far.
//
// # When to begin
//
// A Throughput is told what arrives, from all sources together, and says whether a
// track may begin to sound, or go on after it ran dry: at once where more comes than
// the track takes, else when at most 1 in 100 simulated plays of its rest would run
// dry; a line seen for less than five seconds is taken for one that may come and go.
// Where less comes than lets a track begin at once, State.Thin has it fetched without a
// bound ahead.
//
// # Sources
//
// Of each source the State keeps, as RFC 6298 and RFC 9002 do of round trips,
// exponentially weighted means: the rate while it delivers, the wait for its
// first byte, by how much it misses its expected times, and the mean deviation
// of that. The expected arrival of a request is
//
//	max(wait, owed / rate) + size / rate + lateness
//
// and it is late when two mean deviations more have passed, about its 95th
// percentile. Until a rate is measured a guess stands in for it, and the
// source's window limits what it matters: one request outstanding at first,
// one more with each that comes in time, up to its bandwidth-delay product
// (slow start, RFC 5681, in runs), at most 8. So the first peer to appear is
// not given everything at once.
//
// A nearby peer whose measured rate is twice the track's is left what it
// holds: peers at more than twice its round trip are not asked for that far
// ahead.
//
// # When a source fails
//
// A late request whose chunk is urgent is sent to a second source, and the
// loser cancelled (hedged and tied requests: Dean and Barroso, "The Tail at
// Scale", CACM 2013); bytes asked for twice stay within 3 %, and two chunks.
// Beyond that budget, or where nothing is urgent, a request that is much too
// late is taken back and given to another, which costs no duplicate. Never are
// more than two requests outstanding for one chunk.
//
// What a source that went away still owed is asked of others at the next Step.
// One that refused or failed is backed off, doubling, with jitter; after
// several failures in a row its map counts for nothing, so that what only it
// claims to hold is taken from the server. One that sent a wrong chunk is not
// asked again.
//
// # What it promises
//
// While any source that holds a missing chunk answers, and the mode allows it
// to be asked, the track completes: in Background in any case, in Playing as
// the playhead advances. Nothing is asked of a source that did not say it has
// it. The same calls give the same actions. Step allocates nothing once its
// slices have grown, and costs time for the sources, the outstanding requests,
// the near chunks that nobody has been asked for, and the 64-bit words of the
// bitmaps: not for chunks times sources.
package schedule
