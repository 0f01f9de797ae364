package node

import (
	"slices"
	"testing"
	"time"

	"earshot/protocol"
)

// TestWhatDoesNotExistIsNotListed: a member announces tracks that nobody made up
// but itself.
func TestWhatDoesNotExistIsNotListed(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		_, bad := l.badAt(homeLine, track, func(_ int, buf, data []byte) (int, error) { return copy(buf, data), nil }) // announces the track, too
		defer bad.Close()
		good := l.node(homeLine)
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
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		nodes := l.nodesAt(4, homeLine)
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

// honest reads as a peer should.
func honest(_ int, buf, data []byte) (int, error) { return copy(buf, data), nil }

// from returns the bytes that a node got from another.
func (n *Node) from(other protocol.NodeID) int64 {
	for _, c := range n.swarm.Neighbours() {
		if c.Node() == other {
			_, got := c.Transferred()
			return got
		}
	}
	return 0
}

// TestWhoClaimsAllAndIsSlowBringsLittle: the nearest peer has everything, it says,
// and sends 8 KB a second, a third of what the track needs.
func TestWhoClaimsAllAndIsSlowBringsLittle(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		bad, slow := l.bad(track, func(_ int, buf, data []byte) (int, error) {
			time.Sleep(2 * time.Second)
			return copy(buf, data), nil
		})
		defer slow.Close()
		good := l.node(homeLine)
		noStutter(t, []heard{good.play(t.Context(), track, 0)})
		n := l.node(homeLine)
		h := n.play(t.Context(), track, 0)
		noStutter(t, []heard{h})
		bySlow, byGood := n.from(slow.Self()), n.from(good.swarm.Self())
		if len(bad.asks) == 0 {
			t.Error("the slow one was not asked: this tests nothing")
		}
		if bySlow > byGood/4 || byGood < track.header.Size/2 {
			t.Errorf("the slow one brought %d bytes, the good one %d: %+v", bySlow, byGood, h.shares)
		}
	})
}

// TestWhoClaimsLittleAndIsFastBringsIt: the nearest holds every fourth run alone.
func TestWhoClaimsLittleAndIsFastBringsIt(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		little, s := l.bad(track, honest)
		defer s.Close()
		little.have = protocol.NewBitmap(protocol.Chunks(track.header.Size))
		held := int64(0)
		for i := range protocol.Chunks(track.header.Size) {
			if i/4%4 == 3 {
				little.have.Set(i)
				held += protocol.ChunkSize
			}
		}
		good := l.node(homeLine)
		noStutter(t, []heard{good.play(t.Context(), track, 0)})
		n := l.node(homeLine)
		h := n.play(t.Context(), track, 0)
		noStutter(t, []heard{h})
		if got := n.from(s.Self()); got < held/2 {
			t.Errorf("it brought %d of the %d bytes that it holds: %+v", got, held, h.shares)
		}
	})
}

// TestHaveMapsOfAnotherSizeAreIgnoredAndCounted: its track is longer, it says.
func TestHaveMapsOfAnotherSizeAreIgnoredAndCounted(t *testing.T) {
	track := newLabTrack(1, 30*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		longer := track
		longer.header.Size += 10 * protocol.ChunkSize
		longer.data = append(longer.data[:len(longer.data):len(longer.data)], make([]byte, 10*protocol.ChunkSize)...)
		bad, s := l.badAt(homeLine, longer, honest)
		defer s.Close()
		n := l.node(homeLine)
		h := n.play(t.Context(), track, 0)
		noStutter(t, []heard{h})
		status, err := n.Status(t.Context())
		if err != nil || status.Faults.Violations == 0 || len(bad.asks) != 0 || h.shares.Peers != 0 {
			t.Errorf("%d violations are counted, %d chunks asked for, %+v, %v", status.Faults.Violations, len(bad.asks), h.shares, err)
		}
	})
}

// TestALieAboutATrackIsFoundOut: a near neighbour wins the race with a header that
// is not the track's.
func TestALieAboutATrackIsFoundOut(t *testing.T) {
	track := newLabTrack(1, 30*time.Second, 192_000)
	for name, lie := range map[string]func(h *protocol.Header){
		"longer":  func(h *protocol.Header) { h.Size += 10 * protocol.ChunkSize },
		"shorter": func(h *protocol.Header) { h.Size -= 10 * protocol.ChunkSize; h.Seek = h.Seek[:20] },
		"louder":  func(h *protocol.Header) { h.Loudness.TrackGain = 60_000 },
		"a seek table that leads nowhere": func(h *protocol.Header) {
			h.Seek = slices.Repeat([]int64{0}, len(h.Seek))
		},
	} {
		t.Run(name, func(t *testing.T) {
			labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
				lying := track
				lying.header.Seek = slices.Clone(track.header.Seek)
				lie(&lying.header)
				lying.data = append(lying.data[:len(lying.data):len(lying.data)], make([]byte, 10*protocol.ChunkSize)...)
				bad, s := l.badAt(lan, lying, honest)
				defer s.Close()
				n := l.node(lan)
				n.swarm.Connect(t.Context(), []protocol.Peer{{Node: s.Self(), Public: addrOf(s.Addr())}})
				time.Sleep(time.Second)
				first := n.play(t.Context(), track, 0)
				noStutter(t, []heard{first})
				t.Logf("first: %+v", first)
				time.Sleep(10 * time.Second)
				asked := len(bad.asks)
				h := n.play(t.Context(), track, 0)
				t.Logf("then: %+v", h)
				noStutter(t, []heard{h})
				kept, ok := n.cache.AcquireCached(track.header.ID)
				if !ok || !kept.Complete() || kept.Header().Size != track.header.Size || !slices.Equal(kept.Header().Seek, track.header.Seek) {
					t.Errorf("what is kept is not the track: %v", ok)
				}
				if ok {
					kept.Release()
				}
				if len(bad.asks) != asked {
					t.Error("the liar is asked again")
				}
			})
		})
	}
}
