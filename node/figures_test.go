//go:build figures

package node

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestFigures measures what the virtual-time network can show, and fails where
// a goal is missed by more than a tenth: make bench.
func TestFigures(t *testing.T) {
	runtime.GOMAXPROCS(1) // a simulation is faster on one core
	track := newLabTrack(1, 120*time.Second, 192_000)
	t.Run("the start", func(t *testing.T) { figureStarts(t) })
	t.Run("a crowd", func(t *testing.T) {
		for _, s := range []struct {
			name  string
			n     int
			apart time.Duration
			goal  float64
		}{
			{"1 listener", 1, 0, 1.1},
			{"5 listeners at once", 5, 0, 2},
			{"5 listeners, 10 s apart", 5, 10 * time.Second, 2},
		} {
			t.Run(s.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, serverLine, track)
					defer l.close()
					nodes := l.start(s.n, homeLine)
					defer closeAll(nodes)
					all, copies := l.hearAll(nodes, track, s.apart)
					noStutter(t, all)
					figure(t, s.name+": copies the server sends (virtual time)", copies, s.goal, "")
					figure(t, s.name+": stutters (virtual time)", float64(stutters(all)), 0, "")
					tell(s.name+": overhead of what listeners receive, in packets of 1,280 bytes (virtual time)", 100*received(nodes), "%")
					tell(s.name+": overhead of all packets of all nodes (virtual time)", 100*l.overhead(nodes), "%")
				})
			})
		}
	})
}

// figureStarts measures first sounds at 50 ms of round trip.
func figureStarts(t *testing.T) {
	var tracks []labTrack
	for i := range 12 {
		tracks = append(tracks, newLabTrack(uint64(i), 5*time.Second, 192_000))
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, tracks...)
		defer l.close()
		host := l.host(homeLine)
		n := host.start()
		n.play(context.Background(), tracks[0], 0) // leaves ticket and token
		var running, fresh, cached []time.Duration
		for _, track := range tracks[:6] {
			running = append(running, n.play(context.Background(), track, 0).latency)
			cached = append(cached, n.play(context.Background(), track, 0).latency)
		}
		n.Close()
		for i, track := range tracks[6:] {
			host.ip = fmt.Sprintf("203.0.114.%d", 100+i) // simnet takes an address once
			n := host.start()
			fresh = append(fresh, n.play(context.Background(), track, 0).latency)
			n.Close()
		}
		figure(t, "uncached, node running, 50 ms RTT: to the first frames, p50 (virtual time: the network alone)", ms(median(running[1:])), 65, "ms")
		figure(t, "uncached, new process, 50 ms RTT: to the first frames, p50 (virtual time: the network alone)", ms(median(fresh)), 75, "ms")
		figure(t, "cached: to the first frames, p50 (virtual time: the network alone)", ms(median(cached)), 30, "ms")
	})
}

// received is the share of the bytes that listeners receive that is not track
// data: packets, proof trees, have maps, handshakes, and acknowledgements of
// what they upload meanwhile.
func received(nodes []*Node) float64 {
	var wire, data int64
	for _, n := range nodes {
		t := n.swarm.Traffic()
		wire += t.WireReceived
		data += t.Downloaded
	}
	return float64(wire-data) / float64(wire)
}

// overhead is the share of all bytes on the wire that is not track data.
func (l *lab) overhead(nodes []*Node) float64 {
	sum := l.server.swarm.Traffic()
	for _, n := range nodes {
		t := n.swarm.Traffic()
		sum.Uploaded += t.Uploaded
		sum.WireSent += t.WireSent
	}
	return float64(sum.WireSent-sum.Uploaded) / float64(sum.WireSent)
}

func stutters(all []heard) (n int) {
	for _, h := range all {
		n += h.stutters
	}
	return n
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// tell prints a figure that has no goal: the simulated network's packets are
// smaller than those of most paths, for which the goal is.
func tell(what string, got float64, unit string) {
	fmt.Printf("%-100s                   measured %8.2f %s\n", what, got, unit)
}

// figure prints one figure beside its goal.
func figure(t *testing.T, what string, got, goal float64, unit string) {
	t.Helper()
	fmt.Printf("%-100s goal %7.2f %-3s  measured %8.2f %s\n", what, goal, unit, got, unit)
	if got > 1.1*goal {
		t.Errorf("%s: %.2f %s, the goal is %.2f", what, got, unit, goal)
	}
}
