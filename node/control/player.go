package control

import (
	"context"
	"time"

	"earshot/protocol"
)

// Player is a queue that plays, for commands, media keys and a screen. The
// process that plays implements it, and so does a client over its socket; both
// run the same conformance suite.
type Player interface {
	// PlayerState tells what plays now.
	PlayerState(ctx context.Context) (PlayerState, error)
	// Queue tells what is queued, in the order of the queue.
	Queue(ctx context.Context) (Queue, error)
	// Command changes what plays, and returns once it has: ErrBadCommand where it
	// makes no sense.
	Command(ctx context.Context, c Command) error
	// Follow calls f with the state as it is, and again after each change and
	// each second of sound, until ctx ends (then nil) or the player does. A slow
	// f misses states in between, never the last one.
	Follow(ctx context.Context, f func(PlayerState)) error
}

// PlayerState is what plays now. The JSON names are a contract.
type PlayerState struct {
	Playback Playback `json:"playback"`
	// Track is the one that plays, nil where none does; Index is its place in
	// the queue, from 0, or -1. Next is the track that follows, nil if none does.
	Track *protocol.Track `json:"track"`
	Index int             `json:"index"`
	Next  *protocol.Track `json:"next"`
	Queue int             `json:"queue"`    // how many tracks are queued
	Edit  int64           `json:"revision"` // of the queue: grows with each change of it

	Position time.Duration `json:"position_ns"` // of what is heard, in the track
	Length   time.Duration `json:"length_ns"`

	Volume  int    `json:"volume"` // percent, 0 to 100, on a perceptual curve
	Shuffle bool   `json:"shuffle"`
	Repeat  Repeat `json:"repeat"`

	Latency  time.Duration `json:"latency_ns"` // playback latency of this track
	Stutters int           `json:"stutters"`
	Shares
	Problem string `json:"problem,omitempty"` // why it waits, or what was passed over last
}

// Playback says whether there is sound.
type Playback string

// The states of playback.
const (
	PlaybackPlaying Playback = "playing"
	PlaybackPaused  Playback = "paused"
	PlaybackWaiting Playback = "waiting" // for bytes: opening, or nothing holds the rest
	PlaybackStopped Playback = "stopped" // at the end of the queue, or with nothing in it
)

// Repeat says what follows the last track, or each.
type Repeat string

// The ways to repeat.
const (
	RepeatOff Repeat = "off"
	RepeatAll Repeat = "all"
	RepeatOne Repeat = "one"
)

// Queue is the queue's content. The JSON names are a contract.
type Queue struct {
	Edit   int64            `json:"revision"`
	Index  int              `json:"index"` // of the track that plays, or -1
	Tracks []protocol.Track `json:"tracks"`
}

// Command is one wish to a Player. Which fields count depends on Do.
type Command struct {
	Do     Do            `json:"do"`
	To     time.Duration `json:"to_ns,omitempty"`  // seek: the place, or how far from here where By is set
	Volume int           `json:"volume,omitempty"` // volume: percent, or how many more where By is set
	By     bool          `json:"by,omitempty"`     // To and Volume are relative
	Tracks []protocol.ID `json:"tracks,omitempty"` // add, insert, replace: at most MaxQueued in the queue
	Index  int           `json:"index,omitempty"`  // jump, remove, move: a place in the queue, from 0
	Dest   int           `json:"dest,omitempty"`   // move: where it stands afterwards
	On     *bool         `json:"on,omitempty"`     // shuffle: nil toggles
	Repeat Repeat        `json:"repeat,omitempty"` // repeat: empty goes through off, all, one
}

// MaxQueued bounds a queue: a month of music.
const MaxQueued = 10_000

// Do names a command. The names are a contract.
type Do string

// The commands.
const (
	DoPlay    Do = "play" // go on, or begin again at the end of the queue
	DoPause   Do = "pause"
	DoToggle  Do = "toggle"
	DoNext    Do = "next"
	DoPrev    Do = "prev" // the beginning of the track, or, within its first 3 s, the one before
	DoSeek    Do = "seek"
	DoVolume  Do = "volume"
	DoShuffle Do = "shuffle"
	DoRepeat  Do = "repeat"
	DoAdd     Do = "add"     // at the end of the queue
	DoInsert  Do = "insert"  // behind the track that plays
	DoReplace Do = "replace" // the queue by Tracks, and play them
	DoJump    Do = "jump"    // play the one at Index
	DoRemove  Do = "remove"
	DoMove    Do = "move"
	DoClear   Do = "clear" // the queue, but for the track that plays
	DoQuit    Do = "quit"
)
