package schedule

import "time"

// Rules are the figures of the schedule that a caller may change.
type Rules struct {
	// Urgent is the slack below which a chunk comes from whoever delivers
	// soonest, and late requests are hedged: 3 s, as in Kreitz and Niemela
	// (section III), time for several round trips and one dead source.
	Urgent time.Duration

	// Near is the slack below which chunks are fetched in order, and from the
	// server where no peer makes it: 15 s, what their client takes from the
	// server before it looks for peers, and longer than a QUIC connection
	// takes to be found dead (10 s).
	Near time.Duration

	// Lead is how far ahead of the playhead one listener takes the track from
	// the server alone: 30 s. Who stops early has cost at most that. Of n
	// listeners who share, each takes every nth run, so n times as far.
	Lead time.Duration

	// Head is how much from the playhead on PrefetchHead and HeadOnly take
	// from anyone: 5 s, enough to reach a peer twice over when play begins.
	Head time.Duration

	// Soon is how long after PrefetchHead begins the track will play: 10 s.
	Soon time.Duration

	// Settle is how long nothing that is not urgent is asked of the server at
	// first: 1 s, in which neighbours are dialled and say what they hold (3
	// round trips of 300 ms). Without it, listeners who start together would
	// each take the same runs.
	Settle time.Duration

	// Trickle is the most of the server's rate that one listener takes far
	// ahead, as a multiple of the track's bitrate: 2, so that a lead grows by
	// a second each second.
	Trickle float64

	// Duplicates is the share of the bytes that hedging may ask for twice:
	// 0.03. Dean and Barroso (CACM 56(2), 2013) cut a service's 99.9th
	// percentile from 1,800 to 74 ms with 2 % more requests.
	Duplicates float64
}

func (r Rules) withDefaults() Rules {
	setDefault(&r.Urgent, 3*time.Second)
	setDefault(&r.Near, 15*time.Second)
	setDefault(&r.Lead, 30*time.Second)
	setDefault(&r.Head, 5*time.Second)
	setDefault(&r.Soon, 10*time.Second)
	setDefault(&r.Settle, time.Second)
	setDefault(&r.Trickle, 2)
	setDefault(&r.Duplicates, 0.03)
	return r
}

func setDefault[T time.Duration | float64](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}
