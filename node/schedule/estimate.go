package schedule

import (
	"time"

	"earshot/protocol"
)

const (
	// guessRTT and guessRate stand in for what is not known of a source: a
	// round trip across a continent, and 1 Mbit/s, which most uplinks have.
	guessRTT  = 100 * time.Millisecond
	guessRate = 128 << 10

	// minRate keeps estimates finite: at 1 KiB/s a chunk takes 16 s.
	minRate = 1 << 10

	// maxWindow is the most requests outstanding at one source: 8 runs of 64
	// KiB fill 40 Mbit/s at 100 ms.
	maxWindow = 8

	// serverWindow is where the server's window begins: it is known, and it is
	// asked for little at a time.
	serverWindow = 4

	// minSample is the shortest time that a rate is measured over. Timers and
	// scheduling make anything less noise.
	minSample = time.Millisecond

	// slop is added to the time at which a request counts as late: the
	// granularity of timers and of a busy node's scheduler (RFC 6298's G).
	slop = 30 * time.Millisecond

	// skewed bounds by how much one delivery can move the deviation, as a
	// multiple of the source's own: one pause must not excuse all later ones.
	skewed = 8
)

// transfer is how long the source sends n bytes.
func (src *source) transfer(n int) time.Duration {
	return time.Duration(float64(n) / src.rate * float64(time.Second))
}

// usable reports whether the source may be asked at all now.
func (src *source) usable(now time.Duration) bool {
	return src.used && !src.unwilling && now >= src.until
}

// arrival is the expected time until n bytes asked of the source now are here:
// its usual wait, or what it owes already where that takes longer, and the
// transfer. A source that is backed off is waited for first.
func (src *source) arrival(now time.Duration, n int) time.Duration {
	return max(src.until-now, 0) + max(src.wait, src.transfer(src.owed)) + src.transfer(n) + max(src.late, 0)
}

// margin is what is added to an expected arrival to be nearly sure: about its
// 95th percentile, as two mean deviations are 1.6 standard deviations of a
// normal distribution.
func (src *source) margin() time.Duration { return 2*src.dev + slop }

// delivered measures the source's rate and wait from n bytes of a request.
func (src *source) delivered(now, sent time.Duration, n int) {
	if !src.flowing {
		// When the first of these bytes came is not known. The rate expected
		// says, within what the round trip allows: so a fast source shows as
		// fast at once, and a queue at the source counts as wait, not as rate.
		first := max(now-src.transfer(n), min(sent+src.rtt, now))
		src.wait += (max(first-sent, 0) - src.wait) / 4
		src.flowing, src.flowSince, src.flowBytes = true, first, 0
	}
	src.flowBytes += n
	if src.flowBytes >= protocol.ChunkSize && now-src.flowSince >= minSample {
		src.sample(now)
	}
}

// sample takes what has flowed into the rate: an EWMA of gain 1/4, double RFC
// 6298's, as a slower peer must show within a run.
func (src *source) sample(now time.Duration) {
	rate := max(float64(src.flowBytes)/max(now-src.flowSince, minSample).Seconds(), minRate)
	if src.proven {
		rate = src.rate + (rate-src.rate)/4
	}
	src.rate, src.proven = rate, true
	src.flowSince, src.flowBytes = now, 0
}

// rest ends the flow: the source owes nothing more.
func (src *source) rest(now time.Duration) {
	if src.flowing && src.flowBytes >= protocol.ChunkSize {
		src.sample(now)
	}
	src.flowing = false
}

// punctual takes into the source's usual lateness by how much a chunk missed
// its expected time, as RFC 6298 does with round trips.
func (src *source) punctual(late time.Duration) {
	bound := skewed * (src.dev + slop)
	late = min(max(late, -bound), bound)
	dev := late - src.late
	if dev < 0 {
		dev = -dev
	}
	src.dev += (dev - src.dev) / 4
	src.late += (late - src.late) / 8
}

// widen lets one more request be outstanding, up to what the source can have
// on the way: its bandwidth-delay product, in runs.
func (src *source) widen() {
	product := int(src.rate * src.wait.Seconds() / (runChunks * protocol.ChunkSize))
	src.window = max(min(src.window+1, 1+product, maxWindow), 1)
}
