package swarm

import "time"

// leastTrain is of how many packets the spacing is a rate: of less, one that is
// late, or two that are acknowledged together, would be too much of it.
const leastTrain = 10 * packetSize

// train is what was acknowledged with no pause between. Where packets queue the line was
// busy with just that, and its rate is that of their spacing, however seldom it is busy
// (Jain and Routhier, "Packet Trains", IEEE JSAC 4(6), 1986).
type train struct {
	delivered
	began, last         time.Time
	firstSent, lastSent time.Time
}

// add takes an acknowledgement; after a pause another train begins with it.
func (t *train) add(now time.Time, n int, base, queue time.Duration) {
	sent := now.Add(-base - queue)
	if now.Sub(t.last) > leastRound {
		*t = train{began: now, last: now, firstSent: sent, lastSent: sent}
		return
	}
	t.delivered.add(n, base, queue)
	t.last = now
	if sent.Before(t.firstSent) {
		t.firstSent = sent
	}
	if sent.After(t.lastSent) {
		t.lastSent = sent
	}
}

// rate is 0 where too little is known. Of several ways of different length one train may
// hold what was sent at different times.
func (t *train) rate() float64 {
	took := max(t.last.Sub(t.began), t.lastSent.Sub(t.firstSent))
	if t.bytes < leastTrain || took < leastRound || !t.queued() {
		return 0
	}
	return t.bytes / took.Seconds()
}
