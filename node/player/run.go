package player

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// note is what the goroutine of Run is told by those that work for it.
type note struct {
	kind   noteKind
	deck   *deck
	err    error
	second bool           // noteSounded: another second was handed over
	track  protocol.Track // noteDescribed
	id     protocol.ID    // noteHead
	head   *head

	// Of the sounder's.
	at       time.Time
	stutters int // as the output counts
	silence  time.Duration
}

type noteKind int

const (
	noteOpened    noteKind = iota // a deck is open
	noteFailed                    // a deck ended without a sound
	noteAway                      // a deck's bytes stopped coming; with no error they come again
	noteSounded                   // a deck's PCM was handed over: the first of it, or at a time that matters
	noteDry                       // a deck has none when it is needed
	noteCross                     // a deck is where the next one is to fade in
	noteFaded                     // a deck has faded out, or ended before that
	noteEnded                     // all of a deck's PCM was
	noteDrained                   // all that was handed over has sounded
	noteHead                      // a head was decoded, or cannot be
	noteDescribed                 // what is known of a track was found out
)

// tell passes a note on, unless ctx ends.
func (p *Player) tell(ctx context.Context, n note) {
	select {
	case p.notes <- n:
	case <-ctx.Done():
	}
}

// Run plays until ctx ends, the output fails or someone quits; with Once also
// until the end of the queue. It returns ctx's or the output's error; nil where
// it was to end.
func (p *Player) Run(ctx context.Context) error {
	defer p.feed.end()
	if p.cfg.Once && len(p.queue.list) == 0 {
		return errors.New("nothing to play")
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	p.news = newNews(ctx, p.cfg)
	failed := make(chan error, 1)
	p.work.Go(func() { failed <- p.sounder.run(run) })
	err := p.conduct(run, failed)
	p.save()
	cancel()
	p.work.Wait()
	p.end(nil)
	p.news.close()
	return p.verdict(ctx, err)
}

// verdict is what Run returns.
func (p *Player) verdict(ctx context.Context, err error) error {
	switch t := p.tally; {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case !p.cfg.Once || t.good > 0 || t.failed == 0:
		return nil
	case t.failed == 1:
		return t.first
	default:
		return fmt.Errorf("none of the %d tracks played to its end; the first: %w", t.failed, t.first)
	}
}

// conduct does what notes and commands ask for. It waits for nothing else, so
// that each is answered at once.
func (p *Player) conduct(ctx context.Context, failed <-chan error) error {
	if e := p.queue.current(); e != nil {
		if p.paused {
			p.sounder.pause(true)
		}
		p.begin(ctx, e, p.cfg.From, false)
	}
	for !p.quit {
		p.lookAhead(ctx)
		p.aim()
		p.keepHeads(ctx)
		again := p.describe(ctx)
		p.publish()
		select {
		case <-again:
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case n := <-p.notes:
			p.heed(ctx, n)
		case r := <-p.commands:
			err := p.serve(ctx, r)
			p.publish() // who is answered sees what was done
			r.answer <- err
		}
	}
	return nil
}

// heed does what a note asks for. One of a deck that was dropped asks for
// nothing.
func (p *Player) heed(ctx context.Context, n note) {
	switch {
	case n.kind == noteDescribed:
		p.asking = false
		if n.err == nil {
			p.queue.describe(n.track)
		}
	case n.kind == noteHead:
		p.heedHead(n)
	case n.kind == noteDrained:
		p.ending = false
		p.quit = p.quit || p.cfg.Once && p.turn == nil
	case n.deck == p.now:
		p.heedNow(ctx, n)
	case n.kind == noteFaded && p.outgoing != nil && n.deck == p.outgoing.deck:
		p.endOutgoing(n.err)
	case slices.Contains(p.ready, n.deck):
		p.heedReady(n)
	}
}

// heedNow takes a note of the deck that plays.
func (p *Player) heedNow(ctx context.Context, n note) {
	switch n.kind {
	case noteOpened:
		p.isOpen(n.deck)
		p.leaving.close()
		p.leaving = nil
	case noteAway:
		p.turn.away = n.err
		p.tellAway(n)
	case noteDry:
		p.turn.dry = true
	case noteSounded:
		p.turn.dry = false
		p.count(n.stutters, n.silence)
		if p.turn.play == "" {
			p.started(n.at)
		} else if n.second {
			p.report(p.turn, p.now, EventProgress, control.StatePlaying, nil)
			p.saveSometimes(n.at)
		}
	case noteCross:
		p.crossOver(ctx, n)
	case noteEnded, noteFailed:
		if n.err != nil {
			p.passed[n.deck.entry] = struct{}{}
		}
		p.end(n.err)
		p.goOn(ctx, n.at)
	}
}

// isOpen takes over what is known of a track since it was opened.
func (p *Player) isOpen(d *deck) {
	d.opened, d.known = true, true
	if t := d.header.Track; t.Title != "" || d.entry.track.Title == "" {
		p.queue.describe(t)
	}
}

// tellAway tells that a deck's bytes stopped coming, or come again.
func (p *Player) tellAway(n note) {
	e := Event{Kind: EventResumed, Index: p.queue.index(n.deck.entry), Track: n.deck.about(), Err: n.err}
	if n.err != nil {
		e.Kind = EventWaiting
	}
	p.news.events.put(e)
}

// goOn has the queue go on by itself behind a track that ended at a moment.
func (p *Player) goOn(ctx context.Context, at time.Time) {
	if !at.IsZero() { // else it never sounded, and the wish for sound stands
		p.asked = at
	}
	e := p.queue.following(p.queue.repeat, p.isPassed)
	if e == nil {
		p.queue.finish()
		p.ending = true
		p.sounder.do(job{drain: true})
		p.save()
		return
	}
	p.queue.advance(e)
	p.begin(ctx, e, 0, false)
	p.save()
}

func (p *Player) isPassed(e *entry) bool {
	_, ok := p.passed[e]
	return ok
}

// lookUpAfter is how long a track that is being opened keeps others from being looked up:
// longer than a start takes in a crowd (node/bench), and before anyone wonders.
const lookUpAfter = time.Second

// describe has tracks looked up of which the ID alone is known, one at a time, but none
// beside a start, which tells of its own: those who begin together would each burden a thin
// line, or a busy processor, with that before the sound. again is when to look again.
func (p *Player) describe(ctx context.Context) (again <-chan time.Time) {
	for !p.asking && len(p.unknown) > 0 {
		if wait := lookUpAfter - time.Since(p.asked); p.now != nil && !p.now.opened && wait > 0 {
			return time.After(wait)
		}
		e := p.unknown[0]
		p.unknown = p.unknown[1:]
		if e.track.Title != "" || e.track.Size != 0 {
			continue
		}
		p.asking = true
		id := e.track.ID
		p.work.Go(func() {
			t, err := p.cfg.Describe(ctx, id)
			p.tell(ctx, note{kind: noteDescribed, track: t, err: err})
		})
	}
	return nil
}
