package node

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// TestWhatDoesNotExistIsNotListed: a member announces tracks that nobody made up
// but itself.
func TestWhatDoesNotExistIsNotListed(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.close()
		_, bad := l.badAt(homeLine, track, func(_ int, buf, data []byte) (int, error) { return copy(buf, data), nil }) // announces the track, too
		defer bad.Close()
		good := l.host(homeLine).start()
		defer good.Close()
		noStutter(t, []heard{good.play(t.Context(), track, 0)})
		server, err := bad.Server(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var made []protocol.Announced
		for i := range 200 * protocol.MaxAnnounce {
			made = append(made, protocol.Announced{ID: protocol.ID{1, byte(i), byte(i >> 8), byte(i >> 16)}, Complete: true})
		}
		for part := range slices.Chunk(made, protocol.MaxAnnounce) {
			if err := server.Announce(t.Context(), part); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		late := l.host(homeLine).start() // it is listed though the other floods
		defer late.Close()
		noStutter(t, []heard{late.play(t.Context(), track, 0)})
		time.Sleep(5 * time.Second)
		listed := func(id protocol.ID) int {
			n, err := l.server.origin.Tracker.Count(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			return n
		}
		for _, a := range made[:100] {
			if n := listed(a.ID); n != 0 {
				t.Fatalf("%d are listed for a track that there is not", n)
			}
		}
		if n := listed(track.header.ID); n != 3 {
			t.Errorf("%d are listed for the one that there is, want 3", n)
		}
	})
}

func TestTheServerHearsWhereItsMembersAre(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.close()
		nodes := l.start(4, homeLine)
		defer closeAll(nodes)
		for _, n := range nodes {
			n.swarm.Connect(t.Context(), peersOf(nodes))
		}
		all, _ := l.hearAll(nodes, track, 0)
		noStutter(t, all)
		time.Sleep(2 * time.Minute)
		told, err := l.server.origin.Tracker.Peers(t.Context(), track.header.ID, protocol.Peer{}, 4)
		if err != nil || len(told) != 4 {
			t.Fatalf("%d peers, %v", len(told), err)
		}
		for _, p := range told {
			if p.Coordinate.IsZero() {
				t.Error("it does not know where a member is")
			}
		}
		for _, n := range nodes {
			s, err := n.Status(t.Context())
			if err != nil || s.CoordinateError == 0 {
				t.Errorf("a node does not know where it is: %v, %v", s.CoordinateError, err)
			}
			for _, c := range s.Neighbours {
				if off := (c.Distance - c.RTT).Abs(); c.Distance == 0 || off > c.RTT/2 {
					t.Errorf("%v away, by its estimate %v", c.RTT, c.Distance)
				}
			}
		}
	})
}
