package swarm

import (
	"math"
	"time"
)

// governor decides how fast uploads may be sent, so that the line's other users
// do not notice them: it is a pure control law, times and samples in, a rate out.
//
// It follows LEDBAT (RFC 6817): what a round trip takes beyond the least that was
// seen in the last minutes is a queue, and where the queue grows beyond a target
// others wait in it too. LEDBAT's own law moves a window and leaves 100 ms in the
// queue; here a rate is moved, as QUIC's windows are not ours to move and the sum
// over all connections counts, and the target is so low that a call or a game is
// not disturbed. A low target with a late answer swings, so the law is not
// LEDBAT's proportional one: it goes down at once by a factor that depends on how
// long the queue is, and up in steps that are small near the rate that last made a
// queue and grow away from it (as CUBIC's do, RFC 9438).
type governor struct {
	now      float64       // bytes a second
	before   float64       // the rate that last made a queue; 0 for none yet
	most     float64       // that made none
	steps    int           // up, since the last way down
	hold     time.Duration // what was decided must show first
	flat     flatness      // of the queue while the rate is at its floor
	idle     time.Duration // when something was last sent
	started  bool
	slowdown bool // the last decision was to go down
}

const (
	// governorTarget is the queue that is allowed: half of the 10 ms that a
	// ping may grow by, and one packet at 2 Mbit/s.
	governorTarget = 5 * time.Millisecond
	// pieceMost is what may be allowed for a piece that is sent at once: a packet at
	// 1 Mbit/s, and a little more. With pieceSlack the line's headers are counted, and
	// that its rate is not known to the last bit.
	pieceMost  = 12 * time.Millisecond
	pieceSlack = 1.15
	// governorFlee is a queue that our own steps do not make: someone else has
	// come, and needs the line now.
	governorFlee = 10 * governorTarget
	// governorFloor is what is sent in any case, 64 kbit/s: 3 % of an uplink of
	// 2 Mbit/s, and enough to see by that the queue has gone.
	governorFloor = 64_000 / 8
	// governorStart is what an unknown line is tried with, 4 Mbit/s: what a head
	// needs so that its first chunk takes 33 ms. Most lines have more; one of 2
	// Mbit/s has a tenth of a second of queue, once.
	governorStart = 4_000_000 / 8
	// governorMost is more than disks and most lines do, 1 Gbit/s.
	governorMost = 1_000_000_000 / 8

	// smallStep is the growth near the rate that last made a queue. In the
	// quarter of a second that it takes to see the queue this makes 3 ms of it.
	smallStep = 0.015
	// largeStep is the most growth: in as long it makes 60 ms of queue, once,
	// where the line is seen to be full for the first time.
	largeStep = 0.25
	// drainTime is in what a queue that is seen is to be gone: the time that it takes to see.
	drainTime = 250 * time.Millisecond
	// How close to that rate the steps are small; from half as close on they are
	// not large.
	nearBelow, nearAbove = 0.8, 1.1

	// settleRound is added to a round trip until what was decided shows: the
	// filter's samples must be new.
	settleRound = filterSamples * sampleEvery
	// governorIdle is when what was known of the line is old: then the start is
	// cautious again.
	governorIdle = 10 * time.Second
)

func newGovernor() governor { return governor{now: governorStart} }

// rate returns how fast to send now, in bytes a second.
func (g *governor) rate() float64 { return g.now }

// view is what the paths show at one moment.
type view struct {
	queue time.Duration // what the least delayed path has more than its least
	quick time.Duration // the same by the latest samples of all: sooner, and less sure
	rtt   time.Duration // its round trip
	lost  bool          // packets were lost since the last view
	used  bool          // most of the rate was used since then
	piece int           // bytes that are sent at once
}

