package stream

import (
	"context"
	"sync"
	"time"
)

// urgentBelow is how much is buffered when what plays is urgent: what the
// schedule calls so (Kreitz and Niemelä, section III).
const urgentBelow = 3 * time.Second

// calm knows whether what plays here is urgent, and lets others wait until it is
// not.
type calm struct {
	mu     sync.Mutex
	urgent int           // streams
	quiet  chan struct{} // closed while there are none
	tell   func(urgent bool)
}

func (c *calm) init(tell func(urgent bool)) {
	c.tell = tell
	c.quiet = make(chan struct{})
	close(c.quiet)
}

// add counts a stream that becomes urgent, or with -1 no longer is.
func (c *calm) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.urgent
	c.urgent += n
	switch {
	case before == 0 && c.urgent > 0:
		c.quiet = make(chan struct{})
		c.tell(true)
	case before > 0 && c.urgent == 0:
		close(c.quiet)
		c.tell(false)
	}
}

// wait returns when nothing is urgent, or with ctx and its error.
func (c *calm) wait(ctx context.Context) error {
	c.mu.Lock()
	quiet := c.quiet
	c.mu.Unlock()
	select {
	case <-quiet:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
