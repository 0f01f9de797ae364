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
