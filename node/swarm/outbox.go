package swarm

import (
	"context"
	"errors"
	"sync"
	"time"

	"earshot/protocol"
)

// outbox holds what is to be said on a control stream. Saying never blocks;
// one writer takes what has gathered.
type outbox struct {
	kick  chan struct{}                        // one slot: there is something
	known func(id protocol.ID, chunk int) bool // what the other side holds, and need not hear of

	mu   sync.Mutex
	said []byte         // encoded, in order
	gots []protocol.Got // held back a moment, so that neighbouring chunks become one message
	now  bool           // said has what should not wait
	soon bool           // gots has what is needed soon
	full bool           // more was to be said than may gather
}

const (
	// gatherFor is how long a Got may wait for others to join it: as long as a
	// run of 4 chunks takes to arrive at 2 Mbit/s, so that it costs one message
	// and not four; a tenth of what the schedule calls urgent, so that no offer
	// comes late. It also lets others offer the same chunks first.
	gatherFor = 250 * time.Millisecond
	// gatherSoon is the same for what others need within the next seconds.
	gatherSoon = 25 * time.Millisecond
	// maxSaid is more than all have maps of maxWants usual tracks, and maxGots
	// all chunks of an album. Who lets so much gather reads too slowly to be of
	// use, or does not mean to.
	maxSaid = 1 << 20
	maxGots = 16 << 10
)

var errTooSlow = errors.New("the neighbour does not read its control stream")

func (o *outbox) init(known func(protocol.ID, int) bool) {
	o.kick, o.known = make(chan struct{}, 1), known
}

func (o *outbox) say(m protocol.Message) {
	o.mu.Lock()
	o.flushGots() // order is kept: a Got must not overtake or follow a Lost wrongly
	if o.full = o.full || len(o.said) > maxSaid; !o.full {
		o.said = protocol.Append(o.said, m)
	}
	o.now = true
	o.mu.Unlock()
	o.wake()
}

func (o *outbox) got(id protocol.ID, first, count int, soon bool) {
	o.mu.Lock()
	if n := len(o.gots); n > 0 && o.gots[n-1].ID == id && o.gots[n-1].First+o.gots[n-1].Count == first {
		o.gots[n-1].Count += count
	} else if o.full = o.full || n >= maxGots; !o.full {
		o.gots = append(o.gots, protocol.Got{ID: id, First: first, Count: count})
	}
	o.soon = o.soon || soon
	o.mu.Unlock()
	o.wake()
}

// flushGots says what was held back, but for chunks that the other side has got
// by now.
func (o *outbox) flushGots() {
	for _, g := range o.gots {
		end := g.First + g.Count
		for i := g.First; i < end; i++ {
			first := i
			for i < end && !o.known(g.ID, i) {
				i++
			}
			if i > first {
				o.said = protocol.Append(o.said, &protocol.Got{ID: g.ID, First: first, Count: i - first})
			}
		}
	}
	o.gots = o.gots[:0]
}

func (o *outbox) wake() {
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// next waits until there is something to say and takes all of it.
func (o *outbox) next(ctx context.Context) ([]byte, error) {
	for {
		select {
		case <-o.kick:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		o.mu.Lock()
		now, gather := o.now, gatherFor
		if o.soon {
			gather = gatherSoon
		}
		o.mu.Unlock()
		if !now {
			select {
			case <-time.After(gather):
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		o.mu.Lock()
		o.flushGots()
		b, full := o.said, o.full
		o.said, o.now, o.soon = nil, false, false
		o.mu.Unlock()
		if full {
			return nil, errTooSlow
		}
		if len(b) > 0 {
			return b, nil
		}
	}
}
