package node

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/sim"
)

// TestTheSimulatorAgreesWithRealNodes holds the model of the network against
// real QUIC in virtual time: shares within 3 points, median latency within 15 %.
func TestTheSimulatorAgreesWithRealNodes(t *testing.T) {
	for _, c := range []struct {
		listeners int
		apart     time.Duration
		up        int // the server's
	}{
		{5, 10 * time.Second, serverLine.up}, {5, 0, serverLine.up}, {5, 10 * time.Millisecond, serverLine.up}, {12, 2 * time.Second, serverLine.up},
		{1, 0, 400e3}, {1, 0, 250e3}, {1, 0, 150e3}, // where the start is put off
	} {
		t.Run(fmt.Sprintf("%d, %v apart, uplink %d kbit/s", c.listeners, c.apart, c.up/1000), func(t *testing.T) { compare(t, c.listeners, c.apart, c.up) })
	}
}

// inPackets is what of a line's rate is a track's bytes: the rest are headers of IP,
// UDP and QUIC, which the simulator does not count.
const inPackets = 0.95

// compare has listeners play one track, so far apart, in both.
func compare(t *testing.T, listeners int, apart time.Duration, up int) {
	track := newLabTrack(1, 120*time.Second, 192_000)
	serverLine := withUp(serverLine, up)
	var server, peers int64
	var latencies []time.Duration
	var copies float64
	rounds := 1
	if listeners == 1 { // when one begins is drawn at random (schedule.Throughput)
		rounds = 5
	}
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, serverLine, track)
			defer l.close()
			nodes := l.start(listeners, homeLine)
			defer closeAll(nodes)
			time.Sleep(2 * time.Second) // the simulator's nodes are connected from the beginning; who came within a second is taken for a crowd
			var all []heard
			all, copies = l.hearAll(nodes, track, apart)
			for _, h := range all {
				server, peers = server+h.shares.Server, peers+h.shares.Peers
				latencies = append(latencies, h.latency)
			}
		})
	}

	c := sim.Default(listeners)
	c.Alike, c.Reach, c.Local = true, 1, 0
	c.ServerUp, c.Up, c.Down = int(inPackets*float64(up)), homeLine.up, homeLine.down
	c.ServerDelay, c.Delay = serverLine.delay, homeLine.delay
	c.Length, c.Bitrate, c.Duration = 120*time.Second, 192_000, 10*time.Minute
	for i := range listeners {
		c.Plays = append(c.Plays, sim.Play{At: time.Second + time.Duration(i)*apart, Listener: i})
	}
	var r *sim.Result
	var halves []float64 // of the plays have begun within
	for range rounds {
		var err error
		if r, err = sim.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		halves = append(halves, r.P50)
		c.Seed++
	}
	slices.Sort(halves)
	half := halves[len(halves)/2]

	real := float64(server) / float64(server+peers)
	simulated, _, _ := r.Played.Of()
	t.Logf("server's share: real %.3f, simulated %.3f; copies: real %.2f, simulated %.2f", real, simulated, copies, float64(r.ServerBytes)/float64(track.header.Size))
	if math.Abs(real-simulated) > 0.03 {
		t.Errorf("the server's share is %.3f, simulated %.3f", real, simulated)
	}
	median := percentile50(latencies)
	t.Logf("median latency: real %.1f ms of %v, simulated %.1f ms of %.1f", median, latencies, half, halves)
	if math.Abs(half/median-1) > 0.15 {
		t.Errorf("the median latency is %.1f ms, simulated %.1f ms", median, half)
	}
}

// percentile50 returns the median in ms.
func percentile50(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}
