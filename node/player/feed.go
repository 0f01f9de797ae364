package player

import (
	"context"
	"sync"
	"time"

	"earshot/node/control"
)

// feed is the newest state, for whoever asks.
type feed struct {
	done chan struct{} // closed when the player ends

	mu      sync.Mutex
	state   control.PlayerState
	deck    *deck         // of the position; nil: it stands
	changed chan struct{} // closed with the next state
}

func newFeed() feed {
	return feed{done: make(chan struct{}), changed: make(chan struct{})}
}

func (f *feed) put(s control.PlayerState, d *deck) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.deck = s, d
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *feed) get() (control.PlayerState, *deck, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.deck, f.changed
}

func (f *feed) end() { close(f.done) }

// PlayerState implements control.Player.
func (p *Player) PlayerState(ctx context.Context) (control.PlayerState, error) {
	select {
	case <-p.feed.done:
		return control.PlayerState{}, control.ErrNoPlayer
	default:
	}
	s, d, _ := p.feed.get()
	if d != nil {
		s.Position = p.heardOf(d)
	}
	return s, ctx.Err()
}

// Follow implements control.Player.
func (p *Player) Follow(ctx context.Context, f func(control.PlayerState)) error {
	for {
		s, _, changed := p.feed.get()
		if ctx.Err() != nil {
			return nil
		}
		f(s)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		case <-p.feed.done:
			return control.ErrNoPlayer
		}
	}
}

// publish makes the state as it is now the newest.
func (p *Player) publish() {
	s := control.PlayerState{
		Playback: p.playback(), Index: p.playing(), Queue: len(p.queue.list), Edit: p.queue.edit,
		Volume: p.volume, Shuffle: p.queue.shuffle, Repeat: p.queue.repeat, Problem: p.problem.text,
	}
	if t := p.turn; t != nil {
		track := p.now.about()
		s.Track, s.Length = &track, track.Duration
		s.Position = p.heard()
		s.Latency, s.Stutters = t.latency, t.stutters
		s.Shares = t.shares.Add(p.now.shares())
		if t.away != nil {
			s.Problem = t.away.Error()
		}
		if e := p.queue.following(p.queue.repeat, p.isPassed); e != nil {
			next := e.track
			s.Next = &next
		}
	}
	p.feed.put(s, p.now)
}

func (p *Player) playback() control.Playback {
	switch t := p.turn; {
	case t == nil && p.ending:
		return control.PlaybackPlaying // the last sound
	case t == nil:
		return control.PlaybackStopped
	case p.paused:
		return control.PlaybackPaused
	case t.dry || p.now.written.Load() == 0:
		return control.PlaybackWaiting
	}
	return control.PlaybackPlaying
}

// heard is how far into the track that plays was heard.
func (p *Player) heard() time.Duration {
	if p.turn == nil {
		return 0
	}
	return p.heardOf(p.now)
}

// heardOf is how far into its track a deck was heard. Where the output still
// sounds what came before the deck, that is its beginning.
func (p *Player) heardOf(d *deck) time.Duration {
	return max(d.from, d.position()-p.cfg.Output.Unheard())
}
