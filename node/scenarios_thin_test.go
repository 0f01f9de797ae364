//go:build figures

package node

import (
	"math/rand/v2"
	"testing"
	"time"

	"earshot/node/bench"
)

// thinScenarios are lines that bear a track only just, at times, or not at all: who
// listens there is to hear it without a gap, however late it begins.
func thinScenarios() []scenario {
	thin := func(name string, bitrate int, server, home line) scenario {
		return scenario{"thin, " + name, virtual(func(t *testing.T) []bench.Figure { return alone(t, bitrate, server, home) })}
	}
	slow := homeLine
	slow.down = 150e3
	return []scenario{
		thin("server 400 kbit/s, track 192", 192_000, withUp(serverLine, 400e3), homeLine),
		thin("server 400 kbit/s, track 320", 320_000, withUp(serverLine, 400e3), homeLine),
		thin("server 250 kbit/s, track 192", 192_000, withUp(serverLine, 250e3), homeLine),
		thin("server 250 kbit/s, track 320", 320_000, withUp(serverLine, 250e3), homeLine),
		thin("downlink 150 kbit/s, track 192", 192_000, serverLine, slow),
		{"thin, a line that comes and goes", virtual(mobile)},
	}
}

// alone: one hears one track that nobody else holds.
func alone(t *testing.T, bitrate int, server, home line) []bench.Figure {
	track := newLabTrack(1, 120*time.Second, bitrate)
	l := newLab(t, server, track)
	defer l.close()
	nodes := l.connected(1, home)
	defer closeAll(nodes)
	all, _ := l.hearAll(nodes, track, 0)
	return []bench.Figure{
		gaps(t, all),
		bench.Told("until it sounds", all[0].latency.Seconds(), "s"),
		bench.Told("its sound and silence together", (all[0].latency + all[0].silence).Seconds(), "s more than the track"),
	}
}

// mobile: ten who each hear a track over a line of their own that changes every half
// a second to two, between nothing and four times the bitrate, and loses 1 %.
func mobile(t *testing.T) []bench.Figure {
	var all []heard
	for seed := range uint64(10) {
		all = append(all, overMobile(t, seed))
	}
	waits := latencies(all)
	var silence time.Duration
	for _, h := range all {
		silence += h.silence
	}
	return []bench.Figure{
		gaps(t, all),
		bench.Told("until it sounds, p50", percentile(waits, 50)/1000, "s"),
		bench.Told("until it sounds, slowest of 10", percentile(waits, 100)/1000, "s"),
		bench.Told("silence of the worst", silence.Seconds(), "s"),
	}
}

func overMobile(t *testing.T, seed uint64) heard {
	track := newLabTrack(seed, 120*time.Second, 192_000)
	server := serverLine
	server.loss = 0.01
	l := newLab(t, server, track)
	defer l.close()
	nodes := l.connected(1, homeLine)
	defer closeAll(nodes)
	ended := make(chan struct{})
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		rng := rand.New(rand.NewPCG(seed, 1))
		for {
			l.server.packet.setUp(mobileRates[rng.IntN(len(mobileRates))])
			select {
			case <-time.After(500*time.Millisecond + time.Duration(rng.Int64N(int64(1500*time.Millisecond)))):
			case <-ended:
				return
			}
		}
	}()
	h := nodes[0].play(t.Context(), track, 0)
	close(ended)
	<-changed
	return h
}

// mobileRates are those of a line that comes and goes, in bits a second: 1.3 times
// the bitrate in the mean.
var mobileRates = []int{16e3, 100e3, 200e3, 300e3, 450e3, 450e3}
