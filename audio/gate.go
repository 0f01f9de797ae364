package audio

import (
	"context"
	"sync"
)

// gate is the pause of an output that has no buffer: writes wait at it.
type gate struct {
	mu      sync.Mutex
	open    chan struct{} // closed by the end of the pause; nil: there is none
	flushed chan struct{} // closed by the next flush; nil: nothing waits
}

func (g *gate) Pause(paused bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case paused && g.open == nil:
		g.open = make(chan struct{})
	case !paused && g.open != nil:
		close(g.open)
		g.open = nil
	}
}

func (g *gate) Flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flushed != nil {
		close(g.flushed)
		g.flushed = nil
	}
}

// pass waits until there is no pause. It reports false where there was a flush
// meanwhile, so that what waited is dropped.
func (g *gate) pass(ctx context.Context) (bool, error) {
	for {
		g.mu.Lock()
		open := g.open
		if open != nil && g.flushed == nil {
			g.flushed = make(chan struct{})
		}
		flushed := g.flushed
		g.mu.Unlock()
		if open == nil {
			return true, ctx.Err()
		}
		select {
		case <-open:
		case <-flushed:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
