//go:build figures

package node

import (
	"testing"
	"time"

	"earshot/node/bench"
)

// guestScenarios are the rows about what a node does beside playing: fetching
// ahead of need, and not standing in anyone's way.
func guestScenarios() []scenario {
	return []scenario{
		{"screen", virtual(onScreen)},
		{"line", virtual(sharedLine)},
	}
}

// onScreen: a track is looked at, and then played.
func onScreen(t *testing.T) []bench.Figure {
	tracks := labTracksOf(20, 60*time.Second)
	l := newLab(t, serverLine, tracks...)
	defer l.close()
	n := l.host(homeLine).start()
	defer n.Close()
	n.look(t, tracks...)
	time.Sleep(5 * time.Second)
	var all []heard
	for _, track := range tracks[:5] {
		all = append(all, n.play(t.Context(), track, 0))
	}
	return []bench.Figure{
		bench.AtMost("play of a track on the screen: the network's part, slowest of 5", percentile(latencies(all), 100), 15, "ms"),
		gaps(t, all),
	}
}

// sharedLine: three peers take what they can from a home with an uplink of 2 Mbit/s
// whose router queues half a second.
func sharedLine(t *testing.T) []bench.Figure {
	h := newSharingHome(t, 3)
	defer h.close()
	time.Sleep(5 * time.Second)
	before := h.node.swarm.Traffic().Uploaded
	const length = 60 * time.Second
	trips := h.ping.run(length)
	base := tripAt(h.calm, 50)
	rate := float64(h.node.swarm.Traffic().Uploaded-before) * 8 / 1e6 / (length + time.Second).Seconds()
	share := make(chan float64)
	go func() { share <- h.cbr(1.8e6, length) }()
	time.Sleep(5 * time.Second) // until the queue that its coming made has gone
	beside := h.ping.run(length - 10*time.Second)
	return []bench.Figure{
		bench.Told("uploads to 3 peers over 2 Mbit/s", rate, "Mbit/s"),
		bench.AtMost("a ping of 80 ms beside them grows by, mean", ms(mean(trips)-base), 10, "ms"),
		bench.Told("and p95", ms(tripAt(trips, 95)-base), "ms"),
		bench.AtLeast("what comes through of another flow of 1.8 Mbit/s", 100*<-share, 90, "%"),
		bench.AtMost("a ping beside both grows by, mean", ms(mean(beside)-base), 10, "ms"),
		bench.Told("and p95", ms(tripAt(beside, 95)-base), "ms"),
	}
}
