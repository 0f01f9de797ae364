package tracker_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"earshot/node/tracker"
	"earshot/node/tracker/trackertest"
	"earshot/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	trackertest.Run(t, func(t *testing.T, test func(*testing.T, tracker.Tracker, func(time.Duration))) {
		synctest.Test(t, func(t *testing.T) { test(t, tracker.NewMemory(), time.Sleep) })
	})
}

// The size that the benchmarks fill: 100,000 tracks, 20 peers each, from 2,000
// nodes that hold 1,000 tracks each.
const (
	tracks = 100_000
	nodes  = 2_000
	each   = 1_000
)

func trackOf(n int) (id protocol.ID) {
	r := rand.New(rand.NewPCG(uint64(n), 0))
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], r.Uint64())
	}
	return id
}

func nodeOf(n int) protocol.Peer {
	var p protocol.Peer
	binary.LittleEndian.PutUint64(p.Node[:], uint64(n)+1)
	p.Public = netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, byte(n >> 16), byte(n >> 8), byte(n)}), 4433)
	p.Local = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 1, byte(n)}), 4433)}
	for i := range p.Coordinate.Vec {
		p.Coordinate.Vec[i] = rand.Float64() / 10
	}
	p.Coordinate.Error, p.Coordinate.Height = 0.1, 1e-4
	return p
}

func full(b *testing.B) tracker.Tracker {
	b.Helper()
	m := tracker.NewMemory()
	for n := range nodes {
		list := make([]protocol.Announced, each)
		for i := range list {
			list[i] = protocol.Announced{ID: trackOf((n + i*nodes/20) % tracks), Complete: true}
		}
		if err := m.Announce(b.Context(), nodeOf(n), list); err != nil {
			b.Fatal(err)
		}
	}
	return m
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkMemoryFull reports what 100,000 tracks with 20 peers each take.
func BenchmarkMemoryFull(b *testing.B) {
	for b.Loop() {
		before := heap()
		m := full(b)
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
		if n, err := m.Count(b.Context(), trackOf(7)); err != nil || n != 20 {
			b.Fatalf("%d peers (%v)", n, err)
		}
	}
}

// BenchmarkMemoryPeers looks up 10 of 20 peers among 100,000 tracks.
func BenchmarkMemoryPeers(b *testing.B) {
	m := full(b)
	asker := nodeOf(nodes + 1)
	ids := make([]protocol.ID, 4096)
	for i := range ids {
		ids[i] = trackOf(i * 17 % tracks)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if peers, err := m.Peers(b.Context(), ids[i%len(ids)], asker, protocol.MaxPeers); err != nil || len(peers) != protocol.MaxPeers {
			b.Fatalf("%d peers (%v)", len(peers), err)
		}
	}
}

// BenchmarkMemoryAnnounce repeats one full message of announcements.
func BenchmarkMemoryAnnounce(b *testing.B) {
	m := full(b)
	p := nodeOf(1)
	list := make([]protocol.Announced, protocol.MaxAnnounce)
	for i := range list {
		list[i] = protocol.Announced{ID: trackOf(i)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Announce(b.Context(), p, list); err != nil {
			b.Fatal(err)
		}
	}
}
