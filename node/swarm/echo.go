package swarm

import (
	"sync"
	"time"

	"earshot/protocol"
)

// echoes is what a server has sent lately. Of those who listen together each asks
// for a chunk that is late, and if all were sent it, what is needed next would be
// late too; but whoever got it first passes it on. So the next waits, as long as
// there is something else to send, and lets go when a peer brings it.
type echoes struct {
	mu   sync.Mutex
	sent map[echo]sending
}

type echo struct {
	id    protocol.ID
	chunk int
}

type sending struct {
	at    time.Time // of the last
	times int
}

const (
	// echoFor is how long what was sent to one may be on its way to the others.
	echoFor = time.Second
	// echoWait is how much later each next one needs it than it says: as long as
	// it takes from one listener to others (schedule.Spread).
	echoWait = 100 * time.Millisecond
	// maxEchoes bounds the account, and with it what forgetting the old ones costs.
	maxEchoes = 1024
)

// wait notes that a chunk is to be sent, and returns how much later than asked that
// may be.
func (e *echoes) wait(now time.Time, id protocol.ID, chunk int) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sent == nil {
		e.sent = map[echo]sending{}
	}
	if len(e.sent) >= maxEchoes {
		for k, s := range e.sent {
			if now.Sub(s.at) > echoFor || len(e.sent) >= 2*maxEchoes {
				delete(e.sent, k)
			}
		}
	}
	key := echo{id, chunk}
	s := e.sent[key]
	if now.Sub(s.at) > echoFor {
		s = sending{}
	}
	e.sent[key] = sending{now, s.times + 1}
	return time.Duration(s.times) * echoWait
}
