package schedule

import (
	"slices"
	"time"

	"earshot/protocol"
)

const (
	// margin is by how much throughput must exceed the bitrate to begin at once: by
	// half, which over the length of a song makes up for a pause of a third of it.
	margin = 1.5

	// plenty is the same where nothing is known but how fast the first packets came:
	// three times, as a line seldom falls to a third of what it was a moment ago. It
	// falls to margin as the line is known.
	plenty = 3

	// known is how many samples tell what a line is like: five seconds, in which one
	// that comes and goes, as those of phones do on the way, has changed a few times.
	known = 50

	// spell is for how many samples a line that is not known yet may give nothing
	// though it has not so far: two seconds, as long as between two cells, or in a lift.
	spell = 20

	// leastSamples is how much must have been measured for a simulation: half a
	// second, five samples.
	leastSamples = 5

	// leastInCompany is the same where others than the server bring the track: those
	// who begin together on a thin uplink have little to give one another in the first
	// seconds, and plenty then. Of 20 on 2 Mbit/s some waited up to 2 s for nothing
	// where it was 15.
	leastInCompany = 50

	// anyRound is a round trip to anywhere: what comes first comes within that, or
	// was lost and sent again.
	anyRound = 250 * time.Millisecond

	// leastBurst is how many bytes must be there to begin on what their coming
	// alone tells: two packets, and the first frames of most tracks.
	leastBurst = 2 << 10

	// runs is how often the playing of the rest is simulated, of which allowed may
	// run dry.
	runs    = 100
	allowed = 1

	// horizon is how much of what is to be played is simulated: throughput farther
	// ahead is not what it was in the last two minutes.
	horizon = 10 * time.Minute

	// inCompany is the same where others than the server bring the track: what they
	// bring changes as they come and go, and as they get more to give.
	inCompany = 5 * time.Second

	// longest bounds the wait that is looked for. Nobody waits for longer; a
	// line on which nothing arrives would have no end.
	longest = time.Hour
)

// Rest is what is to be played of a track.
type Rest struct {
	Line   *Timeline
	Have   protocol.Bitmap // the chunks that are there
	Place  int64           // the byte to begin at
	Partly int             // bytes there of the first chunk from Place on that is not in Have
	Alone  bool            // nobody but the server is known to bring the others
}

// Wait says for how long the playing of the rest of a track is to be put off, from
// what throughput is and has lately been; 0 where it may begin. sound is how much
// more sound is likely to have come by then, 0 where that is not known yet.
//
// It begins at once where throughput exceeds the bitrate by half; by three times
// while little is known, by the spacing of the first packets if nothing else is.
// Otherwise the playing of the rest is simulated 100 times, and put off until at most
// one would run dry. Throughput is taken for a Markov chain, whose states are classes of
// multiples of the bitrate and whose transitions are those that were observed; the
// sample behind one is any that has followed one of its class, and while little is known
// nothing may come for a spell, unless each half second so far brought enough to begin on:
// what is lost on the way, or sought elsewhere, is made up for by the next. So, but for the
// spells, has it Spotify's client: Kreitz
// and Niemelä, "Spotify - Large Scale, Low Latency, P2P Music-on-Demand Streaming" (IEEE
// P2P 2010). The same calls give the same result.
//
// Where others than the server are to bring the track and nothing has been measured,
// it begins at once: what the server sends first to one of many says little.
func (t *Throughput) Wait(now time.Duration, r Rest, seed uint64) (wait, sound time.Duration) {
	t.advance(now)
	missing := r.missing()
	if len(missing) == 0 {
		return 0, 0
	}
	switch n := len(t.samples); {
	case !r.Alone && n < leastInCompany, n < leastSamples && t.quick(plenty*r.Line.rate):
		return 0, 0
	case n < leastSamples:
		return period, 0
	}
	enough := t.enough() * r.Line.rate
	if t.exceeds(enough, 1) {
		return 0, 0
	}
	c := t.chain(r.Line.rate)
	c.steady = t.exceeds(enough, leastSamples)
	from, d := r.Line.atOffset(r.Place), dice(seed)
	var waits [runs]time.Duration
	for i := range waits {
		waits[i] = c.lateness(missing, from, &d)
	}
	slices.Sort(waits[:])
	wait = waits[runs-1-allowed]
	return wait, time.Duration(c.mean * wait.Seconds() / r.Line.rate * float64(time.Second))
}

// quick reports whether what has just begun to come comes at a rate, in bytes a
// second, or nothing ever did.
func (t *Throughput) quick(rate float64) bool {
	if t.sum == 0 {
		return true
	}
	// What came behind the first packet, until the newest did, tells of the narrowest
	// line on the way (packet pairs: Keshav, SIGCOMM 1991).
	// Where the first itself was late, so may the others have been that came with it.
	took := t.newest - t.born + max(t.born-t.asked-anyRound, 0)
	return t.sum >= leastBurst && float64(t.sum-packet) >= rate*took.Seconds()
}

