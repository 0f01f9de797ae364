package swarm

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"earshot/protocol"
)

// pacer holds back what a listener uploads, over all connections together: to the
// rate that leaves the line to others (governor), and to the cap. What is more
// urgent goes first. Who is on the same LAN is held to the cap only: what goes
// there does not pass the line.
type pacer struct {
	swarm *Swarm
	cap   func() int64
	turns *uploads // one at a time
	now   atomic.Int64

	// Of whoever has the turn.
	governor governor
	start    time.Time // of the governor's clock
	free     time.Time // when the next piece may go
	seen     time.Duration
	window   time.Duration // since when sent counts
	sent     int
	used     bool
	lost     uint64
}

const (
	// packetData is what a packet of QUIC's first size, 1,280 bytes, holds of a run;
	// pieces are of as many packets at every size.
	packetData = 1240
	// pieceTime is how long the line is busy with a piece at the rate found: as
	// long as others may wait behind it.
	pieceTime = 5 * time.Millisecond
	// maxPiece bounds one where the rate is high.
	maxPiece = protocol.ChunkSize / packetData * packetData
	// grain is a wait that is not worth a timer: it is made up for by the next.
	grain = time.Millisecond
	// burst is how long the line must have been idle, at the rate found, for the start
	// of a track to go at once: at the rate of an unknown line it is 10 KB, the first
	// sound for three.
	burst = 20 * time.Millisecond
	// haste is how much faster the start goes: it is no more than a chunk for each who
	// begins, and all that they wait for.
	haste = 1.5
	// usedWindow is over how long it is measured whether the rate is used.
	usedWindow = 100 * time.Millisecond
	// pathActive is how long after something was sent a path still tells of it:
	// the slowest round trip and the longest queue.
	pathActive = time.Second
	// pathFresh is how long a sample of one path stands beside those of others, or
	// the time of freshPieces where that is longer.
	pathFresh   = 150 * time.Millisecond
	freshPieces = 4
	// quickFor is how long one counts where it is to be seen soon that someone has come,
	// or that time of freshPieces: two or three acknowledgements of each of three paths.
	// One that waits for its next request would tell of the line as it was before.
	quickFor = 50 * time.Millisecond
	// lanRTT is the round trip within which a neighbour is on the same LAN: the
	// first hop of most access lines takes longer.
	lanRTT = 2 * time.Millisecond
)

func newPacer(s *Swarm, most func() int64) *pacer {
	p := &pacer{swarm: s, cap: most, turns: newUploads(1, maxNeighbourStreams), governor: newGovernor(), start: time.Now()}
	p.now.Store(int64(p.governor.rate()))
	return p
}

// maxNeighbourStreams bounds who waits for a piece's turn: all that all
// neighbours may ask; the slots let far fewer come so far.
const maxNeighbourStreams = hardNeighbours * maxStreams

// governed returns the rate that the line is thought to bear, in bytes a second.
func (p *pacer) governed() int64 { return p.now.Load() }

// UploadPace returns how fast a listener's line is thought to bear uploads, in
// bytes a second.
func (s *Swarm) UploadPace() int64 { return s.pacer.governed() }

// most returns the cap in bytes a second, 0 for none.
func (p *pacer) most() int64 {
	if p.cap == nil {
		return 0
	}
	return max(p.cap(), 0)
}

// write sends b in whole packets, no faster than may be, and returns how much: what
// would not fill one is sent only behind the last of an answer. Of two who wait for the
// start of a track the one who asked first gets all of it first: both half as fast would
// be no sooner for the second. Else they take turns: a way that is never idle for long
// tells of the queue.
func (p *pacer) write(ctx context.Context, a *Answer, b []byte, last bool) (n int, err error) {
	for tail := false; !tail && n < len(b); {
		left := len(b) - n
		if rate := p.rate(a.conn); rate > 0 {
			left = min(left, pieceOf(rate))
			order := a.order
			if !a.start {
				order = p.turns.next.Add(1)
			}
			if err := p.wait(ctx, a, order, max(left+a.over, 0)); err != nil {
				return n, err
			}
		}
		a.stream.SetWriteDeadline(time.Now().Add(sendTimeout))
		var k int
		k, tail, err = writePackets(a.stream, b[n:], func(most int) int {
			if left <= 0 {
				return 0
			}
			left -= most
			return most
		})
		n, a.over = n+k, -left
		if err != nil {
			return n, err
		}
	}
	if !last {
		return n, nil
	}
	k, err := a.Write(b[n:])
	return n + k, err
}

// pieceOf is how much to write at once: whole packets, or a little more where they are
// larger. One that goes alone is acknowledged after 25 ms, but QUIC is told of that delay
// and takes it off (RFC 9002, section 5.3); of two the second would wait for the first,
// which cannot be told from a queue where the line's rate is not known.
func pieceOf(rate float64) int {
	n := int(rate*pieceTime.Seconds()) / packetData * packetData
	return min(max(n, packetData), maxPiece)
}

