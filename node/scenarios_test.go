//go:build figures

package node

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is a scenario of many who play one track.
type crowd struct {
	name     string
	n        int
	apart    time.Duration // between two who begin
	server   line
	home     line
	copies   float64       // goals; 0: none
	p50, p90 time.Duration // of the network's part of the playback latency
}

// crowds are the rows for which a real network has goals too: those of the
// first sample leave 15 ms for the process.
var crowds = []crowd{
	{name: "5 at once", n: 5, server: serverLine, home: homeLine, copies: 1.25, p90: 85 * time.Millisecond},
	{name: "5, 10 s apart", n: 5, apart: 10 * time.Second, server: serverLine, home: homeLine, copies: 1.15},
	{name: "20 at once, server 4 Mbit/s", n: 20, server: withUp(serverLine, 4e6), home: homeLine, copies: 2, p50: 235 * time.Millisecond, p90: 485 * time.Millisecond},
	{name: "20 at once, server 2 Mbit/s", n: 20, server: withUp(serverLine, 2e6), home: homeLine, copies: 2, p50: 385 * time.Millisecond},
	{name: "50 at once, server 10 Mbit/s", n: 50, server: withUp(serverLine, 10e6), home: homeLine, copies: 2.5},
}

// TestScenarios runs each row of the table of goals by its name.
func TestScenarios(t *testing.T) {
	track := newLabTrack(1, 120*time.Second, 192_000)
	for _, s := range crowds {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { s.run(t, track) })
		})
	}
	for _, n := range []int{1, 2, 5, 10, 20, 50} {
		t.Run(fmt.Sprint("cost of ", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowd{name: fmt.Sprint(n, " at once, server 10 Mbit/s"), n: n, server: withUp(serverLine, 10e6), home: homeLine}.run(t, track)
			})
		})
	}
	t.Run("office", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { officeHolds(t, track) })
	})
	t.Run("office cut off", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { officeCut(t, track) })
	})
	t.Run("seek", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { seeks(t, track) })
	})
	guestScenarios(t)
}

func (s crowd) run(t *testing.T, track labTrack) {
	l := newLab(t, s.server, track)
	defer l.close()
	nodes := l.start(s.n, s.home)
	defer closeAll(nodes)
	for _, n := range nodes { // the server is known and the connection up
		if _, err := n.swarm.Server(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Second)
	all, copies := l.hearAll(nodes, track, s.apart)
	var latencies []time.Duration
	var silence time.Duration
	for i, h := range all {
		if h.err != nil {
			t.Errorf("listener %d: %v", i, h.err)
		}
		latencies = append(latencies, h.latency)
		silence += h.silence
	}
	slices.Sort(latencies)
	goal(t, s.name+": copies the server sends", copies, s.copies, "")
	goal(t, s.name+": latency p50", ms(latencies[len(latencies)/2]), ms(s.p50), "ms")
	goal(t, s.name+": latency p90", ms(latencies[len(latencies)*9/10]), ms(s.p90), "ms")
	figure(t, fmt.Sprintf("%s: stutters (%v of silence)", s.name, silence.Round(time.Millisecond)), float64(stutters(all)), 0, "")
}

// goal prints a figure, with its goal if it has one.
func goal(t *testing.T, what string, got, goal float64, unit string) {
	t.Helper()
	if goal == 0 {
		tell(what, got, unit)
		return
	}
	figure(t, what, got, goal, unit)
}

// officeHolds: four on a LAN hold the track, a fifth plays it.
func officeHolds(t *testing.T, track labTrack) {
	l := newLab(t, serverLine, track)
	defer l.close()
	nodes := l.start(5, lan)
	defer closeAll(nodes)
	l.hearAll(nodes[:4], track, 0)
	time.Sleep(10 * time.Second)
	nodes[4].swarm.Connect(t.Context(), peersOf(nodes[:4])) // neighbours from before
	all, copies := l.hearAll(nodes[4:], track, 0)
	noStutter(t, all)
	figure(t, "office, four hold it: copies the server sends to the fifth", copies, 0.05, "")
	figure(t, "office, four hold it: latency with the node running", ms(all[0].latency), 5, "ms")
}

// officeCut: five on a LAN begin at once, the server is gone after 20 s.
func officeCut(t *testing.T, track labTrack) {
	l := newLab(t, withUp(serverLine, 2e6), track)
	defer l.close()
	nodes := l.start(5, lan)
	defer closeAll(nodes)
	var wg sync.WaitGroup
	var all []heard
	wg.Go(func() { all, _ = l.hearAll(nodes, track, 0) })
	time.Sleep(20 * time.Second)
	l.server.packet.(*lossy).setLoss(1)
	sent := l.server.swarm.Traffic().Uploaded
	wg.Wait()
	least := track.header.Duration
	for _, h := range all {
		least = min(least, h.played)
	}
	uplink := track.header.TimeAt(min(sent, track.header.Size))
	tell("office, 2 Mbit/s, server cut after 20 s: it had sent, of the track", uplink.Seconds(), "s")
	tell("office, 2 Mbit/s, server cut after 20 s: all hear it to", least.Seconds(), "s")
}

// seeks: to a part not held.
func seeks(t *testing.T, track labTrack) {
	l := newLab(t, serverLine, track)
	defer l.close()
	n := l.host(homeLine).start()
	defer n.Close()
	n.swarm.Server(t.Context())
	time.Sleep(time.Second)
	r, err := n.Open(t.Context(), track.header.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	buf := make([]byte, firstSound)
	var worst time.Duration
	for _, at := range []time.Duration{60 * time.Second, 100 * time.Second, 80 * time.Second} {
		time.Sleep(2 * time.Second)
		began := time.Now()
		r.Seek(track.header.OffsetAt(at), 0)
		for n := 0; n < len(buf); {
			k, err := r.Read(buf[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		worst = max(worst, time.Since(began))
	}
	figure(t, "a seek to a part not held, 50 ms round trip, slowest of 3", ms(worst), 75, "ms")
}