// see takes a view. It reports whether the paths must be taken as they are now
// for the least: the queue that they show is not one.
func (g *governor) see(now time.Duration, s view) (rebase bool) {
	if g.started && now-g.idle > governorIdle {
		g.now = min(g.now, max(g.now/2, governorStart))
		g.flat = flatness{}
	}
	g.started, g.idle = true, now
	target := g.target(s.piece)
	if g.now <= governorFloor && s.queue > target {
		if g.flat.add(now, s) {
			g.flat, g.hold, g.most = flatness{}, now, 0
			return true
		}
	} else {
		g.flat = flatness{}
	}
	if s.quick > governorFlee && g.now > governorFloor {
		g.down(now, s)
		return false
	}
	if now < g.hold && (g.slowdown || s.queue <= target) { // nothing waits for a way down after one up
		return false
	}
	switch {
	case s.queue > target:
		g.down(now, s)
	case s.used:
		g.up(now, s)
	}
	return false
}

// target is the queue that is allowed. The last packet of what is sent at once waits for
// the others, so that is no sign of anyone else; on a line that is not known, as long as
// that may be.
func (g *governor) target(piece int) time.Duration {
	if g.most == 0 {
		return pieceMost
	}
	own := time.Duration(pieceSlack * float64(piece) / g.most * float64(time.Second))
	return min(max(own, governorTarget), pieceMost)
}

// down makes room: the longer the queue is against a round trip of which it should be no
// part, the more; and where ours is the smaller share of the line, more of it, as a queue
// goes by what the line is relieved of.
func (g *governor) down(now time.Duration, s view) {
	if !g.slowdown {
		g.before = g.now
	}
	g.slowdown, g.steps = true, 0
	if s.quick > governorFlee {
		g.now = governorFloor
	} else {
		over := float64(s.queue-governorTarget) / float64(governorFlee)
		relief := g.most * s.queue.Seconds() / drainTime.Seconds()
		g.now = max(min(g.now*(0.9-0.5*over), g.now-relief), 0.4*g.now, governorFloor)
	}
	g.hold = now + s.rtt + settleRound
}

// up tries for more.
func (g *governor) up(now time.Duration, s view) {
	g.slowdown = false
	step := largeStep
	if g.before > 0 { // else no rate has shown yet what it makes
		g.most = max(g.most, g.now)
		g.steps++
		step = min(smallStep*float64(g.steps), largeStep)
		switch at := g.now / g.before; {
		case at > nearBelow && at < nearAbove:
			step, g.steps = smallStep, 1
		case at > nearBelow/2 && at <= nearBelow:
			step = min(step, 3*smallStep)
		}
	}
	g.now = min(g.now*(1+step), governorMost)
	g.hold = now + s.rtt + settleRound/2
}

// flatness tells a longer way from a queue. While the rate is at its floor the
// queue is not of our making; one that others make moves, or loses packets. What
// does neither for long is the way itself.
type flatness struct {
	since     time.Duration
	low, high time.Duration
	seen      bool
}

const (
	// flatFor is how long: many of the cycles of a TCP flow that fills a queue.
	flatFor = 10 * time.Second
	// flatWithin is what such a way may vary by.
	flatWithin = governorTarget
)

func (f *flatness) add(now time.Duration, s view) bool {
	if !f.seen || s.lost || max(f.high, s.queue)-min(f.low, s.queue) > flatWithin {
		*f = flatness{since: now, low: s.queue, high: s.queue, seen: true}
		return false
	}
	f.low, f.high = min(f.low, s.queue), max(f.high, s.queue)
	return now-f.since >= flatFor
}

// path keeps what the round trips of one connection say of the queue.
type path struct {
	born    time.Duration
	started bool
	least   [baseMinutes]time.Duration // of each of the last minutes; 0 for none
	minute  int64                      // the latest of them
	recent  [filterSamples]sample      // the last ones, in a ring
	samples int
	jitter  time.Duration // by how much a sample is outside of its neighbours, EWMA
}

// sample is a round trip, and when it was seen.
type sample struct{ at, rtt time.Duration }

