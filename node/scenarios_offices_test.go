//go:build figures

package node

import (
	"sync"
	"testing"
	"time"

	"earshot/node/bench"
)

func officeScenarios() []scenario {
	return []scenario{
		{"office, four hold the track", virtual(officeHolds)},
		{"office, server cut off", virtual(func(t *testing.T) []bench.Figure { return officeCut(t, false) })},
		{"office, server cut off, line known", virtual(func(t *testing.T) []bench.Figure { return officeCut(t, true) })},
	}
}

// officeHolds: four on a LAN hold the track, a fifth plays it, with its node
// running.
func officeHolds(t *testing.T) []bench.Figure {
	track := scenarioTrack()
	l := newLab(t, serverLine, track)
	defer l.close()
	nodes := l.start(5, lan)
	defer closeAll(nodes)
	l.hearAll(nodes[:4], track, 0)
	time.Sleep(10 * time.Second)
	nodes[4].swarm.Connect(t.Context(), peersOf(nodes[:4])) // neighbours from before
	all, copies := l.hearAll(nodes[4:], track, 0)
	return []bench.Figure{
		bench.AtMost("copies the server sends to the fifth", copies, 0.05, ""),
		bench.AtMost("latency: the network's part of 15 ms", ms(all[0].latency), 5, "ms"),
		gaps(t, all),
	}
}

// officeCut: five on a LAN begin at once behind a thin server, which is gone
// after 20 s. What they hold together by then, all hear.
func officeCut(t *testing.T, known bool) []bench.Figure {
	track, other := scenarioTrack(), otherTrack()
	l := newLab(t, withUp(serverLine, 2e6), track, other)
	defer l.close()
	if known {
		l.heardBefore(other)
	}
	before := l.server.swarm.Traffic().Uploaded
	nodes := l.start(5, lan)
	defer closeAll(nodes)
	var wg sync.WaitGroup
	var all []heard
	wg.Go(func() { all, _ = l.hearAll(nodes, track, 0) })
	time.Sleep(20 * time.Second)
	l.server.packet.setLoss(1)
	sent := l.server.swarm.Traffic().Uploaded - before
	wg.Wait()
	least := track.header.Duration
	for i, h := range all {
		least = min(least, h.played)
		all[i].err = nil // that nothing holds the rest is what some may be told
	}
	allowed := min(20*2e6/8, float64(track.header.Size)) // what 20 s of the uplink carry
	ahead := track.header.TimeAt(int64(allowed))
	return []bench.Figure{
		bench.Told("of the track the server had sent", track.header.TimeAt(min(sent, track.header.Size)).Seconds(), "s"),
		bench.AtLeast("all hear it to", least.Seconds(), ahead.Seconds(), "s"),
		gaps(t, all),
	}
}
