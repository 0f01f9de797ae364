package schedule

import "time"

const (
	// period is how long throughput is added up for one sample: a tenth of a
	// second, in which a packet or two come at the bitrate of a thin line.
	period = 100 * time.Millisecond

	// maxSamples is how much is remembered: two minutes of fetching all there
	// is, many of the pauses of a poor line and few of another line's.
	maxSamples = 1200

	// stale is when what was measured says nothing any more: a laptop has gone
	// elsewhere by then, and others use the line.
	stale = 5 * time.Minute

	// mostTimes bounds a sample, as a multiple of what plays in its period: on
	// what is more than that no decision depends, and a burst must not outweigh
	// the pauses around it.
	mostTimes = 5

	// thinOver is how many samples tell whether a line is thin now: ten seconds.
	thinOver = 100

	// packet is about what one packet brings. What is read at once may be several.
	packet = 1200

	// classes is into how many the multiples of the bitrate from 0 to mostTimes
	// are parted: 0, tenths to 2, where they matter most, and 16 more.
	classes = 37
)

// Throughput is how many bytes arrived in each period of a tenth of a second, from
// all sources together, while all that there is was asked for. Its zero value is
// ready. Time is as a State has it. It is not safe for concurrent use.
type Throughput struct {
	busy    bool
	flowing bool // something has arrived since busy
	since   time.Duration
	bytes   int // since then

	// Of what has arrived since the first packet did, for want of samples.
	asked        time.Duration // when busy began
	born, newest time.Duration
	sum          int

	samples []uint32 // a ring
	next    int      // where the next goes
	last    time.Duration
}

// Busy says whether from now on all that there is is asked for: only then does what
// arrives tell what the line bears. Counting begins with the first bytes: a round
// trip is no lack of throughput.
func (t *Throughput) Busy(now time.Duration, busy bool) {
	if t.busy == busy {
		return
	}
	if t.busy {
		t.advance(now)
	}
	t.busy, t.flowing, t.bytes = busy, false, 0
	if busy {
		t.asked = now
	}
}

// Arrived counts n bytes.
func (t *Throughput) Arrived(now time.Duration, n int) {
	if !t.busy || n <= 0 {
		return
	}
	if !t.flowing {
		if now-t.last > stale {
			t.samples, t.next = t.samples[:0], 0
		}
		t.flowing, t.since, t.bytes = true, now, 0
		t.born, t.sum = now, 0
	}
	t.advance(now)
	t.bytes += n
	t.sum, t.newest = t.sum+n, now
}

// advance closes the periods that have passed.
func (t *Throughput) advance(now time.Duration) {
	for t.busy && t.flowing && now-t.since >= period {
		t.add(t.bytes)
		t.bytes = 0
		t.since += period
		if now-t.since > maxSamples*period { // the caller has slept
			t.since = now
		}
		t.last = t.since
	}
}

func (t *Throughput) add(bytes int) {
	n := uint32(min(max(bytes, 0), 1<<30))
	if len(t.samples) < maxSamples {
		t.samples = append(t.samples, n)
		return
	}
	t.samples[t.next] = n
	t.next = (t.next + 1) % maxSamples
}

// at returns sample i, the oldest first.
func (t *Throughput) at(i int) uint32 { return t.samples[(t.next+i)%len(t.samples)] }

// Thin reports whether in the last seconds less has come than lets a track begin at
// once: then all of it is to be fetched, however far ahead.
func (t *Throughput) Thin(now time.Duration, line *Timeline) bool {
	t.advance(now)
	n := min(thinOver, len(t.samples))
	if n < leastSamples {
		return false
	}
	sum := 0.0
	for i := len(t.samples) - n; i < len(t.samples); i++ {
		sum += float64(t.at(i))
	}
	return sum < margin*line.rate*float64(n)*period.Seconds()
}

// class tells samples apart by how often they hold what plays in a period.
func class(bytes uint32, playing float64) int {
	times := float64(bytes) / playing
	switch {
	case bytes == 0:
		return 0
	case times < 2:
		return 1 + int(times*10)
	case times < mostTimes:
		return 21 + int((times-2)*(classes-21)/(mostTimes-2))
	}
	return classes - 1
}
