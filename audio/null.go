package audio

import (
	"context"
	"sync"
)

// null throws sound away at the pace of a sound card.
type null struct {
	*Ring
	stop context.CancelFunc
	work sync.WaitGroup
}

// NewNull returns an output that sounds nowhere, in real time.
func NewNull() Output {
	ctx, stop := context.WithCancel(context.Background())
	n := &null{Ring: NewRing(), stop: stop}
	n.work.Go(func() { n.Discard(ctx) })
	return n
}

// Close also waits for the clock to end.
func (n *null) Close() error {
	err := n.Ring.Close()
	n.stop()
	n.work.Wait()
	return err
}
