//go:build figures

package node

import (
	"testing"
	"time"

	"earshot/node/bench"
)

// nearScenarios: peers at three distances hold the track, and the nearest that can
// carry it is to bring the most of what peers bring.
func nearScenarios() []scenario {
	at := func(rtt time.Duration, up int) line { // from a listener 1 ms from its provider
		return line{up: up, down: 50e6, delay: rtt/2 - time.Millisecond}
	}
	office := line{up: 10e6, down: 50e6, delay: time.Millisecond, site: "office"}
	thin := office
	thin.up = 150e3 // less than the track needs
	town, abroad := at(5*time.Millisecond, 10e6), at(80*time.Millisecond, 10e6)
	row := func(name string, nearest int, holders ...line) scenario {
		return scenario{"near, " + name, virtual(func(t *testing.T) []bench.Figure { return nearestCarries(t, office, nearest, holders) })}
	}
	return []scenario{
		row("on the LAN, 5 ms and 80 ms", 0, office, town, abroad),
		row("5 ms and 80 ms", 0, town, abroad),
		row("on the LAN but too thin, 5 ms and 80 ms", 1, thin, town, abroad),
	}
}

// nearestCarries has one listener play what holders have, whom the server names, and
// returns which share of the peers' bytes the nearest that can carry it brings.
func nearestCarries(t *testing.T, at line, nearest int, holders []line) []bench.Figure {
	track := scenarioTrack()
	server := serverLine
	server.delay = 24 * time.Millisecond // 50 ms there and back
	l := newLab(t, server, track)
	defer l.close()
	var nodes []*Node
	for _, h := range holders {
		n := l.host(h).start()
		defer n.Close()
		nodes = append(nodes, n)
		n.play(t.Context(), track, 0)
	}
	time.Sleep(time.Minute) // the server knows where they are
	n := l.connected(1, at)[0]
	defer n.Close()
	all, copies := l.hearAll([]*Node{n}, track, 0)
	var total, best int64
	for _, c := range n.swarm.Neighbours() {
		if _, got := c.Transferred(); !c.Server() {
			total += got
			if c.Node() == nodes[nearest].swarm.Self() {
				best = got
			}
		}
	}
	return []bench.Figure{
		bench.AtLeast("of the peers' bytes the nearest that can carry it brings", 100*float64(best)/float64(total), 80, "%"),
		bench.Told("copies the server sends", copies, ""),
		bench.Told("latency", ms(all[0].latency), "ms"),
		gaps(t, all),
	}
}