const (
	// sampleEvery is how often the paths are looked at while something is sent:
	// an acknowledgement comes every 10 ms at 2 Mbit/s.
	sampleEvery = 20 * time.Millisecond
	// filterSamples is of how many samples the least counts, against jitter and
	// late acknowledgements (RFC 6817, CURRENT_FILTER: 4 at the least).
	filterSamples = 5
	// jitterSamples is over how many samples jitter is smoothed (RFC 3550, section 6.4.1).
	jitterSamples = 16
	// jitterTimes is of how much jitter, beyond what others' single packets make, the least
	// of a few samples of a way without a queue is: of 40 ms each way, with 8 uploads stood
	// back in one run of 24, with 12 in none of 48.
	jitterTimes = 12
	// jitterOthers is that of others' single packets, 5 ms each at 2 Mbit/s.
	jitterOthers = 2 * time.Millisecond
	// baseMinutes is how long the least round trip counts: a route that has
	// become longer is believed after (RFC 6817, BASE_HISTORY, has 10).
	baseMinutes = 4
	// pathMature is when a path's least is taken for its least: before that, it
	// may have begun with a queue.
	pathMature = 3 * time.Second
)

// add takes the latest round trip.
func (p *path) add(now, rtt time.Duration) {
	if rtt <= 0 {
		return
	}
	if !p.started {
		p.started, p.born = true, now
	}
	minute := int64(now / time.Minute)
	for ; p.minute < minute; p.minute++ {
		if minute-p.minute > baseMinutes { // idle for long
			p.least = [baseMinutes]time.Duration{}
			p.minute = minute - 1
		}
		p.least[(p.minute+1)%baseMinutes] = 0
	}
	if at := &p.least[minute%baseMinutes]; *at == 0 || rtt < *at {
		*at = rtt
	}
	p.recent[p.samples%filterSamples] = sample{now, rtt}
	if p.samples++; p.samples >= 3 {
		before, at, after := p.last(3).rtt, p.last(2).rtt, p.last(1).rtt
		outside := max(0, min(before, after)-at, at-max(before, after))
		p.jitter += (outside - p.jitter) / jitterSamples
	}
}

// last returns the nth of the last samples.
func (p *path) last(n int) sample { return p.recent[(p.samples-n)%filterSamples] }

// usual is what a way that jitters takes longer than it can without a queue. One that
// others fill or drain goes one way, however far apart the samples are, and is none of it.
func (p *path) usual() time.Duration { return jitterTimes * max(0, p.jitter-jitterOthers) }

// base returns the least round trip of the last minutes, 0 if there is none.
func (p *path) base() (least time.Duration) {
	for _, m := range p.least {
		if m > 0 && (least == 0 || m < least) {
			least = m
		}
	}
	return least
}

// current returns the least of the last samples, of those that are not older than the
// latest by more than span: where little is sent, the others are of a queue long gone.
func (p *path) current(span time.Duration) time.Duration {
	if p.samples == 0 {
		return 0
	}
	last := p.last(1)
	least := last.rtt
	for i := 2; i <= min(filterSamples, p.samples); i++ {
		if s := p.last(i); last.at-s.at <= span {
			least = min(least, s.rtt)
		}
	}
	return least
}

// since returns by how much the way took longer than it can by the least of the last
// samples, of those that came since then, and how many they are.
func (p *path) since(then time.Duration) (queue time.Duration, n int) {
	for i := 1; i <= min(filterSamples, p.samples); i++ {
		s := p.last(i)
		if s.at < then {
			break
		}
		if q := max(0, s.rtt-p.base()-p.usual()); n == 0 || q < queue {
			queue = q
		}
		n++
	}
	return queue, n
}

// queue returns by how much the way takes longer than it can.
func (p *path) queue(span time.Duration) time.Duration {
	return max(0, p.current(span)-p.base()-p.usual())
}

// rebase takes the way as it is now for the shortest.
func (p *path) rebase() {
	if p.samples > 0 {
		p.least = [baseMinutes]time.Duration{}
		p.least[p.minute%baseMinutes] = p.current(math.MaxInt64)
	}
}
