package node

import (
	"sync"
	"time"

	"earshot/cache"
	"earshot/node/control"
	"earshot/node/stream"
	"earshot/protocol"
)

// plays is what players tell the node, and what they have read.
type plays struct {
	mu    sync.Mutex
	now   map[string]play
	reads map[*reading]struct{}
	gone  stream.Shares // of readings that have ended, not in the ledger yet
}

type play struct {
	report control.Report
	at     time.Time
}

const (
	// forgetPlay is when a player that reports nothing is taken for dead: it
	// reports each second.
	forgetPlay = 10 * time.Second
	// maxPlays bounds the plays kept: more players than anyone has ears for.
	maxPlays = 64
)

// report takes a player's news and counts it.
func (p *plays) report(r control.Report, l *cache.Ledger) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		p.now = map[string]play{}
	}
	for name, known := range p.now {
		if time.Since(known.at) > forgetPlay {
			delete(p.now, name)
		}
	}
	before, known := p.now[r.Play]
	if r.State == control.StateStarted {
		l.Play(r.Latency)
	}
	if more := r.Stutters - before.report.Stutters; more > 0 {
		l.Stutter(more)
	}
	switch {
	case r.State == control.StateEnded:
		delete(p.now, r.Play)
	case known || len(p.now) < maxPlays:
		p.now[r.Play] = play{r, time.Now()}
	}
}

// playing returns the last report on a track, if it is being played.
func (p *plays) playing(id protocol.ID) (control.Report, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.now {
		if known.report.ID == id && time.Since(known.at) <= forgetPlay {
			return known.report, true
		}
	}
	return control.Report{}, false
}

// count brings the ledger up to date with what was read.
func (p *plays) count(l *cache.Ledger) {
	p.mu.Lock()
	sum := p.gone
	p.gone = stream.Shares{}
	for r := range p.reads {
		now := r.Reader.Shares()
		sum.Server += now.Server - r.counted.Server
		sum.Peers += now.Peers - r.counted.Peers
		sum.Cache += now.Cache - r.counted.Cache
		r.counted = now
	}
	p.mu.Unlock()
	if sum != (stream.Shares{}) {
		l.Played(sum.Server, sum.Peers, sum.Cache)
	}
}

// shares returns what the readings of a track that are under way have read.
func (p *plays) shares(id protocol.ID) (sum control.Shares) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.reads {
		if r.Reader.Header().ID == id {
			sum = sum.Add(r.Shares())
		}
	}
	return sum
}

// reading is a track being read, as the control interface has it.
type reading struct {
	*stream.Reader
	plays   *plays
	once    sync.Once
	counted stream.Shares // in the ledger; under plays.mu
}

func (p *plays) read(r *stream.Reader) *reading {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reads == nil {
		p.reads = map[*reading]struct{}{}
	}
	reading := &reading{Reader: r, plays: p}
	p.reads[reading] = struct{}{}
	return reading
}

// Read reads, with the errors of the control interface.
func (r *reading) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	return n, translate(err)
}

// Shares tells where the bytes read so far came from.
func (r *reading) Shares() control.Shares { return control.Shares(r.Reader.Shares()) }

// Close ends the reading.
func (r *reading) Close() error {
	err := r.Reader.Close()
	r.once.Do(func() {
		p := r.plays
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.reads, r)
		now := r.Reader.Shares()
		p.gone.Server += now.Server - r.counted.Server
		p.gone.Peers += now.Peers - r.counted.Peers
		p.gone.Cache += now.Cache - r.counted.Cache
	})
	return err
}
