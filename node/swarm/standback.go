package swarm

import (
	"context"
	"sync"
	"time"

	"earshot/protocol"
)

// standBack lets uploads wait while what plays here is urgent: requests and
// acknowledgements of what is fetched go the same way.
type standBack struct {
	mu   sync.Mutex
	calm chan struct{} // nil while nothing is urgent; closed when that is over
}

// standBackFor bounds the wait of one upload: of those who begin to listen
// together all are urgent, and each has what another lacks.
const standBackFor = time.Second

// StandBack says whether what plays here is urgent: uploads that are not then wait
// a little.
func (s *Swarm) StandBack(urgent bool) {
	b := &s.back
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case urgent && b.calm == nil:
		b.calm = make(chan struct{})
	case !urgent && b.calm != nil:
		close(b.calm)
		b.calm = nil
	}
}

// wait returns when an upload of a priority may begin, or with ctx and its error.
func (b *standBack) wait(ctx context.Context, p protocol.Priority) error {
	b.mu.Lock()
	calm := b.calm
	b.mu.Unlock()
	if calm == nil || p == protocol.PriorityUrgent {
		return nil
	}
	timer := time.NewTimer(standBackFor)
	defer timer.Stop()
	select {
	case <-calm:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
