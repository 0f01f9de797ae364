package sim

import (
	"slices"
	"time"

	"earshot/protocol"
)

// Shares are bytes played, by where they came from; FromServer is all that the
// server sent meanwhile, played or not.
type Shares struct {
	Server, Peers, Cache, FromServer int64
}

// Of returns the shares of the server, the peers and the cache in all that was
// played, 0 to 1.
func (s Shares) Of() (server, peers, cache float64) {
	sum := float64(max(s.Server+s.Peers+s.Cache, 1))
	return float64(s.Server) / sum, float64(s.Peers) / sum, float64(s.Cache) / sum
}

// Result is what a simulation came to. Bytes are of tracks.
type Result struct {
	Config    Config
	Plays     int // begun
	Sounded   int // ended, and heard of
	Stuttered int // of those: plays with a gap
	Silence   time.Duration
	P50       float64 // playback latency in ms, cached and prefetched plays included
	P75, P90  float64
	P99       float64
	Played    Shares
	Hours     [24]Shares // by hour of the day

	Fetches        int // tracks, of which something was not in the cache
	ServerRequests int // all that was asked of the server: opens, searches, runs
	ServerBytes    int64
	PeerBytes      int64
	BytesSent      int64 // = received + lost
	BytesReceived  int64
	BytesLost      int64 // sent to who was gone, or had cancelled, or still on its way at the end
	BytesWasted    int64 // received twice or too late
	Asked          int64
	Duplicate      int64 // asked for twice by hedges
	Hedges         int
	Evicted        int
	Events         int
	Steps          int // of node/schedule

	// Latencies are percentiles of playback latency, 0 to 100, in ms.
	Latencies [101]float64
}

// finish adds up what goes on at the end.
func (w *world) finish() *Result {
	w.now = w.Duration - 1 // the last hour, not the first of the next day
	for i := range w.events {
		if e := &w.events[i]; e.kind == arrive {
			w.result.BytesLost += int64(protocol.ChunkLen(w.size, int(e.b)))
		}
	}
	for i := range w.nodes {
		if w.nodes[i].play.on {
			w.stop(int32(i))
		}
	}
	r := &w.result
	slices.Sort(w.latency)
	for p := range r.Latencies {
		r.Latencies[p] = percentile(w.latency, p)
	}
	r.P50, r.P75, r.P90, r.P99 = r.Latencies[50], r.Latencies[75], r.Latencies[90], r.Latencies[99]
	r.Config.Progress = nil
	return r
}

// percentile returns the p-th percentile of a sorted list; 0 of an empty one.
func percentile(sorted []float64, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100]
}
