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
	// droppedQueue is the same on a line that stays thin, and where many share one, so that
	// acknowledgements come evenly: little more than the 5 ms after which routers begin to
	// drop (CoDel's target, RFC 8289, section 4.4), and that may be what a crowd waits for.
	// With 5 half of 20 begin 6 ms later at 4 Mbit/s, with 8 some are dropped at 2.
	droppedQueue = 6 * time.Millisecond
	// leastRound is the shortest time that a rate is measured over: what timers
	// and delayed acknowledgements (25 ms, RFC 9000 section 18.2) blur. A longer pause
	// between two acknowledgements is the line's.
	leastRound = 25 * time.Millisecond
	// roundPause is for how long nothing waits before a round is over: more than a round
	// trip with a queue, so nothing is under way any more.
	roundPause = time.Second
	// probeRounds is how many rounds pass from one try for more to the next, and
	// how many a rate counts for; probeGain is how much more: BBR's figures.
	probeRounds = 8
	probeGain   = 1.25
	// longQueue is what routers begin to drop packets after (CoDel's interval, RFC 8289,
	// section 4.3).
	longQueue = 100 * time.Millisecond
	// sureRounds is after how many rounds a line that is thin is taken to stay so: less
	// may all be of a moment in which others use it.
	sureRounds = 64
	// paceGain is by how much faster than its rate a line is sent packets: at no more
	// than that nothing faster would ever be seen. Nor would a line that comes and goes be
	// seen to come, if it were sent less than leastWindow in a round trip.
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
// queue and what may queue; now and then it tries for more. As it follows the rate and
// not the delay, a way that jitters, or a queue that others make, costs the share
// that they take and never leads to nothing.
//
// What is sent at once queues behind itself, also on a far line that takes much more
// than the first window in a round trip. So where packets queue before the line is
// known, or while not all of the window is used, the rate is that of a train.
type window struct {
	size   int // bytes
	found  bool
	shared bool                 // by many connections
	rates  [probeRounds]float64 // of the last rounds that tell, bytes a second
	at     int                  // where the next goes
	n      int                  // rounds so far
	pace   float64              // bytes a second at which to send; 0 for as fast as the window allows
	base   time.Duration        // round trip without a queue, of the last round; 0 before the line is known
	open   time.Time            // since when it has had room; zero while it is full
	waited time.Time            // when something last waited for it
	full   float64              // the rate when the line was last full, bytes a second

	round round
}

// round is what is seen in about a round trip in which something always waited.
type round struct {
	began time.Time // zero while nothing waits
	first time.Time
	short bool // since the one before, what might go did not always fill the window
	all   delivered
	train train // the latest
	long  train // the longest
}

// delivered is what was acknowledged, and what it took. Of those whose way is not known
// the bytes count, and no more.
type delivered struct {
	bytes float64
	known float64 // bytes whose way is
	base  float64 // seconds of round trip without a queue, times those bytes
	queue float64 // seconds more that it took, times those bytes
}

func (d *delivered) add(n int, base, queue time.Duration) {
	d.bytes += float64(n)
	d.known += float64(n)
	d.base += float64(n) * base.Seconds()
	d.queue += float64(n) * queue.Seconds()
}

// queued reports whether it waited for longer than it may.
func (d *delivered) queued() bool { return d.queue > d.known*mostQueue.Seconds() }

func newWindow() window { return window{size: firstWindow} }

// thin reports whether the line is, and stays, so slow that it would be busy with the
// first window for longer than its queue may last.
func (w *window) thin() bool {
	return w.n >= sureRounds && w.rate()*longQueue.Seconds() < firstWindow
}

// share says whether many connections share the window. What one was sent of a line that
// is not known says little of what a crowd can be: so it begins anew.
func (w *window) share(shared bool) {
	if shared && !w.shared && !w.found {
		w.size, w.round = firstWindow, round{}
	}
	w.shared = shared
}

// wait says that something waits for the window. What was acknowledged before nothing did
// for a while is of another round.
func (w *window) wait(now time.Time) {
	if now.Sub(w.waited) > roundPause {
		w.round = round{}
		w.recall()
	}
	w.waited = now
	if w.round.began.IsZero() {
		w.round.began = now
	}
}

// recall goes back to the rate of when the line was last full. What is sent now and then
// waits behind itself, so it looks as if that were all that the line takes.
func (w *window) recall() {
	if w.full > w.rate() {
		w.rates = [probeRounds]float64{w.full, w.full}
		w.at = 2
		w.size = sized(w.full, w.base.Seconds(), w.queue())
	}
}

