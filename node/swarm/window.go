package swarm

import "time"

const (
	// firstWindow is how much a server has under way before it knows its line: more
	// than the first chunk of a track, for all to have, and the starts of four more
	// with their headers, so that those who begin alone, or nearly so, are not held up;
	// not much more than a round trip of 50 ms of 4 Mbit/s, as of what is under way
	// nothing can be called back.
	firstWindow = 34 << 10
	// leastWindow keeps a thin line busy: 10 packets, 50 ms of 2 Mbit/s.
	leastWindow = 12 << 10
	// mostWindow is a second of 1 Gbit/s.
	mostWindow = 128 << 20
	// mostQueue is how long a packet may wait in the line's own queue: as much
	// as keeps the line busy while acknowledgements are gathered, and less than
	// anyone hears. LEDBAT allows 100 ms (RFC 6817, section 2.4.2).
	mostQueue = 10 * time.Millisecond
	// leastRound is the shortest time that a rate is measured over: what timers
	// and delayed acknowledgements (25 ms, RFC 9000 section 18.2) blur.
	leastRound = 25 * time.Millisecond
	// probeRounds is how many rounds pass from one try for more to the next, and
	// how many a rate counts for; probeGain is how much more: BBR's figures.
	probeRounds = 8
	probeGain   = 1.25
	// longQueue is what routers begin to drop packets after (CoDel's interval, RFC 8289,
	// section 4.3).
	longQueue = 100 * time.Millisecond
	// sureRounds is after how many rounds a line that is thin is taken to stay so: in
	// less the rate of a far one is not found.
	sureRounds = 64
	// paceGain is by how much faster than its rate a thin line is sent packets: at
	// no more than that nothing faster would ever be seen.
	paceGain = 1.25
	// baseSpan is how long a round trip counts as what the way takes without a
	// queue: twice, at the most. A change of route shows within that.
	baseSpan = 10 * time.Second
)

// window bounds how many bytes all connections of a server together have under
// way. QUIC bounds each connection's, to 40 KB at first: twenty of them fill the
// queue of a thin uplink for seconds, and what someone waits for stands behind
// what nobody needs yet.
//
// It is BBR's control (Cardwell et al., ACM Queue 14(5), 2016) of all connections
// together: it doubles each round trip until packets queue. From then on it is the
// most that was delivered in a round, as a rate, times the round trip without a
// queue and mostQueue; now and then it tries for more. As it follows the rate and
// not the delay, a way that jitters, or a queue that others make, costs the share
// that they take and never leads to nothing.
type window struct {
	size  int // bytes
	found bool
	rates [probeRounds]float64 // of the last rounds, bytes a second
	n     int                  // rounds since the line was found
	pace  float64              // bytes a second at which to send; 0 for as fast as the window allows

	round round
}

// round is what is seen in about a round trip in which something always waited.
type round struct {
	began     time.Time // zero while nothing waits
	first     time.Time
	delivered float64 // bytes
	base      float64 // seconds of round trip without a queue, times bytes
	queue     float64 // seconds more that it took, times bytes
}

func newWindow() window { return window{size: firstWindow} }

// thin reports whether a rate is so low that the line would be busy with the first
// window for longer than its queue may last.
func thin(rate float64) bool { return rate*longQueue.Seconds() < firstWindow }

// wait says that something waits for the window.
func (w *window) wait(now time.Time) {
	if w.round.began.IsZero() {
		w.round.began = now
	}
}

// acked takes note of n bytes that were delivered, after a round trip of base and
// queue more. What nobody waits behind says nothing of the line.
func (w *window) acked(now time.Time, n int, base, queue time.Duration) {
	r := &w.round
	if r.began.IsZero() || n <= 0 || !w.found && now.Sub(r.began) < base {
		return // sent before anything waited
	}
	r.delivered += float64(n)
	r.base += float64(n) * base.Seconds()
	r.queue += float64(n) * queue.Seconds()
	if r.first.IsZero() {
		r.first = now
	}
	elapsed := now.Sub(r.first)
	if elapsed < leastRound || elapsed.Seconds()*r.delivered < r.base+r.queue {
		return
	}
	w.adapt(r.delivered/elapsed.Seconds(), r.base/r.delivered, r.queue/r.delivered)
	*r = round{}
}

// adapt sets the window for the next round: rate in bytes a second, base and queue
// in seconds.
func (w *window) adapt(rate, base, queue float64) {
	w.rates[w.n%probeRounds] = rate
	w.n++
	if !w.found && queue <= mostQueue.Seconds() {
		w.size = min(2*w.size, mostWindow)
		return
	}
	w.found = true
	most := w.rate()
	if w.n%probeRounds == 0 {
		most *= probeGain
	}
	w.size = min(max(int(most*(base+mostQueue.Seconds())), leastWindow), mostWindow)
	w.pace = 0
	if rate := w.rate(); w.n >= sureRounds && thin(rate) {
		w.pace = rate * paceGain
	}
}

// rate is the most that was delivered in a round, bytes a second.
func (w *window) rate() float64 {
	most := 0.0
	for _, r := range w.rates {
		most = max(most, r)
	}
	return most
}

// baseline is the round trip of one connection without queues: the least of the
// last baseSpan, or of the one before.
type baseline struct {
	since       time.Time
	least, last time.Duration
}

func (b *baseline) add(now time.Time, rtt time.Duration) time.Duration {
	switch {
	case b.least == 0:
		b.since, b.least, b.last = now, rtt, rtt
	case now.Sub(b.since) > baseSpan:
		b.since, b.least, b.last = now, rtt, b.least
	default:
		b.least = min(b.least, rtt)
	}
	return min(b.least, b.last)
}
