//go:build figures

package node

import (
	"context"
	"sync"
	"testing"
	"time"

	"earshot/node/bench"
)

func faultScenarios() []scenario {
	bad := func(change func(l *line)) func(t *testing.T) []bench.Figure {
		return virtual(func(t *testing.T) []bench.Figure { return badLines(t, change) })
	}
	return []scenario{
		{"3 % loss on every link", bad(func(l *line) { l.loss = 0.03 })},
		{"40 ms of jitter", bad(func(l *line) { l.jitter = 40 * time.Millisecond })},
		{"a peer killed every 5 s", virtual(deaths)},
		{"half the peers slow down", virtual(slowdown)},
	}
}

// badLines: ten who begin a second apart, every line with a fault.
func badLines(t *testing.T, change func(l *line)) []bench.Figure {
	track := scenarioTrack()
	server, home := serverLine, homeLine
	change(&server)
	change(&home)
	l := newLab(t, server, track)
	defer l.close()
	nodes := l.connected(10, home)
	defer closeAll(nodes)
	all, copies := l.hearAll(nodes, track, time.Second)
	return []bench.Figure{
		gaps(t, all),
		bench.Told("copies the server sends to 10", copies, ""),
		bench.Told("latency p50", percentile(latencies(all), 50), "ms"),
	}
}

// deaths: of those who listen, one every 5 s is cut off and never heard of
// again; the last five hear the track to its end.
func deaths(t *testing.T) []bench.Figure {
	const dying, living = 24, 5
	track := scenarioTrack()
	l := newLab(t, serverLine, track)
	defer l.close()
	nodes := l.connected(dying+living, homeLine)
	defer closeAll(nodes)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, n := range nodes[:dying] {
		wg.Go(func() { n.play(ctx, track, 0) })
	}
	var all []heard
	var copies float64
	ended := make(chan struct{})
	wg.Go(func() {
		defer close(ended)
		all, copies = l.hearAll(nodes[dying:], track, 0)
	})
	for _, n := range nodes[:dying] {
		select {
		case <-time.After(5 * time.Second):
			l.lines[n].setLoss(1)
		case <-ended:
		}
	}
	<-ended
	cancel()
	wg.Wait()
	return []bench.Figure{
		gaps(t, all),
		bench.Told("copies the server sends to 29", copies, ""),
	}
}

// slowdown: ten hear a track a second apart; 20 s on, half of them have a tenth
// of the uplink that they have shown until then.
func slowdown(t *testing.T) []bench.Figure {
	track := scenarioTrack()
	l := newLab(t, serverLine, track)
	defer l.close()
	nodes := l.connected(10, homeLine)
	defer closeAll(nodes)
	time.AfterFunc(20*time.Second, func() {
		for _, n := range nodes[:5] {
			l.lines[n].setUp(homeLine.up / 10)
		}
	})
	all, copies := l.hearAll(nodes, track, time.Second)
	return []bench.Figure{
		gaps(t, all),
		bench.Told("copies the server sends to 10", copies, ""),
	}
}

// setUp makes the uplink slower, to so many bits a second.
func (c *lossy) setUp(up int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up = up
}