// enough is by how many times all samples must exceed the bitrate to begin at once.
func (t *Throughput) enough() float64 {
	unknown := max(known-len(t.samples), 0)
	return margin + (plenty-margin)*float64(unknown)/(known-leastSamples)
}

// exceeds reports whether it was more in all that is remembered, so many periods at a
// time: where it was in each, none could bring a simulation to a halt.
func (t *Throughput) exceeds(rate float64, periods int) bool {
	least, sum := rate*period.Seconds()*float64(periods), 0.0
	for i := range t.samples {
		sum += float64(t.at(i))
		if i < periods-1 {
			continue
		}
		if sum < least {
			return false
		}
		sum -= float64(t.at(i - periods + 1))
	}
	return true
}

// missing is what is to come of one chunk, and from when to when it is played.
type missing struct {
	bytes    float64
	from, to time.Duration
}

func (r *Rest) missing() (list []missing) {
	from, ahead := r.Line.atOffset(r.Place), horizon
	if !r.Alone {
		ahead = inCompany
	}
	for c := int(max(r.Place, 0) / protocol.ChunkSize); c < r.Line.Chunks() && r.Line.at(c)-from < ahead; c++ {
		if r.Have.Has(c) {
			continue
		}
		size := protocol.ChunkLen(r.Line.size, c)
		m := missing{bytes: float64(size), from: r.Line.at(c), to: r.Line.at(c + 1)}
		if len(list) == 0 && r.Partly > 0 {
			partly := min(r.Partly, size)
			m.bytes -= float64(partly)
			m.from = r.Line.atOffset(int64(c)*protocol.ChunkSize + int64(partly))
		}
		if m.bytes > 0 {
			list = append(list, m)
		}
	}
	return list
}

// lateness simulates that the missing chunks arrive one after another while what
// there is plays, from a playing time on, and returns by how much too late the
// latest byte is.
func (c *chain) lateness(all []missing, from time.Duration, d *dice) (late time.Duration) {
	state, left, nothing := c.last, 0.0, 0
	for now := period; now < longest; now += period {
		switch {
		case nothing > 0:
			nothing--
		case c.breaks(d):
			nothing = spell - 1
		default:
			state = c.follow(state, d)
			left += min(float64(c.t.at(state)), c.most)
		}
		for len(all) > 0 && left >= all[0].bytes {
			left -= all[0].bytes
			all = all[1:]
		}
		if len(all) == 0 {
			return late
		}
		m := &all[0]
		until := m.from + time.Duration(left/m.bytes*float64(m.to-m.from)) // there is sound
		late = max(late, now-(until-from))
	}
	return longest
}

// chain is throughput as a Markov chain, for a track of one bitrate.
type chain struct {
	t      *Throughput
	last   int     // the newest sample
	steady bool    // it never gave less than is enough for as long as a spell would show
	mean   float64 // bytes a second
	most   float64 // that a sample counts for
	class  []uint8 // of each sample
	begin  [classes + 1]int
	next   []uint16 // samples that followed one of a class, sorted by that class
}

func (t *Throughput) chain(rate float64) chain {
	n := len(t.samples)
	playing := rate * period.Seconds()
	c := chain{t: t, last: n - 1, most: mostTimes * playing, class: make([]uint8, n), next: make([]uint16, max(n-1, 0))}
	for i := range n {
		c.class[i] = uint8(class(t.at(i), playing))
		c.mean += min(float64(t.at(i)), c.most) / (float64(n) * period.Seconds())
		if i < n-1 {
			c.begin[c.class[i]+1]++
		}
	}
	for k := range classes {
		c.begin[k+1] += c.begin[k]
	}
	at := c.begin
	for i := range n - 1 {
		k := c.class[i]
		c.next[at[k]] = uint16(i + 1)
		at[k]++
	}
	return c
}

// follow draws the sample behind one: any of those that have followed its like or,
// as if that had been seen once more, any of all. Of few samples a chain would else
// come to where it was seen to end, and never leave.
func (c *chain) follow(state int, d *dice) int {
	k := c.class[state]
	from, to := c.begin[k], c.begin[k+1]
	if i := d.below(to - from + 1); i < to-from {
		return int(c.next[from+i])
	}
	return d.below(len(c.class))
}

// breaks draws whether a line that is not known yet gives nothing for a spell. What has
// not been seen in n samples comes with the next once in n+2 (Laplace's rule of
// succession); a second of 450 kbit/s was else taken for a line that always has them.
func (c *chain) breaks(d *dice) bool {
	n := len(c.class)
	return n < known && !c.steady && d.below(n+2) == 0
}

// dice are the random numbers of a simulation: SplitMix64, as a State's.
type dice uint64

// below returns a number from 0 to n-1, of 32 bits at the most.
func (d *dice) below(n int) int {
	*d += 0x9e3779b97f4a7c15
	return int(mix(uint64(*d)) >> 32 * uint64(n) >> 32)
}
