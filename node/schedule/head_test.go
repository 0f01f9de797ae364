package schedule

import (
	"testing"
	"time"

	"earshot/protocol"
)

func TestAHeadIsShorterWherePeersHelpOrOthersWait(t *testing.T) {
	for _, test := range []struct {
		peers, crowd int
		want         time.Duration
	}{
		{0, 0, idleHead},
		{1, 0, sharedHead},
		{0, 1, idleHead / 2},
		{1, 1, sharedHead / 2},
		{0, 50, LeastHead},
		{1, 50, LeastHead},
		{10, 1 << 30, LeastHead},
	} {
		if got := Head(test.peers, test.crowd); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestAHeadIsSharedWithWhoBeginsOnTheLAN: the first to begin takes the rest of its head
// back once another on the LAN takes its part, and not where that costs it sound.
func TestAHeadIsSharedWithWhoBeginsOnTheLAN(t *testing.T) {
	const head = 22
	for _, test := range []struct {
		name      string
		rtt       time.Duration // of the other
		listening bool
		holds     int // chunks
		delivered int // of the head, by the time others take their parts
		shared    bool
	}{
		{"on the LAN", time.Millisecond, true, 2, 5, true},
		{"on the LAN, all but a run has come", time.Millisecond, true, 2, head - runChunks + 1, false},
		{"on the LAN, what comes next is needed soon", time.Millisecond, true, 2, 3, false},
		{"on the LAN, and fetches nothing", time.Millisecond, false, 2, 5, false},
		{"on the LAN, and began long before", time.Millisecond, true, head + 1, 5, false},
		{"elsewhere", 10 * time.Millisecond, true, 2, 5, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := &bench{t, New(Config{Timeline: track(), Seed: 1}), 0}
			b.AddSource(0, theServer, Source{Kind: Server, RTT: 50 * time.Millisecond})
			b.Playhead(0, 0, 0, Playing)
			id := b.Expect(0, theServer, 0, head)
			have := protocol.NewBitmap(b.n)
			for c := range test.holds {
				have.Set(c)
			}
			b.AddSource(0, peerA, Source{Kind: Peer, RTT: test.rtt, Key: 1})
			b.SetHave(0, peerA, have)
			b.Listening(0, peerA, test.listening)
			cancelled := func(after time.Duration) bool {
				for _, a := range of(b.step(after), Cancel, theServer) {
					if a.ID == id {
						return true
					}
				}
				return false
			}
			for c := range test.delivered {
				b.now += time.Millisecond
				b.Progress(b.now, id, protocol.ChunkSize)
				b.Arrived(b.now, c)
			}
			b.Playhead(b.now, 1, 0, Playing)
			if cancelled(b.rules.Settle - b.now - time.Millisecond) {
				t.Fatal("the head is taken back before others take their parts")
			}
			if got := cancelled(time.Millisecond); got != test.shared {
				t.Errorf("the head is taken back: %v, want %v", got, test.shared)
			}
		})
	}
}

// TestAnOfficeBehindAThinServerTakesOneCopy: five on a LAN begin at once, and the
// server, whose line carries the track in little less than half its length, is gone
// after 20 s.
func TestAnOfficeBehindAThinServerTakesOneCopy(t *testing.T) {
	for seed := range uint64(5) {
		w := newSwarm(seed, track(), 2*mbit)
		for i := range 5 {
			n, head := w.home(), LeastHead
			if i == 0 {
				head = idleHead
			}
			n.lan, n.up = 1, 100*mbit
			n.join(time.Duration(i)*10*time.Millisecond, head)
		}
		w.run(20 * time.Second)
		if copies := w.copies(); copies > 1.05 {
			t.Errorf("the server has sent %.2f copies", copies)
		}
		w.nodes[0].dead, w.nodes[0].flows = true, nil
		w.run(5 * time.Minute)
		if o := w.outcome(); o.stutters > 0 {
			t.Errorf("%d stutters, %v of silence", o.stutters, o.silence)
		}
	}
}
