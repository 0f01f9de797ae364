package swarm

import (
	"sync"
	"time"

	"earshot/protocol"
)

// echoes is what a server has sent lately. Of those who listen together each asks
// for a chunk that is late, and if all were sent it, what is needed next would be
// late too; but whoever got it first passes it on. So the next waits, as long as
// there is something else to send, and lets go when a peer brings it. Of what is not
// needed soon it is told so, and sent nothing.
type echoes struct {
	mu   sync.Mutex
	sent map[echo]sending
}

type echo struct {
	id    protocol.ID
	chunk int
}

type sending struct {
	at    time.Time       // of the last
	to    protocol.NodeID // zero: to one who does not pass it on
	times int
}

const (
	// echoFor is how long what was sent to one may be on its way to the others.
	echoFor = time.Second
	// echoWait is how much later each next one needs it than it says: as long as
	// it takes from one listener to others (schedule.Spread).
	echoWait = 100 * time.Millisecond
	// passedOnIn is how long it may take until who was sent something has it and has told
	// the others: what is not needed soon waits at a busy line.
	passedOnIn = 2 * time.Second
	// canWait is how much later it must be needed for that: several times what the start takes
	// through a crowd, and then there is still time to ask the server.
	canWait = 1500 * time.Millisecond
	// maxEchoes bounds the account, and with it what forgetting the old ones costs.
	maxEchoes = 1024
)

// wait notes that a chunk is to be sent, and returns how much later than asked that
// may be.
func (e *echoes) wait(now time.Time, to protocol.NodeID, id protocol.ID, chunk int) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sent == nil {
		e.sent = map[echo]sending{}
	}
	if len(e.sent) >= maxEchoes {
		for k, s := range e.sent {
			if now.Sub(s.at) > passedOnIn || len(e.sent) >= 2*maxEchoes {
				delete(e.sent, k)
			}
		}
	}
	key := echo{id, chunk}
	s := e.sent[key]
	if now.Sub(s.at) > echoFor {
		s = sending{}
	}
	e.sent[key] = sending{now, to, s.times + 1}
	return time.Duration(s.times) * echoWait
}

// elsewhere reports whether a chunk that is needed within a time, 0 for none that is
// known, is better had from one who was sent it lately.
func (e *echoes) elsewhere(now time.Time, asker protocol.NodeID, id protocol.ID, chunk int, within time.Duration) bool {
	if within > 0 && within < canWait {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.sent[echo{id, chunk}]
	return ok && s.to != asker && s.to != (protocol.NodeID{}) && now.Sub(s.at) < passedOnIn
}
