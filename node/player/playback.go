package player

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"earshot/node/control"
)

// playback is one call of Play.
type playback struct {
	cfg   Config
	ring  *ring
	news  *news
	work  sync.WaitGroup
	loads loads

	decoding *item // of the decoding goroutine: the newest that it took

	mu       sync.Mutex
	failures []error

	// Of the sounding goroutine.
	results   []Result
	sounding  *item
	requested time.Time // when the next first sample was asked for
	stutters  int       // by the end of the last track, with their time
	stutter   time.Duration
}

// heard is what is known of an item's sound. It is the sounding goroutine's.
type heard struct {
	play     string // its name in reports
	bytes    int64  // of PCM
	latency  time.Duration
	stutters int
	stutter  time.Duration
	fetched  control.Depth // the last prefetch of what follows
}

func newPlayback(ctx context.Context, cfg Config) *playback {
	p := &playback{cfg: cfg, ring: newRing(), news: newNews(ctx, cfg), requested: cfg.Started}
	p.loads.next = &load{index: -1}
	return p
}

// finish ends what is left once all work has ended: the track that sounds, if
// it was interrupted, what was opened and not needed, and the news.
func (p *playback) finish() {
	if p.sounding != nil {
		p.ended(p.sounding)
	}
	p.abandon()
	p.news.close()
}

func (p *playback) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, err)
}

// decode decodes the queue into the ring.
func (p *playback) decode(ctx context.Context) {
	defer p.ring.finish()
	for index := 0; ; {
		l := p.loadFrom(ctx, index)
		<-l.done // soon after ctx ends
		it := l.item
		if it == nil {
			return
		}
		p.decoding = it
		err := p.decodeItem(ctx, it)
		it.close()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			it.err = fmt.Errorf("playing %s: %w", name(it.header.Track), err)
		}
		p.ring.end(it)
		index = it.index + 1
	}
}

// decodeItem decodes one track to its end.
func (p *playback) decodeItem(ctx context.Context, it *item) error {
	for sounds := false; ; {
		room, err := p.ring.room(ctx)
		if err != nil {
			return err
		}
		n, err := it.dec.Read(room)
		if n%sampleSize != 0 {
			return errors.New("the decoder gives half a sample")
		}
		if n > 0 {
			sounds = true
			p.ring.add(it, n)
		}
		switch {
		case errors.Is(err, io.EOF) && !sounds:
			return errors.New("there is no sound in it")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// sound hands the ring's PCM to the output until there is no more.
func (p *playback) sound(ctx context.Context) error {
	for {
		it, pcm, err := p.ring.next(ctx)
		if err != nil {
			return err // ctx's
		}
		if it == nil {
			if err := p.cfg.Output.Drain(ctx); err != nil {
				return fmt.Errorf("playing the last sound: %w", err)
			}
			return nil
		}
		if pcm == nil {
			p.ended(it)
			continue
		}
		if err := p.cfg.Output.Write(ctx, pcm); err != nil {
			return fmt.Errorf("handing sound to the output: %w", err)
		}
		p.ring.took(len(pcm))
		p.wrote(ctx, it, len(pcm))
	}
}

// wrote counts PCM that the output took, and does what is due.
func (p *playback) wrote(ctx context.Context, it *item, n int) {
	h := &it.heard
	before := h.bytes / secondSize
	h.bytes += int64(n)
	if p.sounding != it {
		p.sounding = it
		h.play = rand.Text()
		h.latency = time.Since(p.requested)
		p.tell(it, EventStarted, control.StateStarted)
	} else if h.bytes/secondSize != before {
		p.tell(it, EventProgress, control.StatePlaying)
	}
	p.lookAhead(ctx, it)
}

// lookAhead has the next track fetched and opened when their time has come.
func (p *playback) lookAhead(ctx context.Context, it *item) {
	next := it.index + 1
	if next >= len(p.cfg.Queue) {
		return
	}
	h := &it.heard
	left := it.header.Duration - it.position()
	if left <= prefetchPeers && h.fetched == "" {
		h.fetched = control.DepthPeers
		p.prefetch(ctx, next, control.DepthPeers)
	}
	if left <= prefetchHead && h.fetched == control.DepthPeers {
		h.fetched = control.DepthHead
		p.prefetch(ctx, next, control.DepthHead)
	}
	if left <= openNext {
		p.loadFrom(ctx, next)
	}
}

// prefetch asks for a track to be fetched, aside. What goes wrong shows when it
// is opened.
func (p *playback) prefetch(ctx context.Context, index int, depth control.Depth) {
	p.work.Go(func() { _ = p.cfg.Source.Prefetch(ctx, p.cfg.Queue[index], depth) })
}

// ended closes the books on an item.
func (p *playback) ended(it *item) {
	kind := EventEnded
	if it.err != nil {
		kind = EventFailed
		p.fail(it.err)
	}
	if it.heard.bytes == 0 {
		p.news.events.put(Event{Kind: kind, Index: it.index, Track: it.header.Track, Err: it.err})
		return
	}
	p.tell(it, kind, control.StateEnded)
	p.results = append(p.results, p.result(it))
	p.stutters += it.heard.stutters
	p.stutter += it.heard.stutter
	p.requested = time.Now()
	p.sounding = nil
}

// tell sends an event and a report of the item that sounds.
func (p *playback) tell(it *item, kind EventKind, state control.State) {
	h := &it.heard
	n, total := p.cfg.Output.Stutters()
	h.stutters, h.stutter = n-p.stutters, total-p.stutter
	r := control.Report{
		Play: h.play, ID: it.header.ID, State: state, Position: it.position(),
		Stutters: h.stutters, StutterNS: h.stutter,
	}
	if state == control.StateStarted {
		r.Latency = h.latency
	}
	p.news.reports.put(r)
	p.news.events.put(Event{
		Kind: kind, Index: it.index, Track: it.header.Track, Position: it.position(),
		Result: p.result(it), Err: it.err,
	})
}

// position is how far into the track was heard.
func (it *item) position() time.Duration { return it.from + soundTime(it.heard.bytes) }

// soundTime is how long so many bytes of PCM sound.
func soundTime(bytes int64) time.Duration {
	return time.Duration(float64(bytes) / secondSize * float64(time.Second))
}

func (p *playback) result(it *item) Result {
	h := &it.heard
	return Result{
		ID:            it.header.ID,
		LatencyMS:     milliseconds(h.latency),
		Stutters:      h.stutters,
		StutterMS:     milliseconds(h.stutter),
		Shares:        it.track.Shares(),
		SecondsPlayed: float64(h.bytes) / secondSize,
		Err:           it.err,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
