package player

import (
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// Result is how the play of one track went. The JSON names are a contract.
type Result struct {
	ID protocol.ID `json:"id"`
	// LatencyMS is from the play request to the first sample handed to the
	// output; for a track that follows another, from that one's last sample.
	LatencyMS float64 `json:"playback_latency_ms"`
	Stutters  int     `json:"stutters"`
	StutterMS float64 `json:"stutter_ms"`
	control.Shares
	SecondsPlayed float64 `json:"seconds_played"`

	Err error `json:"-"` // why it ended early, if it did
}

// EventKind says what happened.
type EventKind int

// The kinds of event. A track is EventStarted once it sounds, and then
// EventEnded or EventFailed; one that never sounds is EventFailed alone. In a crossfade
// the next one starts before that.
const (
	EventStarted  EventKind = iota // the first sample was handed over
	EventProgress                  // another second was
	EventWaiting                   // nothing that can be reached holds the rest; Err says more
	EventResumed                   // something does again
	EventEnded                     // played to its end, to a skip, or to the end of the context
	EventFailed                    // cannot be played, or not on; Err says why
)

// Event tells of one track.
type Event struct {
	Kind     EventKind
	Index    int            // in the queue; -1 where it was taken out of it
	Track    protocol.Track // the ID alone where it could not be opened
	Position time.Duration  // of what was handed over, in the track
	Result   Result         // so far; zero unless the track sounds
	Err      error
}

// tally counts how the tracks of a player went.
type tally struct {
	good    int // played without a fault
	failed  int
	first   error // of those that failed
	results []Result
}

// problem is what the state says of a fault, until the second track after it
// starts: what is passed over ahead of its turn is to be seen too.
type problem struct {
	text string
	old  bool
}

func (p *problem) set(err error) { *p = problem{text: err.Error()} }

func (p *problem) turn() {
	if p.old {
		p.text = ""
	}
	p.old = true
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
