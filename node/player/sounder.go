package player

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"earshot/audio"
)

// sounder hands the PCM of decks to the output, in one goroutine. What it is to
// do is set from another, and taken up within one write.
type sounder struct {
	out    Output
	lead   time.Duration // by how much earlier what follows is due
	chain  chain
	tell   func(context.Context, note)
	turn   atomic.Int64 // of the newest job, also while that is not there yet
	job    atomic.Pointer[job]
	paused atomic.Bool
	wake   signal // the job or paused changed
	timer  *time.Timer
}

// job is what a sounder is to do: to sound a deck; else, with drain, to let
// sound what was written; else nothing.
type job struct {
	deck  *deck
	fade  *fade // into the deck, of another one
	drain bool
	flush bool // what was written before is dropped
	turn  int64
}

func newSounder(out Output, lead time.Duration, volume int, tell func(context.Context, note)) *sounder {
	s := &sounder{out: out, lead: lead, tell: tell, wake: make(signal, 1), timer: time.NewTimer(time.Hour)}
	s.chain.mixer = audio.NewMixer()
	s.timer.Stop()
	s.chain.setVolume(volume)
	return s
}

// do sets the job; one goroutine calls it. The flush ends a write that waits. It
// comes when the last job is over and before the new one can be taken up, so that
// it drops nothing of that.
func (s *sounder) do(j job) {
	j.turn = s.turn.Add(1)
	if j.flush {
		s.out.Flush()
	}
	s.job.Store(&j)
	s.wake.raise()
}

// holds reports whether a job is still to be done.
func (s *sounder) holds(j *job) bool { return s.turn.Load() == j.turn }

// pause stops the sound, or has it go on. The output is told too: it holds
// some sound.
func (s *sounder) pause(paused bool) {
	s.paused.Store(paused)
	s.out.Pause(paused)
	s.wake.raise()
}

// run does one job after another until ctx ends or the output fails.
func (s *sounder) run(ctx context.Context) error {
	for done := (*job)(nil); ; {
		j := s.job.Load()
		if j == done {
			if err := s.wake.wait(ctx); err != nil {
				return err
			}
			continue
		}
		if j.flush {
			s.out.Flush() // a write was under way when do did
			s.chain.mixer.Drop()
		}
		var err error
		switch {
		case j.deck != nil:
			err = s.sound(ctx, j)
		case j.drain:
			err = s.drain(ctx, j)
		}
		if err != nil {
			return err
		}
		done = j
	}
}

// sound hands over a deck's PCM, at first with that of one that fades into it, until
// its end, or until there is another job.
func (s *sounder) sound(ctx context.Context, j *job) error {
	d, f := j.deck, j.fade
	for dry := false; s.holds(j); {
		if s.paused.Load() {
			if err := s.wake.wait(ctx); err != nil {
				return err
			}
			continue
		}
		room := int64(never)
		if f == nil {
			room = d.cross.Load() - d.written.Load()
		}
		if room <= 0 {
			s.tell(ctx, s.note(note{kind: noteCross, deck: d}))
			return ctx.Err()
		}
		pcm, ended, err := d.ring.next()
		pcm = pcm[:min(int64(len(pcm)), room)]
		switch {
		case ended:
			s.faded(ctx, f, nil)
			s.tell(ctx, s.note(note{kind: noteEnded, deck: d, err: err}))
			return ctx.Err()
		case len(pcm) == 0:
			late, err := s.await(ctx, d, dry)
			if err != nil {
				return err
			}
			if late && s.holds(j) {
				dry = true
				s.tell(ctx, note{kind: noteDry, deck: d})
			}
			continue
		}
		if f != nil {
			pcm, err = s.cross(ctx, d, f, pcm)
			if f.Done == f.Length {
				s.faded(ctx, f, f.err)
				f = nil
			}
		} else {
			err = s.write(ctx, s.chain.process(pcm, d))
		}
		if err != nil {
			return err
		}
		if len(pcm) == 0 {
			continue
		}
		d.ring.took(len(pcm))
		s.wrote(ctx, d, len(pcm), dry)
		dry = false
	}
	return nil
}

// cross hands over the next PCM of a deck that begins with that of one that ends: as
// much as both have. What does not come of the one that ends is not waited for longer
// than a listener would not notice: the one that begins is what is to be heard. It returns what
// it handed over of that.
func (s *sounder) cross(ctx context.Context, d *deck, f *fade, pcm []byte) ([]byte, error) {
	pcm = pcm[:min(len(pcm), (f.Length-f.Done)*sampleSize)]
	var last []byte
	if !f.gone {
		var err error
		if last, f.gone, err = f.deck.ring.next(); err != nil {
			f.err = err
		}
	}
	if !f.gone {
		if len(last) == 0 {
			late, err := s.await(ctx, f.deck, false)
			f.gone = late
			return nil, err
		}
		pcm = pcm[:min(len(pcm), len(last))]
		last = last[:len(pcm)]
	}
	if err := s.write(ctx, s.chain.fade(pcm, d, last, f)); err != nil {
		return nil, err
	}
	f.Done += len(pcm) / sampleSize
	f.deck.ring.took(len(last))
	f.deck.written.Add(int64(len(last)))
	return pcm, nil
}

// faded tells that a deck has faded out.
func (s *sounder) faded(ctx context.Context, f *fade, err error) {
	if f != nil {
		s.tell(ctx, note{kind: noteFaded, deck: f.deck, err: err})
	}
}

func (s *sounder) write(ctx context.Context, pcm []byte) error {
	if len(pcm) == 0 {
		return nil // the mixer holds it back
	}
	if err := s.out.Write(ctx, pcm); err != nil {
		return fmt.Errorf("handing sound to the output: %w", err)
	}
	return nil
}

// await waits for PCM of a deck or for another job; late says that it took
// longer than a listener would not notice, once.
func (s *sounder) await(ctx context.Context, d *deck, told bool) (late bool, err error) {
	if !told {
		s.timer.Reset(dryAfter)
		defer s.timer.Stop()
	}
	select {
	case <-d.ring.filled:
	case <-s.wake:
	case <-s.timer.C:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return false, nil
}

// wrote counts PCM that the output took, and tells of it where that matters.
func (s *sounder) wrote(ctx context.Context, d *deck, n int, dry bool) {
	before := d.position()
	after := d.written.Add(int64(n))
	second := (after-int64(n))/secondSize != after/secondSize
	length := d.header.Duration - s.lead
	due := dueWith(length-before) != dueWith(length-d.position())
	if first := after == int64(n); first || second || due || dry {
		s.tell(ctx, s.note(note{kind: noteSounded, deck: d, second: second}))
	}
}

func (s *sounder) drain(ctx context.Context, j *job) error {
	err := s.write(ctx, s.chain.end())
	if err != nil {
		return err
	}
	if err := s.out.Drain(ctx); err != nil {
		return fmt.Errorf("playing the last sound: %w", err)
	}
	if s.holds(j) {
		s.tell(ctx, s.note(note{kind: noteDrained}))
	}
	return nil
}

// note adds to a note when it was made, and how the output does.
func (s *sounder) note(n note) note {
	n.at = time.Now()
	n.stutters, n.silence = s.out.Stutters()
	return n
}
