package player

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"earshot/audio"
	"earshot/protocol"
)

const (
	// headTime is how much of a track is kept decoded for a key that is pressed. It covers
	// the opening of a cached track on a machine that is busy, a few hundredths of a second.
	headTime = 500 * time.Millisecond
	headSize = int(headTime * sampleRate / time.Second * sampleSize)
)

// head is the beginning of a cached track, decoded: what a key may ask for next sounds
// from it at once, and the track is opened meanwhile and goes on where it ends, to the
// sample.
type head struct {
	header protocol.Header
	level  audio.Level
	pcm    []byte
}

// wantedHeads are the entries that a key leads to: the next one, the beginning of
// this one, the one before.
func (p *Player) wantedHeads() (all []protocol.ID) {
	want := func(e *entry) {
		if e != nil && !slices.Contains(all, e.track.ID) {
			all = append(all, e.track.ID)
		}
	}
	want(p.queue.following(p.skipping(), p.isPassed))
	want(p.turn.entry)
	want(p.queue.previous())
	return all
}

// keepHeads has the heads of what a key may ask for decoded, one at a time and once for each
// turn, and drops others. Nothing is done before the track that plays sounds.
func (p *Player) keepHeads(ctx context.Context) {
	if p.turn == nil || p.turn.play == "" {
		return
	}
	wanted := p.wantedHeads()
	for id := range p.heads {
		if !slices.Contains(wanted, id) {
			delete(p.heads, id)
		}
	}
	if p.heading {
		return
	}
	for _, id := range wanted {
		if _, known := p.heads[id]; known {
			continue
		}
		p.heads[id] = nil // asked for
		p.heading = true
		p.work.Go(func() {
			h, _ := p.decodeHead(ctx, id) // else it is opened when it is asked for
			p.tell(ctx, note{kind: noteHead, id: id, head: h})
		})
		return
	}
}

// retryHeads has those asked for again that were not cached before.
func (p *Player) retryHeads() {
	for id, h := range p.heads {
		if h == nil {
			delete(p.heads, id)
		}
	}
}

// heedHead takes a head, if it is still wanted.
func (p *Player) heedHead(n note) {
	p.heading = false
	if _, ok := p.heads[n.id]; ok {
		p.heads[n.id] = n.head
	}
}

// decodeHead decodes the beginning of a track that is cached.
func (p *Player) decodeHead(ctx context.Context, id protocol.ID) (*head, error) {
	track, err := p.cfg.Source.OpenCached(ctx, id)
	if err != nil {
		return nil, err
	}
	defer track.Close()
	h := &head{header: track.Header(), pcm: make([]byte, headSize)}
	if p.cfg.Level != nil {
		h.level = p.cfg.Level(h.header)
	}
	dec, err := p.cfg.Decode(track, h.header)
	for n := 0; err == nil && n < headSize; {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var got int
		got, err = dec.Read(h.pcm[n:])
		if n += got; n == headSize && n%sampleSize == 0 {
			return h, nil
		}
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it is too short")
	}
	return nil, err
}
