package player

import (
	"context"
	"math"
	"time"

	"earshot/audio"
	"earshot/protocol"
)

const (
	// leastFade is the shortest crossfade: a shorter one is no more than a join
	// with a bump.
	leastFade = 200 * time.Millisecond

	// fadeRetry is how much of a track sounds before it is looked again whether the next
	// one can be faded into. The crossfade is shorter by that.
	fadeRetry = 250 * time.Millisecond

	// never is a place that no deck comes to.
	never = math.MaxInt64
)

// fade is a deck that ends while another begins. It is of the goroutine that
// sounds, once it is part of a job.
type fade struct {
	deck *deck
	audio.Fade
	gone bool  // nothing more of the deck comes
	err  error // why, if that is too early
}

// outgoing is a turn that ends while the next one has begun.
type outgoing struct {
	turn *turn
	deck *deck
}

// aim sets where the track that plays is to fade into what stands ready: nowhere
// where they are to join.
func (p *Player) aim() {
	if p.cfg.Crossfade == 0 || p.turn == nil || !p.now.known {
		return
	}
	at := int64(never)
	if len(p.ready) > 0 && p.ready[0].known {
		length := min(p.fadeLength(p.now.about(), p.ready[0].about()), p.now.left())
		if length >= leastFade {
			at = p.now.end() - soundBytes(length)
		}
	}
	if at == never || p.now.cross.Load() == never {
		p.now.cross.Store(at)
	}
}

// fadeLength is how long a track fades into the next one: 0 where they join.
// Half of a track is all that a crossfade takes, so that it never meets the one at
// its other end.
func (p *Player) fadeLength(from, to protocol.Track) time.Duration {
	if joins(from, to) {
		return 0
	}
	return min(p.cfg.Crossfade, from.Duration/2, to.Duration/2)
}

// joins reports whether a track follows another on an album, where what is
// between them is part of the music. Where nobody numbered them, it does.
func joins(from, to protocol.Track) bool {
	switch {
	case from.ID == to.ID || from.Album == "" || from.Album != to.Album:
		return false
	case from.Disc == to.Disc:
		return to.Number == from.Number+1 || to.Number == 0 && from.Number == 0
	}
	return to.Disc == from.Disc+1 && to.Number == 1
}

// crossOver begins the next turn while the one that sounds ends. The sounder
// waits at that place. Where the next deck has no sound yet, it is to come again.
func (p *Player) crossOver(ctx context.Context, n note) {
	now := p.now
	e := p.queue.following(p.queue.repeat, p.isPassed)
	stands := e != nil && len(p.ready) > 0 && p.ready[0].entry == e
	switch {
	case !stands || now.left() < leastFade:
		now.cross.Store(never)
		p.sounder.do(job{deck: now})
		return
	case !p.ready[0].ring.primed():
		now.cross.Store(now.written.Load() + soundBytes(fadeRetry))
		p.sounder.do(job{deck: now})
		return
	}
	p.endOutgoing(nil)
	p.count(n.stutters, n.silence)
	p.stutters += p.turn.stutters
	p.silence += p.turn.silence
	p.outgoing = &outgoing{p.turn, now}
	p.leaving.close()
	p.leaving = nil
	p.asked = n.at
	p.queue.advance(e)
	p.turn, p.now = &turn{entry: e}, p.takeReady(e)
	p.retryHeads()
	length := int((now.end() - now.written.Load()) / sampleSize)
	p.sounder.do(job{deck: p.now, fade: &fade{deck: now, Fade: audio.Fade{Length: length}}})
	p.save()
}

// endOutgoing ends the turn that faded out, or was cut off while it did.
func (p *Player) endOutgoing(err error) {
	if o := p.outgoing; o != nil {
		p.outgoing = nil
		p.close(o.turn, o.deck, err)
	}
}
