package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"earshot/audio"
	"earshot/node/control"
	"earshot/protocol"
)

// deck is one track, opened and decoded from one place on into a ring of its
// own. So the next track stands ready beside the one that plays, and any of
// the two can be dropped without the other. A seek is a new deck.
type deck struct {
	entry  *entry
	id     protocol.ID
	from   time.Duration // where it begins in the track
	ring   *ring
	cancel context.CancelFunc
	goesOn bool // with a track that plays already: a seek
	sounds bool // of the goroutine that decodes: there was PCM

	// Set before there is PCM, and before the deck is told of as open; not changed then.
	header protocol.Header
	level  audio.Level

	head  *head         // what the ring began with; nil: nothing
	track control.Track // set before the deck is told of as open

	written atomic.Int64 // bytes of PCM that the output took; the sounder counts
	cross   atomic.Int64 // of those, how many are before the next track is to fade in

	// Of the goroutine of Run, as about is.
	opened bool
	known  bool // its header is
}

// newDeck begins to open and decode an entry. At the beginning of a track whose head is
// there it has sound at once.
func (p *Player) newDeck(ctx context.Context, e *entry, from time.Duration, goesOn bool) *deck {
	ctx, cancel := context.WithCancel(ctx)
	d := &deck{entry: e, id: e.track.ID, from: from, ring: newRing(), cancel: cancel, goesOn: goesOn}
	d.cross.Store(never)
	if h := p.heads[d.id]; h != nil && from == 0 {
		d.head, d.header, d.level = h, h.header, h.level
		d.known, d.sounds, d.goesOn = true, true, true
		d.ring.fill(h.pcm)
	}
	p.work.Go(func() {
		defer cancel()
		switch err := p.playDeck(ctx, d); {
		case ctx.Err() != nil:
		case d.sounds:
			d.ring.end(err)
		default:
			p.tell(ctx, note{kind: noteFailed, deck: d, err: err})
		}
	})
	return d
}

// playDeck opens a deck and decodes it to its end.
func (p *Player) playDeck(ctx context.Context, d *deck) error {
	track, err := p.openDeck(ctx, d)
	if err != nil {
		return fmt.Errorf("playing %s: %w", d.id.Short(), err)
	}
	// A blocked Read ends when its track is closed, so that is what ends it.
	closed := make(chan struct{})
	keep := context.AfterFunc(ctx, func() {
		defer close(closed)
		track.Close()
	})
	defer func() {
		if keep() {
			track.Close()
			return
		}
		<-closed
	}()
	d.track = track
	if d.head == nil {
		d.header = track.Header()
		if p.cfg.Level != nil {
			d.level = p.cfg.Level(d.header)
		}
	}
	p.tell(ctx, note{kind: noteOpened, deck: d})
	if err := p.decodeDeck(ctx, d); err != nil {
		return fmt.Errorf("playing %s: %w", name(d.header.Track), err)
	}
	return nil
}

// openDeck opens a deck's track. A track that plays already is not given up
// where nothing can be reached that holds the place it is to go on at.
func (p *Player) openDeck(ctx context.Context, d *deck) (control.Track, error) {
	for wait := time.Duration(0); ; {
		track, err := p.cfg.Source.Open(ctx, d.id, d.from)
		if !d.goesOn || !isAway(err) {
			if wait > 0 && err == nil {
				p.tell(ctx, note{kind: noteAway, deck: d})
			}
			return track, err
		}
		if wait == 0 {
			p.tell(ctx, note{kind: noteAway, deck: d, err: err})
		}
		wait = retryAfter(wait)
		if err := pauseFor(ctx.Done(), wait); err != nil {
			return nil, err
		}
	}
}

// decodeDeck decodes an open deck into its ring.
func (p *Player) decodeDeck(ctx context.Context, d *deck) error {
	if d.from > 0 && d.from >= d.header.Duration {
		return fmt.Errorf("it ends at %s, before %s", moment(d.header.Duration), moment(d.from))
	}
	src := &patient{track: d.track, done: ctx.Done(), tell: func(err error) {
		p.tell(ctx, note{kind: noteAway, deck: d, err: err})
	}}
	dec, err := p.cfg.Decode(src, d.header)
	from := d.from
	if d.head != nil {
		from = headTime
	}
	if err == nil && from > 0 {
		err = dec.Seek(from)
	}
	if err != nil {
		return err
	}
	for {
		room, err := d.ring.room(ctx)
		if err != nil {
			return err
		}
		n, err := dec.Read(room)
		if n%sampleSize != 0 {
			return errors.New("the decoder gives half a sample")
		}
		if n > 0 {
			d.sounds = true
			d.ring.add(n)
		}
		switch {
		case errors.Is(err, io.EOF) && !d.sounds:
			return errors.New("there is no sound in it")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// close ends all fetching for a deck; Run waits for that.
func (d *deck) close() {
	if d != nil {
		d.cancel()
	}
}

// position is how far into the track the output was handed sound.
func (d *deck) position() time.Duration { return d.from + soundTime(d.written.Load()) }

// end is how much PCM of the deck there is in all, as far as the header tells.
func (d *deck) end() int64 { return soundBytes(d.header.Duration - d.from) }

// left is how much of it was not handed over.
func (d *deck) left() time.Duration { return soundTime(d.end() - d.written.Load()) }

// shares tells where the deck's bytes came from.
func (d *deck) shares() control.Shares {
	if !d.opened {
		return control.Shares{}
	}
	return d.track.Shares()
}

// about is what is known of the deck's track.
func (d *deck) about() protocol.Track {
	if d.known {
		return d.header.Track
	}
	return d.entry.track
}

// name names a track for people.
func name(t protocol.Track) string {
	if t.Title == "" {
		return t.ID.Short()
	}
	return fmt.Sprintf("%q (%s)", t.Title, t.ID.Short())
}

// moment writes a place in a track as people do: M:SS, or H:MM:SS.
func moment(d time.Duration) string {
	s := int(d / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// soundBytes is how many bytes of PCM sound so long, whole samples.
func soundBytes(d time.Duration) int64 {
	return int64(math.Round(d.Seconds()*sampleRate)) * sampleSize
}

// soundTime is how long so many bytes of PCM sound.
func soundTime(bytes int64) time.Duration {
	return time.Duration(float64(bytes) / secondSize * float64(time.Second))
}
