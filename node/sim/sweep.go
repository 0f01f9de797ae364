package sim

import (
	"context"
	"time"
)

// Size is what one size of the swarm costs the server.
type Size struct {
	Listeners   int     `json:"listeners"`
	ServerBytes int64   `json:"server_bytes"`
	PerListener float64 `json:"server_bytes_each"`
	Server      float64 `json:"server_share"` // of what was played, 0 to 1
	Peers       float64 `json:"peer_share"`
	Cache       float64 `json:"cache_share"`
}

// sizes is how many times the swarm is halved.
const sizes = 5

// Sweep runs a configuration at 1/32 to the whole of its listeners, with the same
// catalogue and the same server, and returns the whole's result and all costs,
// the smallest first. progress, if not nil, is told how much is done, 0 to 1.
func Sweep(ctx context.Context, c Config, progress func(done float64)) (*Result, []Size, error) {
	var all []Size
	var last *Result
	total, done := 0, 0
	for k := sizes; k >= 0; k-- {
		total += max(c.Listeners>>k, 1)
	}
	for k := sizes; k >= 0; k-- {
		n := c.Listeners >> k
		if n == 0 {
			continue
		}
		one := c
		one.Listeners = n
		one.Progress = func(at time.Duration) {
			if progress != nil {
				progress((float64(done) + float64(n)*float64(at)/float64(c.Duration)) / float64(total))
			}
		}
		r, err := Run(ctx, one)
		if err != nil {
			return nil, nil, err
		}
		done += n
		last = r
		server, peers, cache := r.Played.Of()
		all = append(all, Size{n, r.ServerBytes, float64(r.ServerBytes) / float64(n), server, peers, cache})
	}
	return last, all, nil
}
