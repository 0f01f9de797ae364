package sim

import (
	"maps"
	"time"

	"earshot/node/schedule"
)

// chunk is one of a track's.
type chunk struct{ track, i int32 }

// sending is to whom the server has sent it last.
type sending struct {
	at time.Duration
	to int32
}

// These are package swarm's (echoes): within passedOnIn of sending a chunk to one the server
// tells others so, unless they need it soon. At maxLately the account is cleared of what is over.
const (
	passedOnIn = 2 * time.Second
	canWait    = 1500 * time.Millisecond
	maxLately  = 1 << 16
)

// elsewhere reports whether what the server is asked for is better had from another, and
// takes note of it else.
func (w *world) elsewhere(f *flow) bool {
	key := chunk{f.track, f.first}
	s, ok := w.lately[key]
	if ok && s.to != f.to && w.now-s.at < passedOnIn && (f.due == schedule.Never || f.due-w.now >= canWait) {
		return true
	}
	if len(w.lately) >= maxLately {
		maps.DeleteFunc(w.lately, func(_ chunk, s sending) bool { return w.now-s.at >= passedOnIn })
	}
	w.lately[key] = sending{w.now, f.to}
	return false
}
