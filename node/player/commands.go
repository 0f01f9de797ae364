package player

import (
	"context"
	"fmt"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// request is a command, or with a function a question, for the goroutine of Run.
type request struct {
	command control.Command
	look    func()
	at      time.Time
	answer  chan error // of one
}

// Command implements control.Player.
func (p *Player) Command(ctx context.Context, c control.Command) error {
	return p.ask(ctx, request{command: c})
}

// Queue implements control.Player.
func (p *Player) Queue(ctx context.Context) (q control.Queue, err error) {
	err = p.ask(ctx, request{look: func() {
		q = control.Queue{Edit: p.queue.edit, Index: p.playing(), Tracks: make([]protocol.Track, 0, len(p.queue.list))}
		for _, e := range p.queue.list {
			q.Tracks = append(q.Tracks, e.track)
		}
	}})
	return q, err
}

// playing is where the track that plays stands in the queue, or -1.
func (p *Player) playing() int {
	if p.turn == nil {
		return -1
	}
	return p.queue.index(p.turn.entry)
}

func (p *Player) ask(ctx context.Context, r request) error {
	r.at, r.answer = time.Now(), make(chan error, 1)
	select {
	case p.commands <- r:
		return <-r.answer // at once
	case <-ctx.Done():
		return ctx.Err()
	case <-p.feed.done:
		return control.ErrNoPlayer
	}
}

// serve answers a request.
func (p *Player) serve(ctx context.Context, r request) error {
	if r.look != nil {
		r.look()
		return nil
	}
	err := p.obey(ctx, r.command, r.at)
	if err == nil {
		p.save()
	}
	return err
}

// badCommand says why a command makes no sense.
func badCommand(format string, args ...any) error {
	return fmt.Errorf("%w: %s", control.ErrBadCommand, fmt.Sprintf(format, args...))
}

// obey does a command.
func (p *Player) obey(ctx context.Context, c control.Command, at time.Time) error {
	switch c.Do {
	case control.DoPlay:
		return p.play(ctx, at)
	case control.DoPause:
		p.pause(p.turn != nil || p.paused)
	case control.DoToggle:
		if p.turn == nil || p.paused {
			return p.play(ctx, at)
		}
		p.pause(true)
	case control.DoNext:
		p.skip(ctx, at)
	case control.DoPrev:
		p.prev(ctx, at)
	case control.DoSeek:
		return p.seekBy(ctx, c, at)
	case control.DoVolume:
		return p.setVolume(c)
	case control.DoShuffle:
		p.queue.setShuffle(c.On == nil && !p.queue.shuffle || c.On != nil && *c.On)
	case control.DoRepeat:
		return p.setRepeat(c.Repeat)
	case control.DoQuit:
		p.quit = true
	default:
		return p.edit(ctx, c, at)
	}
	return nil
}

// pause stops the sound or has it go on.
func (p *Player) pause(paused bool) {
	if paused != p.paused {
		p.paused = paused
		p.sounder.pause(paused)
	}
}

// play goes on, or begins again at the end of the queue.
func (p *Player) play(ctx context.Context, at time.Time) error {
	if p.turn != nil {
		if p.turn.play == "" {
			p.asked = at // begun without a sound, nobody waited for one until now
		}
		p.pause(false)
		return nil
	}
	if p.queue.current() == nil {
		p.queue.rewind()
	}
	e := p.queue.current()
	if e == nil {
		return badCommand("nothing is queued")
	}
	p.cut(ctx, e, at)
	return nil
}

// cut breaks off what plays and plays an entry, which is the current one; nil
// is the end.
func (p *Player) cut(ctx context.Context, e *entry, at time.Time) {
	p.end(nil)
	p.asked = at
	if e == nil {
		p.queue.finish()
		p.ending = true
		p.sounder.do(job{drain: true, flush: true})
		p.pause(false)
		return
	}
	delete(p.passed, e)
	p.begin(ctx, e, 0, true)
	p.pause(false)
}

// skip goes to what follows, also where the current track repeats.
func (p *Player) skip(ctx context.Context, at time.Time) {
	if p.turn == nil {
		return
	}
	e := p.queue.following(p.skipping(), p.isPassed)
	if e != nil && e != p.queue.current() {
		p.queue.advance(e)
	}
	p.cut(ctx, e, at)
}

// skipping is what repeats for someone who asks for the next track.
func (p *Player) skipping() control.Repeat {
	if p.queue.repeat == control.RepeatOne {
		return control.RepeatAll
	}
	return p.queue.repeat
}

// prev goes to the beginning of the track, or within its first seconds to the
// one before.
func (p *Player) prev(ctx context.Context, at time.Time) {
	e := p.queue.previous()
	switch {
	case p.turn != nil && (e == nil || p.heard() > prevRestarts):
		p.seek(ctx, 0)
		p.pause(false)
	case e != nil:
		p.queue.back()
		p.cut(ctx, e, at)
	}
}

// seekBy goes to a place in the track: beyond its end, where the place is
// relative, to the next track.
func (p *Player) seekBy(ctx context.Context, c control.Command, at time.Time) error {
	if p.turn == nil {
		return badCommand("nothing plays")
	}
	to := c.To
	if c.By {
		to = max(0, p.heard()+c.To)
	}
	length := p.now.about().Duration
	switch {
	case to < 0 || length > 0 && to >= length && !c.By:
		return badCommand("there is no such place in a track of %v", length.Truncate(time.Second))
	case length > 0 && to >= length:
		p.skip(ctx, at)
	default:
		p.seek(ctx, to)
	}
	return nil
}

func (p *Player) setVolume(c control.Command) error {
	v := c.Volume
	if c.By {
		v = min(max(p.volume+v, 0), maxVolume)
	}
	if v < 0 || v > maxVolume {
		return badCommand("the volume is 0 to %d percent", maxVolume)
	}
	p.volume = v
	p.sounder.chain.setVolume(v)
	return nil
}

func (p *Player) setRepeat(r control.Repeat) error {
	switch r {
	case "":
		r = map[control.Repeat]control.Repeat{
			control.RepeatOff: control.RepeatAll, control.RepeatAll: control.RepeatOne, control.RepeatOne: control.RepeatOff,
		}[p.queue.repeat]
	case control.RepeatOff, control.RepeatAll, control.RepeatOne:
	default:
		return badCommand("to repeat is off, all or one")
	}
	p.queue.repeat = r
	return nil
}

// edit changes the queue.
func (p *Player) edit(ctx context.Context, c control.Command, at time.Time) error {
	if err := p.check(c); err != nil {
		return err
	}
	q := p.queue
	switch c.Do {
	case control.DoAdd:
		q.add(p.queued(c.Tracks))
	case control.DoInsert:
		q.insert(p.queued(c.Tracks))
	case control.DoReplace:
		p.end(nil)
		q.replace(p.queued(c.Tracks))
		p.cut(ctx, q.current(), at)
	case control.DoJump:
		q.jump(q.list[c.Index])
		p.cut(ctx, q.current(), at)
	case control.DoMove:
		q.move(c.Index, c.Dest)
	case control.DoRemove:
		p.remove(ctx, c.Index, at)
	case control.DoClear:
		var keep *entry
		if p.turn != nil {
			keep = p.turn.entry
		}
		q.clear(keep)
		p.unknown = nil
	}
	return nil
}

// check refuses what makes no sense of the queue as it is.
func (p *Player) check(c control.Command) error {
	n := len(p.queue.list)
	place := func(i int) error {
		if i < 0 || i >= n {
			return badCommand("the queue has no place %d", i)
		}
		return nil
	}
	switch c.Do {
	case control.DoReplace:
		n = 0
		fallthrough
	case control.DoAdd, control.DoInsert:
		if len(c.Tracks) == 0 {
			return badCommand("no tracks are named")
		}
		if n+len(c.Tracks) > control.MaxQueued {
			return badCommand("the queue holds %d tracks at the most", control.MaxQueued)
		}
	case control.DoMove:
		if err := place(c.Dest); err != nil {
			return err
		}
		return place(c.Index)
	case control.DoJump, control.DoRemove:
		return place(c.Index)
	case control.DoClear:
	default:
		return badCommand("there is no command %q", c.Do)
	}
	return nil
}

// remove takes a track out of the queue. Where it plays, what follows does; and
// the player stays paused if it is.
func (p *Player) remove(ctx context.Context, i int, at time.Time) {
	if p.turn == nil || p.queue.list[i] != p.turn.entry {
		p.queue.remove(i)
		return
	}
	paused := p.paused
	p.end(nil)
	p.queue.remove(i)
	p.cut(ctx, p.queue.current(), at)
	p.pause(paused && p.turn != nil)
}

// queued makes entries of tracks, to be described.
func (p *Player) queued(ids []protocol.ID) []*entry {
	all := make([]*entry, len(ids))
	for i, id := range ids {
		all[i] = &entry{protocol.Track{ID: id}}
	}
	if p.cfg.Describe != nil {
		p.unknown = append(p.unknown, all...)
	}
	return all
}
