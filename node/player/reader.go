package player

import (
	"context"
	"errors"
	"io"
	"time"

	"earshot/node/control"
)

const (
	// retryFirst and retryMost are how long to wait before a read that nothing
	// can serve is tried again: soon at first, as after a blink of a connection,
	// then twice as long each time. What comes back is noticed within retryMost.
	retryFirst = 250 * time.Millisecond
	retryMost  = 2 * time.Second
)

// patient reads a track and does not give up where nothing can be reached that
// holds its next bytes, before done closes.
type patient struct {
	track control.Track
	pos   int64
	done  <-chan struct{}
	tell  func(error)
}

func (t *patient) Read(b []byte) (int, error) {
	for wait := time.Duration(0); ; {
		n, err := t.track.Read(b)
		t.pos += int64(n)
		if n > 0 || !isAway(err) {
			if wait > 0 && (err == nil || n > 0) {
				t.tell(nil)
			}
			if n > 0 {
				err = nil // it comes again with the next Read
			}
			return n, err
		}
		if wait == 0 {
			t.tell(err)
		}
		wait = retryAfter(wait)
		if err := pauseFor(t.done, wait); err != nil {
			return 0, err
		}
		if _, err := t.track.Seek(t.pos, io.SeekStart); err != nil {
			return 0, err
		}
	}
}

// isAway reports whether what failed may go on later.
func isAway(err error) bool {
	return errors.Is(err, control.ErrUnavailable) || errors.Is(err, control.ErrServerAway)
}

// retryAfter is how long to wait after a wait that was in vain.
func retryAfter(wait time.Duration) time.Duration { return min(max(2*wait, retryFirst), retryMost) }

func pauseFor(done <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-done:
		return context.Canceled
	}
}

func (t *patient) Seek(offset int64, whence int) (int64, error) {
	pos, err := t.track.Seek(offset, whence)
	if err == nil {
		t.pos = pos
	}
	return pos, err
}
