package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

const (
	// retryFirst and retryMost are how long to wait before a read that nothing
	// can serve is tried again: soon at first, as after a blink of a connection,
	// then twice as long each time. What comes back is noticed within retryMost.
	retryFirst = 250 * time.Millisecond
	retryMost  = 2 * time.Second
)

// item is one track of the queue, opened.
type item struct {
	index  int
	header protocol.Header
	track  control.Track
	dec    Decoder
	from   time.Duration // where it begins to play

	keep   func() bool   // keeps the end of the play from closing the track
	closed chan struct{} // closed where keep came too late
	err    error         // why it ended early; set before its part of the ring ends

	heard heard
}

// close ends all fetching for the item, and returns once that is done.
func (it *item) close() {
	if it.keep() {
		it.track.Close()
		return
	}
	<-it.closed
}

// load is the opening of the first track from index on that can be opened.
type load struct {
	index int
	done  chan struct{}
	item  *item // nil where none can; set before done closes
}

// loads holds the newest load: the sounding goroutine begins it early, and the
// decoding one in any case.
type loads struct {
	mu   sync.Mutex
	next *load
}

// loadFrom begins to open the track at index, unless that was begun before.
func (p *playback) loadFrom(ctx context.Context, index int) *load {
	p.loads.mu.Lock()
	defer p.loads.mu.Unlock()
	if index <= p.loads.next.index {
		return p.loads.next
	}
	l := &load{index: index, done: make(chan struct{})}
	p.loads.next = l
	p.work.Go(func() {
		defer close(l.done)
		for i := index; i < len(p.cfg.Queue) && ctx.Err() == nil; i++ {
			it, err := p.open(ctx, i)
			if err == nil {
				l.item = it
				return
			}
			if ctx.Err() == nil {
				p.fail(err)
				p.news.events.put(Event{Kind: EventFailed, Index: i, Track: protocol.Track{ID: p.cfg.Queue[i]}, Err: err})
			}
		}
	})
	return l
}

// abandon closes what was opened and never decoded. All work has ended.
func (p *playback) abandon() {
	if it := p.loads.next.item; it != nil && it != p.decoding {
		it.close()
	}
}

// open opens one track and makes its decoder ready to give the first sample.
func (p *playback) open(ctx context.Context, index int) (*item, error) {
	it := &item{index: index, closed: make(chan struct{})}
	if index == 0 {
		it.from = p.cfg.From
	}
	id := p.cfg.Queue[index]
	var err error
	if it.track, err = p.cfg.Source.Open(ctx, id, it.from); err != nil {
		return nil, fmt.Errorf("playing %s: %w", id.Short(), err)
	}
	it.header = it.track.Header()
	// A blocked Read ends when its track is closed, so that is what ends it.
	it.keep = context.AfterFunc(ctx, func() {
		defer close(it.closed)
		it.track.Close()
	})
	if err := p.ready(ctx, it); err != nil {
		it.close()
		return nil, fmt.Errorf("playing %s: %w", name(it.header.Track), err)
	}
	return it, nil
}

// ready makes the item's decoder.
func (p *playback) ready(ctx context.Context, it *item) (err error) {
	if it.from > 0 && it.from >= it.header.Duration {
		return fmt.Errorf("it ends at %v, before %v", it.header.Duration.Truncate(time.Second), it.from)
	}
	it.dec, err = p.cfg.Decode(&patient{track: it.track, done: ctx.Done(), tell: p.waiting(it)}, it.header)
	if err == nil && it.from > 0 {
		err = it.dec.Seek(it.from)
	}
	return err
}

// name names a track for people.
func name(t protocol.Track) string {
	if t.Title == "" {
		return t.ID.Short()
	}
	return fmt.Sprintf("%q (%s)", t.Title, t.ID.Short())
}

// waiting returns what tells that the item's bytes stopped coming, and with a
// nil error that they come again.
func (p *playback) waiting(it *item) func(error) {
	return func(err error) {
		e := Event{Kind: EventResumed, Index: it.index, Track: it.header.Track, Err: err}
		if err != nil {
			e.Kind = EventWaiting
		}
		p.news.events.put(e)
	}
}

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
		wait = min(max(2*wait, retryFirst), retryMost)
		if err := t.pause(wait); err != nil {
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

func (t *patient) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.done:
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