// acked takes note of n bytes that were delivered, after a round trip of base and
// queue more. What nobody waits behind says nothing of the line.
func (w *window) acked(now time.Time, n int, base, queue time.Duration) {
	w.room(now, !w.open.IsZero())
	r := &w.round
	if r.began.IsZero() || n <= 0 {
		return
	}
	r.train.add(now, n, base, queue)
	if r.train.bytes > r.long.bytes {
		r.long = r.train
	}
	if !w.found && w.fits(r.long) {
		w.adapt(0, r.long.base/r.long.known, true)
		*r = round{}
		return
	}
	if !w.found && now.Sub(r.began) < base {
		return // sent before anything waited
	}
	if r.first.IsZero() {
		r.first = now // what came with it came in no time
		return
	}
	r.all.add(n, base, queue)
	w.end(now)
}

// came takes note of n bytes that were delivered to one whose way is not known.
func (w *window) came(now time.Time, n int) {
	if !w.round.first.IsZero() {
		w.round.all.bytes += float64(n)
		w.end(now)
	}
}

// end ends the round, if it has lasted for a round trip.
func (w *window) end(now time.Time) {
	r := &w.round
	elapsed := now.Sub(r.first)
	if elapsed < leastRound || r.all.known == 0 || elapsed.Seconds()*r.all.known < r.all.base+r.all.queue {
		return
	}
	// A few packets may be all that there was to send, and say nothing of a larger window.
	if queued := r.all.queued(); w.found || queued || 4*r.all.bytes >= float64(w.size) {
		w.adapt(r.all.bytes/elapsed.Seconds(), r.all.base/r.all.known, queued)
	}
	*r = round{}
}

// fits reports whether a train tells of a line that takes more than the window: that
// need not be waited for until the round is over.
func (w *window) fits(t train) bool {
	rate := t.rate()
	return rate > 0 && sized(rate, t.base/t.known, mostQueue) > w.size
}

// sized is the window for a rate in bytes a second, a round trip in seconds, and what may
// queue.
func sized(rate, base float64, queue time.Duration) int {
	return min(max(int(rate*(base+queue.Seconds())), leastWindow), mostWindow)
}

// queue is how long packets may wait at the line.
func (w *window) queue() time.Duration {
	if w.shared || w.thin() {
		return droppedQueue
	}
	return mostQueue
}

// room says whether the window has room for what is not sent: because there is nothing,
// or it is kept for what is needed sooner.
func (w *window) room(now time.Time, left bool) {
	if !w.open.IsZero() && now.Sub(w.open) > shortWait {
		w.round.short = true
	}
	switch {
	case !left:
		w.open = time.Time{}
	case w.open.IsZero():
		w.open = now
	}
}

// adapt sets the window for the next round, after one in which so much was delivered, in
// bytes a second, with a round trip of base seconds without a queue.
func (w *window) adapt(delivered, base float64, queued bool) {
	w.n++
	short, rate := w.round.short, delivered
	if !w.found || short {
		rate = max(rate, w.round.long.rate())
	}
	gain := 1.0
	if !w.found || !short || queued || rate > w.rate() { // else it is what was sent, and not what the line takes
		w.rates[w.at] = rate
		w.at = (w.at + 1) % probeRounds
		// What a try gives shows in the round behind it.
		if again := w.at == 1 && w.rates[probeRounds-1] > 0; w.at == 0 || again && !w.thin() {
			gain = probeGain
		}
	}
	if !w.found && !queued {
		w.size = min(2*w.size, mostWindow)
		return
	}
	filling := !w.found || w.pace > 0
	w.found = true
	rate = w.rate()
	if !short {
		w.full = rate
	}
	w.base = time.Duration(base * float64(time.Second))
	w.size = sized(rate*gain, base, w.queue())
	w.pace = 0
	// Until it is filled for the first time, what is sent at once would queue for nothing.
	if filling && delivered*paceGain < rate || w.thin() {
		w.pace = max(rate*paceGain, leastWindow/(base+mostQueue.Seconds()))
	}
}

// rate is the most that was delivered in a round, bytes a second. Where many share the
// line, so that their acknowledgements are uneven, the one round that saw the most does
// not count: it is some 10 % too much, and what it lets queue is dropped.
func (w *window) rate() float64 {
	most, second := 0.0, 0.0
	for _, r := range w.rates {
		switch {
		case r > most:
			most, second = r, most
		case r > second:
			second = r
		}
	}
	if w.shared && second > 0 {
		return second
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
