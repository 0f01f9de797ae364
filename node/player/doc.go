// Package player plays a queue of tracks and takes commands meanwhile: it skips,
// seeks and pauses within a few milliseconds, joins tracks without a gap, has
// the next one fetched in time, and tells how playing goes. A track is a reader
// to it, wherever its bytes come from; sound is PCM that an Output takes.
//
// # Its parts
//
// A deck is one track, opened and decoded from one place on into a ring of a
// second, by a goroutine of its own. The sounder, one goroutine, hands the PCM
// of the deck that plays through the chain, where volume is, to the output.
// Run conducts: it takes commands and what decks and sounder tell, decides, and
// waits for nothing, so that each is answered at once. The queue is pure. Three
// goroutines more deliver reports to the node, events to the caller and what is
// to be saved, so that none of them can ever hold up sound.
//
// A skip or a seek gives the sounder another deck and has the output drop what
// has not sounded; the first sample of the new deck leaves as soon as it is
// decoded. At the end of a track the sounder goes on with the next deck, which
// stands ready by then: it is prefetched from peers with 30 s left, its head
// from anyone with 10 s left, and opened and decoded with 5 s left. Where the
// queue changes meanwhile, it is dropped and another one made.
//
// Of what a key may ask for, the next track, the one before and the beginning of this one, half
// a second is kept decoded where the track is cached: that sounds at once, while the track is
// opened to go on with.
//
// With a crossfade the sounder asks at the place where it is to begin, as it does at
// the end of a track, and then mixes two decks. The turn of the one that begins is what
// is shown and what commands are for; the other one's books are closed when it has faded out,
// or was cut off. Tracks that follow one another on an album join as ever, and a skip cuts: who
// presses a key wants to hear that.
//
// # What it promises
//
// Where nothing holds the rest of a track, the player says so, keeps trying and
// goes on when something does. A track that cannot be played is told as an
// event and passed over. When the context ends, Run returns at once. What it is
// to go on with after a crash is handed out soon after each change, and at
// least every 5 s of sound.
package player
