package sim

import (
	"math"
	"slices"
	"time"

	"earshot/protocol"
)

// Shares are bytes played, by where they came from; FromServer is all that the
// server sent meanwhile, played or not.
type Shares struct {
	Server     int64 `json:"server"`
	Peers      int64 `json:"peers"`
	Cache      int64 `json:"cache"`
	FromServer int64 `json:"sent_by_server"`
}

// Of returns the shares of the server, the peers and the cache in all that was
// played, 0 to 1.
func (s Shares) Of() (server, peers, cache float64) {
	sum := float64(max(s.Server+s.Peers+s.Cache, 1))
	return float64(s.Server) / sum, float64(s.Peers) / sum, float64(s.Cache) / sum
}

// Result is what a simulation came to. Bytes are of tracks, latencies in ms.
type Result struct {
	Config    Config        `json:"-"`
	Plays     int           `json:"plays"`     // begun
	Sounded   int           `json:"sounded"`   // ended, and heard of
	Stuttered int           `json:"stuttered"` // of those: plays with a gap
	Silence   time.Duration `json:"silence_ns"`

	// Playback latency, cached and prefetched plays included; Latencies are all
	// percentiles, 0 to 100.
	P50       float64      `json:"latency_p50_ms"`
	P75       float64      `json:"latency_p75_ms"`
	P90       float64      `json:"latency_p90_ms"`
	P99       float64      `json:"latency_p99_ms"`
	Latencies [101]float64 `json:"latencies_ms"`

	Played Shares     `json:"played"`
	Hours  [24]Shares `json:"hours"` // by hour of the day

	Fetches        int   `json:"fetches"`         // tracks, of which something was not in the cache
	ServerRequests int   `json:"server_requests"` // all that was asked of the server: opens, searches, runs
	ServerBytes    int64 `json:"server_bytes"`
	PeerBytes      int64 `json:"peer_bytes"`
	BytesSent      int64 `json:"bytes_sent"` // = received + lost
	BytesReceived  int64 `json:"bytes_received"`
	BytesLost      int64 `json:"bytes_lost"`   // sent to who was gone, or had cancelled, or still on its way at the end
	BytesWasted    int64 `json:"bytes_wasted"` // received twice or too late
	Asked          int64 `json:"bytes_asked"`
	Duplicate      int64 `json:"bytes_hedged"` // asked for twice
	Hedges         int   `json:"hedges"`
	Evicted        int   `json:"evicted"`
	Events         int   `json:"events"`
	Steps          int   `json:"steps"` // of node/schedule
}

// Busiest returns the mean rate of the server's uplink in the hour of the day in
// which it sends most, in bits a second.
func (r *Result) Busiest() float64 {
	var most int64
	for _, h := range r.Hours {
		most = max(most, h.FromServer)
	}
	days := max(math.Ceil(r.Config.Duration.Hours()/24), 1)
	hour := min(r.Config.Duration.Hours(), 1) * 3600
	return float64(most) * 8 / (hour * days)
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
