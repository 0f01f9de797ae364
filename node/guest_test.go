package node

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// keep puts a whole track in the node's cache.
func (n *Node) keep(t *testing.T, track labTrack) {
	t.Helper()
	c, err := n.cache.Acquire(track.header)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if err := c.SetProof(track.proof); err != nil {
		t.Fatal(err)
	}
	for i := range protocol.Chunks(track.header.Size) {
		if err := c.Put(i, track.data[i*protocol.ChunkSize:][:protocol.ChunkLen(track.header.Size, i)]); err != nil {
			t.Fatal(err)
		}
	}
}

// sharingHome is a home with an uplink of 2 Mbit/s and a bloated queue, from where
// a node uploads as much as some peers can take, beside someone who plays a game.
type sharingHome struct {
	*lab
	router *homeRouter
	node   *Node
	peers  []*Node
	ping   *pinger
	far    *sink
	calm   []time.Duration // round trips before

	stop  context.CancelFunc
	takes sync.WaitGroup
}

const (
	homeUp   = 2e6
	homeMost = 500 * time.Millisecond
)

func newSharingHome(t *testing.T, peers int) *sharingHome {
	track := newLabTrack(1, 120*time.Second, 192_000)
	h := &sharingHome{lab: newLab(t, serverLine, track)}
	h.router = newHomeRouter(homeUp, homeMost)
	host := h.host(wide)
	var err error
	h.node, err = Start(Config{Data: host.data, Packet: h.behind(h.router, host.ip), Private: true, Log: h.log})
	if err != nil {
		t.Fatal(err)
	}
	h.node.keep(t, track)
	h.peers = h.lab.start(peers, wide)
	h.far = newSink(h.plug("192.0.2.1", wide))
	h.ping = h.lab.ping(h.behind(h.router, "192.0.2.2"), h.plug("192.0.2.3", wide))
	h.calm = h.ping.run(5 * time.Second)
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	for _, p := range h.peers {
		h.takes.Go(func() { take(ctx, t, p, h.node, track) })
	}
	return h
}

// take downloads a track from a peer again and again, two runs at a time.
func take(ctx context.Context, t *testing.T, n, from *Node, track labTrack) {
	n.swarm.Connect(ctx, peersOf([]*Node{from}))
	for _, c := range n.swarm.Neighbours() {
		if c.Node() != from.swarm.Self() {
			continue
		}
		var wg sync.WaitGroup
		for part := range 2 {
			wg.Go(func() {
				for i := part * 4; ctx.Err() == nil; i = (i + 8) % (protocol.Chunks(track.header.Size) - 8) {
					run, err := c.Get(ctx, &protocol.Get{ID: track.header.ID, First: i, Count: 4, Priority: protocol.PriorityPlaying}, nil)
					if err != nil {
						time.Sleep(100 * time.Millisecond)
						continue
					}
					io.Copy(io.Discard, run)
					run.Close()
				}
			})
		}
		wg.Wait()
		return
	}
	t.Error("the peers did not connect")
}

func (h *sharingHome) close() {
	h.stop()
	h.takes.Wait()
	closeAll(h.peers)
	h.node.Close()
	h.ping.close()
	h.far.close()
	h.router.close()
	h.lab.close()
}

// cbr sends to the far end at a constant rate for a time and returns what share of
// it arrived.
func (h *sharingHome) cbr(rate float64, length time.Duration) float64 {
	packet := h.behind(h.router, "192.0.2.4")
	defer packet.Close()
	const size = 1200
	before, sent := h.far.got(), 0
	for began := time.Now(); time.Since(began) < length; sent += size {
		packet.WriteTo(make([]byte, size), h.far.packet.LocalAddr())
		time.Sleep(time.Until(began.Add(time.Duration(float64(8*(sent+size)) / rate * float64(time.Second)))))
	}
	time.Sleep(time.Second)
	return float64(h.far.got()-before) / float64(sent)
}

// tripAt returns a percentile of round trips.
func tripAt(d []time.Duration, p int) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[(len(d)-1)*p/100]
}

func mean(d []time.Duration) (m time.Duration) {
	for _, x := range d {
		m += x / time.Duration(len(d))
	}
	return m
}

func TestUploadsLeaveTheLineToWhoeverUsesIt(t *testing.T) {
	for _, peers := range []int{1, 3} {
		t.Run(fmt.Sprint("to ", peers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { leavesTheLine(t, peers) })
		})
	}
}

func leavesTheLine(t *testing.T, peers int) {
	h := newSharingHome(t, peers)
	defer h.close()
	time.Sleep(5 * time.Second)
	before := h.node.swarm.Traffic().Uploaded
	trips := h.ping.run(20 * time.Second)
	rate := float64(h.node.swarm.Traffic().Uploaded-before) * 8 / 21
	base := tripAt(h.calm, 50)
	t.Logf("uploads %.2f Mbit/s, ping %v + p50 %v, p95 %v, most %v", rate/1e6, base,
		tripAt(trips, 50)-base, tripAt(trips, 95)-base, tripAt(trips, 100)-base)
	if rate < 0.7*homeUp {
		t.Errorf("uploads have %.2f Mbit/s of an idle line of %.0f", rate/1e6, homeUp/1e6)
	}
	if grows := tripAt(trips, 50) - base; grows > 10*time.Millisecond {
		t.Errorf("a ping of %v grows by %v", base, grows)
	}
	share := 0.0
	var wg sync.WaitGroup
	wg.Go(func() { share = h.cbr(1.8e6, 20*time.Second) })
	time.Sleep(8 * time.Second)
	trips = h.ping.run(10 * time.Second)
	wg.Wait()
	t.Logf("beside 1.8 Mbit/s, of which %.1f %% come through: ping + p50 %v, p95 %v, most %v", 100*share,
		tripAt(trips, 50)-base, tripAt(trips, 95)-base, tripAt(trips, 100)-base)
	if grows := mean(trips) - base; grows > 10*time.Millisecond {
		t.Errorf("beside both a ping grows by %v", grows)
	}
	if share < 0.9 {
		t.Errorf("of what others send %.0f %% come through", 100*share)
	}
}
