package node

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"earshot/protocol"
)

func TestWhoBeginsAMomentLaterHasTheStartFromWhomItKnowsThoughTheServerIsGone(t *testing.T) {
	track := newLabTrack(1, 20*time.Second, 192_000)
	for name, at := range map[string]struct {
		line
		roundTrip time.Duration
	}{"far": {homeLine, 80 * time.Millisecond}, "near": {lan, time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
				nodes := l.nodesAt(2, at.line)
				nodes[1].swarm.Connect(t.Context(), peersOf(nodes[:1]))
				time.Sleep(time.Second) // the server's connection is up too
				first, err := nodes[0].Open(t.Context(), track.header.ID, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer first.Close()
				l.server.packet.setLoss(1)
				if took := nodes[1].firstSound(t, track); took > at.roundTrip+20*time.Millisecond {
					t.Errorf("it has the start after %v", took)
				}
			})
		})
	}
}

func TestWhoCanBeSpokenToAtOnceIsMetFirstButForTheNearest(t *testing.T) {
	var peers []protocol.Peer
	for i := range 6 {
		peers = append(peers, protocol.Peer{Node: protocol.NodeID{byte(i)}})
	}
	for name, test := range map[string]struct {
		known []byte // of which there is a ticket
		want  []byte
	}{
		"some":    {[]byte{1, 3, 5}, []byte{0, 1, 3, 5, 2, 4}},
		"nobody":  {nil, []byte{0, 1, 2, 3, 4, 5}},
		"the far": {[]byte{4, 5}, []byte{0, 1, 4, 5, 2, 3}},
	} {
		var got []byte
		for _, p := range soonest(peers, func(n protocol.NodeID) bool { return slices.Contains(test.known, n[0]) }) {
			got = append(got, p.Node[0])
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	if got := soonest(peers[:1], func(protocol.NodeID) bool { return false }); len(got) != 1 {
		t.Errorf("of one: %v", got)
	}
}

// Whom a process has spoken to and who has not answered is no neighbour, neither for the
// next nor for who looks at the status.
func TestWhoDoesNotAnswerIsNoNeighbour(t *testing.T) {
	labWith(serverLine).run(t, func(t *testing.T, l *lab) {
		gone, host := l.host(homeLine), l.host(homeLine)
		friend, before := gone.start(), host.start()
		before.swarm.Connect(t.Context(), peersOf([]*Node{friend}))
		time.Sleep(time.Second)
		before.Close()
		friend.Close()
		n := host.start()
		time.Sleep(time.Second)
		status, err := n.Status(t.Context())
		if spoken := len(n.swarm.Neighbours()); err != nil || spoken != 2 || len(status.Neighbours) != 1 {
			t.Errorf("it has spoken to %d, the server among them, and tells of %d; %v", spoken, len(status.Neighbours), err)
		}
		n.Close()
		kept := openNeighbours(filepath.Join(host.data, neighboursFile)).kept.Neighbours
		if len(kept) != 1 || kept[0].Node != friend.swarm.Self() || !kept[0].Public.IsValid() {
			t.Errorf("the next knows %+v", kept)
		}
	})
}
