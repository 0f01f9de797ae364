package player

import (
	"context"
	"crypto/rand"
	"time"

	"earshot/node/control"
)

// turn is the play of one track, from its opening to its end, through all its
// seeks.
type turn struct {
	entry    *entry
	play     string // its name in reports; empty until it sounds
	latency  time.Duration
	stutters int
	silence  time.Duration
	away     error // why its bytes do not come
	dry      bool  // and nothing is left to sound

	// Of its decks before the last seek.
	bytes  int64
	shares control.Shares

	ahead   *entry // what was to follow when fetched was set
	fetched due
}

// begin begins the turn of an entry, which is the queue's current one, at a
// place in the track. With flush it cuts off what sounds; without, it joins.
func (p *Player) begin(ctx context.Context, e *entry, from time.Duration, flush bool) {
	p.turn, p.ending = &turn{entry: e}, false
	p.retryHeads()
	if from == 0 {
		p.now = p.takeReady(e)
	}
	if p.now == nil {
		p.now = p.newDeck(ctx, e, from, false)
	}
	p.sounder.do(job{deck: p.now, flush: flush})
}

// seek goes on with the turn at another place in the track. What was open stays
// so until the new place is, so that the source keeps what it does for it.
func (p *Player) seek(ctx context.Context, to time.Duration) {
	p.endOutgoing(nil)
	p.turn.keepBooks(p.now)
	if p.now.opened {
		p.leaving.close()
		p.leaving = p.now
	} else {
		p.now.close()
	}
	p.turn.away, p.turn.dry = nil, false
	p.now = p.newDeck(ctx, p.turn.entry, to, p.turn.play != "")
	p.sounder.do(job{deck: p.now, flush: true})
}

// keepBooks adds what came of a deck that the turn leaves.
func (t *turn) keepBooks(d *deck) {
	t.bytes += d.written.Load()
	t.shares = t.shares.Add(d.shares())
}

// started tells that the turn's first sample was handed over.
func (p *Player) started(at time.Time) {
	t := p.turn
	t.play = rand.Text()
	t.latency = at.Sub(p.asked)
	clear(p.passed)
	p.problem.turn()
	p.report(t, p.now, EventStarted, control.StateStarted, nil)
}

// end ends the turn, and one that fades out beside it: err says why it is early,
// if it is. Whoever calls it says what the sounder does next.
func (p *Player) end(err error) {
	p.endOutgoing(nil)
	t := p.turn
	if t == nil {
		return
	}
	p.count(p.cfg.Output.Stutters())
	if t.play == "" && p.now.written.Load() > 0 {
		p.started(time.Now()) // that note came no more
	}
	if t.play != "" {
		p.stutters += t.stutters
		p.silence += t.silence
	}
	p.close(t, p.now, err)
	p.leaving.close()
	p.turn, p.now, p.leaving = nil, nil, nil
}

// close closes the books of a turn, whose last deck is d, and closes that.
func (p *Player) close(t *turn, d *deck, err error) {
	kind := EventEnded
	if err != nil {
		kind = EventFailed
		p.fail(err)
	} else if t.play != "" {
		p.tally.good++
	}
	switch {
	case t.play != "":
		p.report(t, d, kind, control.StateEnded, err)
		if p.cfg.Once {
			p.tally.results = append(p.tally.results, t.result(d, err))
		}
	case err != nil:
		p.news.events.put(Event{Kind: kind, Index: p.queue.index(t.entry), Track: d.about(), Err: err})
	}
	d.close()
}

// fail counts a track that failed.
func (p *Player) fail(err error) {
	p.tally.failed++
	if p.tally.first == nil {
		p.tally.first = err
	}
	p.problem.set(err)
}

// count takes over what the output counts.
func (p *Player) count(stutters int, silence time.Duration) {
	p.turn.stutters, p.turn.silence = stutters-p.stutters, silence-p.silence
}

// report sends an event and a report of a track that sounds.
func (p *Player) report(t *turn, d *deck, kind EventKind, state control.State, err error) {
	r := control.Report{
		Play: t.play, ID: d.id, State: state, Position: d.position(),
		Stutters: t.stutters, StutterNS: t.silence,
	}
	if state == control.StateStarted {
		r.Latency = t.latency
	}
	p.news.reports.put(r)
	p.news.events.put(Event{
		Kind: kind, Index: p.queue.index(t.entry), Track: d.about(), Position: d.position(),
		Result: t.result(d, err), Err: err,
	})
}

// result is how a turn went, whose last deck is d.
func (t *turn) result(d *deck, err error) Result {
	return Result{
		ID:            d.id,
		LatencyMS:     milliseconds(t.latency),
		Stutters:      t.stutters,
		StutterMS:     milliseconds(t.silence),
		Shares:        t.shares.Add(d.shares()),
		SecondsPlayed: float64(t.bytes+d.written.Load()) / secondSize,
		Err:           err,
	}
}
