package sim

import (
	"fmt"
	"time"
)

// Config is what is simulated. Rates are in bits a second. Default gives a day
// of the paper's workload.
type Config struct {
	Listeners int // 1 to 100,000
	Duration  time.Duration
	Seed      uint64

	ServerUp int
	Up, Down int // of a listener, the median; each has between half and double
	Tracks   int // in the catalogue
	Length   time.Duration
	Bitrate  int

	Sessions  float64       // a day for each listener
	Listening time.Duration // mean of a session
	Linger    time.Duration // mean for which a node stays up after one

	Sequential float64 // share of plays that are the next in sequence
	Favourites int     // tracks of its own, in each node's cache when the day begins
	// Replay is the share of plays that are of these. Default has 0.4, so that
	// the share of the cache at 10,000 listeners is the 55.4 % of Kreitz and
	// Niemelä, and the comparison is of the rest: of servers and peers.
	Replay    float64
	Reach     float64 // share of pairs that can connect
	NoUploads bool    // nobody shares

	// Alike gives all listeners the same lines and the same place, so that the
	// round trip between any two, and twice that to the server less what
	// ServerDelay says, is known.
	Alike       bool
	Delay       time.Duration // one way from a listener to the middle
	ServerDelay time.Duration // one way from the server to the middle
	Local       time.Duration // from bytes to sound: decoding and the device

	// Plays, if there are any, are all that is played: no sessions, all nodes
	// there from the beginning, caches empty.
	Plays []Play
	// Progress, if not nil, is called with the simulated time now and then.
	Progress func(at time.Duration)
}

// Play is one play of a script.
type Play struct {
	At       time.Duration
	Listener int
	Track    int
}

// Limits and thresholds.
const (
	maxListeners = 100_000
	// lessDetail is the size from which favourites are fewer.
	lessDetail = 50_000
)

// Default returns a day of so many listeners. The catalogue has a track for each
// listener, as the paper's had (8 M tracks, 7 M users); the server has 1 Gbit/s
// for each 10,000.
func Default(listeners int) Config {
	c := Config{
		Listeners: listeners, Duration: 24 * time.Hour, Seed: 1,
		ServerUp: max(100_000_000, listeners*100_000), Up: 10_000_000, Down: 50_000_000,
		Tracks: max(listeners, 1000), Length: 210 * time.Second, Bitrate: 160_000,
		Sessions: 1.2, Listening: 40 * time.Minute, Linger: time.Hour,
		Sequential: 0.61, Favourites: 200, Replay: 0.4, Reach: 0.9,
		Delay: 20 * time.Millisecond, ServerDelay: 5 * time.Millisecond, Local: 15 * time.Millisecond,
	}
	if listeners >= lessDetail {
		c.Favourites = 40
	}
	return c
}

// Check refuses what cannot be simulated.
func (c *Config) Check() error {
	switch {
	case c.Listeners < 1 || c.Listeners > maxListeners:
		return fmt.Errorf("the number of listeners must be 1 to %d, not %d", maxListeners, c.Listeners)
	case c.Duration <= 0 || c.Duration > 7*24*time.Hour:
		return fmt.Errorf("the simulated time must be above 0 and at most a week, not %v", c.Duration)
	case c.ServerUp < 1000 || c.Up < 1000 || c.Down < 1000:
		return fmt.Errorf("a line must carry 1 kbit/s at least")
	case c.Tracks < 2 || c.Tracks > 1<<24 || c.Length < time.Second || c.Length > time.Hour || c.Bitrate < 8000 || c.Bitrate > 10_000_000:
		return fmt.Errorf("the catalogue must have 2 tracks at least, of a second to an hour, at 8 kbit/s to 10 Mbit/s")
	case c.Favourites < 0 || c.Favourites > c.Tracks/2:
		return fmt.Errorf("a listener's favourites must be at most half the catalogue")
	}
	for _, p := range c.Plays {
		if p.Listener < 0 || p.Listener >= c.Listeners || p.Track < 0 || p.Track >= c.Tracks || p.At < 0 {
			return fmt.Errorf("play %+v: there is no such listener, track or time", p)
		}
	}
	return nil
}
