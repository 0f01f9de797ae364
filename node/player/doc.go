// Package player plays a queue of tracks: it joins them without a gap, has the
// next one fetched in time, and tells how playing goes. A track is a reader to
// it, wherever its bytes come from; sound is PCM that an Output takes.
//
// A play is made by a few goroutines. The decoding one opens tracks, decodes them one
// after another and writes PCM into a ring of a second. The sounding one, which
// is Play itself, hands the ring's PCM to the output and keeps the books: what
// has been heard is what the output took. Two more deliver reports to the node
// and events to the caller, so that neither can ever hold up sound.
//
// The first sample leaves as soon as it is decoded; the ring fills behind it.
// A track's last sample is followed by the next one's first directly: both
// stand side by side in the ring. To have the next track ready by then,
// it is prefetched from peers with 30 s left, its head from anyone with 10 s
// left, and it is opened with 5 s left.
//
// Where nothing holds the rest of a track, the player says so, keeps trying and
// goes on when something does. A track that cannot be played is told as an
// event and passed over. When the context ends, Play returns at once, with what
// was played up to there.
package player
