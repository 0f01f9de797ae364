package player

import "time"

// PCM is signed 16-bit little-endian, stereo, at 44.1 kHz, from the decoder to
// the output.
const (
	sampleRate = 44100
	sampleSize = 4 // bytes: two channels
	secondSize = sampleRate * sampleSize
)

const (
	// stepSize is how much is decoded and written at once, in bytes: the 1152
	// samples of an MPEG-1 layer III frame, 26 ms. More would delay the first
	// sample; less would only cost more calls.
	stepSize = 1152 * sampleSize

	// ringSize is how much is decoded ahead, in bytes: 1 s. It covers a pause
	// of the scheduler or of a disk. What a network needs is buffered before the
	// decoder, as encoded bytes; more here would make the source's deadlines
	// earlier than they are.
	ringSize = secondSize

	// refill is how much of a full ring is free before more is decoded: waking
	// for each frame would cost as much as decoding it.
	refill = ringSize / 4

	// prefetchPeers and prefetchHead are how much is left of a track when the
	// next one is fetched from peers, and its head from anyone: the rules of
	// Kreitz and Niemela, IEEE P2P 2010, section III-C.
	prefetchPeers = 30 * time.Second
	prefetchHead  = 10 * time.Second

	// openNext is how much is left of a track when the next one is opened. Its
	// head has had 5 s to come by then; and 5 s hold an open with a lost packet
	// or two and a connection made anew.
	openNext = 5 * time.Second

	// closeNext is how much is left, after a seek, when what was opened is
	// closed again: a node takes an open track to be wanted now.
	closeNext = 2 * prefetchHead

	// dryAfter is how long the sounder waits for PCM before that is told. What
	// an output holds covers less; and a decoder that only just keeps up makes
	// many waits that are shorter.
	dryAfter = 250 * time.Millisecond

	// newsGrace is how long the last reports may take once playing is over. A
	// node answers in a millisecond; one that hangs must not hold up Ctrl-C.
	newsGrace = 500 * time.Millisecond

	// prevRestarts is how far into a track the wish for the previous one means
	// its beginning, as every player has it.
	prevRestarts = 3 * time.Second

	// saveEvery is how much of a track is heard again after a crash, at most.
	saveEvery = 5 * time.Second

	// maxVolume is sound as it was recorded.
	maxVolume = 100
)

// due is what is due of the next track.
type due int

const (
	dueNothing due = iota
	duePeers       // what peers have of it
	dueHead        // its head, from anyone
	dueOpen        // to be opened and decoded
)

// dueWith returns what is due with so much left of the one that plays.
func dueWith(left time.Duration) due {
	switch {
	case left <= openNext:
		return dueOpen
	case left <= prefetchHead:
		return dueHead
	case left <= prefetchPeers:
		return duePeers
	}
	return dueNothing
}