// rate returns how fast the connection may be sent to, 0 for as fast as it goes.
func (p *pacer) rate(c *Conn) float64 {
	most := float64(p.most())
	if c.onLAN() {
		return most
	}
	return p.capped(float64(p.governed()))
}

// capped returns a rate, or the cap if that is less.
func (p *pacer) capped(rate float64) float64 {
	if most := float64(p.most()); most > 0 {
		return min(rate, most)
	}
	return rate
}

// wait returns when n bytes may be sent.
func (p *pacer) wait(ctx context.Context, a *Answer, order uint64, n int) error {
	for {
		if err := p.turns.acquireAs(ctx, a.priority, order); err != nil {
			return err
		}
		if err := p.pause(ctx); err != nil {
			p.turns.release()
			return err
		}
		if !p.turns.outranks(a.priority, order) {
			break
		}
		p.turns.release() // to one who came meanwhile
	}
	defer p.turns.release()
	now := time.Now()
	if !a.conn.onLAN() {
		p.sent += n
		a.conn.path.active = now.Sub(p.start)
		p.look(now.Sub(p.start))
	}
	if rate := p.rate(a.conn); rate > 0 {
		credit := time.Duration(0)
		if a.start {
			credit, rate = burst, p.capped(rate*haste)
		}
		if p.free.Before(now.Add(-max(credit, grain))) {
			p.free = now.Add(-credit)
		}
		p.free = p.free.Add(time.Duration(float64(n) / rate * float64(time.Second)))
	}
	return nil
}

// pause waits until the line is free.
func (p *pacer) pause(ctx context.Context) error {
	pause := time.Until(p.free)
	if pause <= grain {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look takes a view of the paths, if it is time.
func (p *pacer) look(now time.Duration) {
	if p.seen > 0 && now-p.seen < sampleEvery {
		return
	}
	p.seen = now
	if span := now - p.window; span >= usedWindow {
		p.used = float64(p.sent) > p.governor.rate()*span.Seconds()/2
		p.window, p.sent = now, 0
	}
	rate := p.governor.rate()
	piece := time.Duration(float64(pieceOf(rate)) / rate * float64(time.Second))
	fresh := max(pathFresh, freshPieces*piece)
	paths, lost := p.swarm.paths(now, fresh)
	s, ok := viewOf(paths, now, fresh, max(quickFor, freshPieces*piece))
	if !ok {
		return
	}
	s.lost, s.used, s.piece = lost != p.lost, p.used, pieceOf(rate)
	p.lost = lost
	if p.governor.see(now, s) {
		for _, path := range paths {
			path.rebase()
		}
	}
	p.now.Store(int64(p.governor.rate()))
}

// viewOf finds the least queue on those paths that something was sent on lately:
// all share the line's, and some have others of their own. A path that is young
// counts only where there is no other. What came in the last time soon is the quick
// one, if there are two samples at the least.
func viewOf(paths []*path, now, fresh, soon time.Duration) (s view, ok bool) {
	mature, quick := false, 0
	for _, p := range paths {
		old := now-p.born >= pathMature
		if mature && !old {
			continue
		}
		if old && !mature {
			ok, quick = false, 0
		}
		if q := p.queue(fresh); !ok || q < s.queue {
			s.queue, s.rtt = q, p.current(fresh)
		}
		if q, n := p.since(now - soon); n > 0 {
			if quick == 0 || q < s.quick {
				s.quick = q
			}
			quick += n
		}
		ok, mature = true, mature || old
	}
	if quick < 2 {
		s.quick = 0
	}
	return s, ok
}

// paths brings the ways to those who were sent something lately up to date. It is
// for who has the pacer's turn.
func (s *Swarm) paths(now, fresh time.Duration) (active []*path, lost uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		stats := c.quic.ConnectionStats()
		lost += stats.PacketsLost
		if c.path.active == 0 || now-c.path.active > pathActive {
			continue
		}
		if c.path.answered(stats) {
			c.path.sampled = now
			c.path.add(now, stats.LatestRTT)
		}
		if c.path.samples > 0 && now-c.path.sampled <= fresh {
			active = append(active, &c.path.path)
		}
	}
	return active, lost
}

// pacedPath is the way to a neighbour, as the pacer knows it.
type pacedPath struct {
	path
	active  time.Duration // when something was last sent on it
	last    quic.ConnectionStats
	sampled time.Duration // when there was another round trip
}

// answered reports whether what was sent has been answered since the last look. What
// comes may be the other side's own words: those say nothing of a queue that has just
// become long, and the round trip is still the one before. Another one changes the mean
// deviation, unless all are the same.
func (p *pacedPath) answered(now quic.ConnectionStats) bool {
	last := p.last
	p.last = now
	return now.PacketsReceived != last.PacketsReceived && (now.MeanDeviation < 10*time.Microsecond ||
		now.LatestRTT != last.LatestRTT || now.SmoothedRTT != last.SmoothedRTT || now.MeanDeviation != last.MeanDeviation)
}

// onLAN reports whether what goes to the other side does not pass the line.
func (c *Conn) onLAN() bool { return c.quic.ConnectionStats().MinRTT <= lanRTT }
