package node

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

// inARow connects nodes in a row, each with the next alone.
func inARow(t *testing.T, nodes []*Node) {
	t.Helper()
	for i := range len(nodes) - 1 {
		nodes[i].swarm.Connect(t.Context(), peersOf(nodes[i+1:i+2]))
	}
}

// searched is what a node finds by words.
func searched(t *testing.T, n *Node, text string) (ids []protocol.ID) {
	t.Helper()
	r, err := n.Search(t.Context(), protocol.Query{Text: text})
	if err != nil {
		t.Error(err)
	}
	for _, track := range r.Tracks {
		ids = append(ids, track.ID)
	}
	return ids
}

// TestANewProcessFindsAndPlaysWhatIsTwoHopsAwayWithoutTheServer: a knows b, b knows
// c, and c alone holds the track. The server goes, then a begins.
func TestANewProcessFindsAndPlaysWhatIsTwoHopsAwayWithoutTheServer(t *testing.T) {
	track := newLabTrack(7, 30*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		host := l.host(homeLine)
		before, b, c := host.start(), l.host(homeLine).start(), l.host(homeLine).start()
		defer b.Close()
		defer c.Close()
		noStutter(t, []heard{c.play(t.Context(), track, 0)})
		inARow(t, []*Node{before, b, c})
		time.Sleep(time.Second)
		before.Close()
		l.server.close()
		time.Sleep(time.Minute)
		a := host.start()
		defer a.Close()
		asked := time.Now()
		if got := searched(t, a, "track 7"); len(got) != 1 || got[0] != track.header.ID {
			t.Errorf("by words it finds %v", got)
		}
		t.Logf("found after %v", time.Since(asked))
		h := a.play(t.Context(), track, 0)
		t.Logf("heard after %v: %+v", h.latency, h)
		noStutter(t, []heard{h})
		if h.shares.Peers != track.header.Size || h.latency > 3*time.Second {
			t.Errorf("%+v", h)
		}
	})
}

// TestAProcessThatRunsAsksAtOnceWithoutTheServer: the server has been
// away for long, and is not waited for.
func TestAProcessThatRunsAsksAtOnceWithoutTheServer(t *testing.T) {
	track := newLabTrack(7, 20*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		nodes := l.nodesAt(3, homeLine)
		noStutter(t, []heard{nodes[2].play(t.Context(), track, 0)})
		inARow(t, nodes)
		l.server.close()
		time.Sleep(time.Minute)
		h := nodes[0].play(t.Context(), track, 0)
		noStutter(t, []heard{h})
		// Four round trips of 80 ms: who holds it, two hops; a handshake; the start.
		// And a chunk at the rate that a line is tried with.
		if h.latency > 550*time.Millisecond {
			t.Errorf("the start took %v", h.latency)
		}
		if _, err := nodes[0].Open(t.Context(), protocol.ID{9}, 0); err == nil {
			t.Error("what nobody holds can be opened")
		}
	})
}

func TestNothingIsFoundBeyondTwoHops(t *testing.T) {
	track := newLabTrack(7, 10*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		nodes := l.nodesAt(4, homeLine)
		noStutter(t, []heard{nodes[3].play(t.Context(), track, 0)})
		inARow(t, nodes)
		l.server.close()
		time.Sleep(time.Minute)
		for i, want := range []int{0, 1, 1, 1} {
			r := nodes[i].searchSwarm(t.Context(), protocol.Query{Text: "track"}, time.Now().Add(searchPatience))
			if len(r.Tracks) != want {
				t.Errorf("node %d finds %d tracks, want %d", i, len(r.Tracks), want)
			}
		}
	})
}

// TestAnswersThatDoNotFitAreDropped: a member answers each question with what it
// would like to be played.
func TestAnswersThatDoNotFitAreDropped(t *testing.T) {
	track := newLabTrack(7, 10*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		nodes := l.nodesAt(2, homeLine)
		noStutter(t, []heard{nodes[1].play(t.Context(), track, 0)})
		inARow(t, nodes)
		_, bad := l.badAt(homeLine, track, func(_ int, buf, data []byte) (int, error) { return copy(buf, data), nil })
		defer bad.Close()
		nodes[0].swarm.Connect(t.Context(), []protocol.Peer{{Node: bad.Self(), Public: addrOf(bad.Addr())}})
		l.server.close()
		time.Sleep(time.Minute)
		if got := searched(t, nodes[0], "track"); len(got) != 1 || got[0] != track.header.ID {
			t.Errorf("it finds %v", got)
		}
		r, err := nodes[0].Search(t.Context(), protocol.Query{Kind: protocol.QueryPrefix, Text: track.header.ID.String()[:9]})
		if err != nil || len(r.Tracks) != 1 {
			t.Errorf("by prefix it finds %+v, %v", r, err)
		}
		// In a list of all there is no telling, but the true are among them.
		r, err = nodes[0].Search(t.Context(), protocol.Query{Kind: protocol.QueryTracks})
		if err != nil || len(r.Tracks) != protocol.MaxResults || !slices.ContainsFunc(r.Tracks, func(m protocol.Track) bool { return m.ID == track.header.ID }) {
			t.Errorf("of all it finds %d, %v", len(r.Tracks), err)
		}
	})
}

// garbage answers every search with tracks that nobody asked for.
type garbage struct{}

func (garbage) Find(context.Context, protocol.Query) (r protocol.Results) {
	for i := range protocol.MaxResults {
		r.Tracks = append(r.Tracks, protocol.Track{ID: protocol.ID{0xff, byte(i)}, Title: "Buy this", Size: 1, Duration: 1})
	}
	r.Total = 1 << 29
	return r
}

// TestWhoWasANeighbourIsTriedAgainWhileTheServerIsAway: nobody is here when the
// process begins; a neighbour of earlier is back a minute later.
func TestWhoWasANeighbourIsTriedAgainWhileTheServerIsAway(t *testing.T) {
	track := newLabTrack(7, 10*time.Second, 192_000)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, serverLine, track)
		defer l.net.Close()
		friend := l.host(homeLine).start()
		cable := l.lines[friend]
		defer friend.Close()
		noStutter(t, []heard{friend.play(t.Context(), track, 0)})
		host := l.host(homeLine)
		before := host.start()
		inARow(t, []*Node{before, friend})
		time.Sleep(time.Second)
		before.Close()
		l.server.close()
		cable.setLoss(1)
		n := host.start()
		defer n.Close()
		if r, err := n.Search(t.Context(), protocol.Query{Text: "track"}); err == nil {
			t.Errorf("nobody is here, and it finds %+v", r)
		}
		time.Sleep(time.Minute)
		cable.setLoss(0)
		time.Sleep(2 * redialEvery)
		if got := searched(t, n, "track"); len(got) != 1 {
			t.Errorf("it finds %v", got)
		}
	})
}

// TestAServerThatDoesNotAnswerIsNotConnected, also where a ticket lets requests go to
// it with the first packet.
func TestAServerThatDoesNotAnswerIsNotConnected(t *testing.T) {
	track := newLabTrack(7, 10*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		host := l.host(homeLine)
		connected := func(n *Node) bool {
			time.Sleep(time.Second)
			s, err := n.Status(t.Context())
			if err != nil {
				t.Error(err)
			}
			return s.Connected
		}
		n := host.start()
		if !connected(n) {
			t.Error("a server that is there is not connected")
		}
		n.Close()
		l.server.close()
		n = host.start()
		defer n.Close()
		if connected(n) {
			t.Error("a server that is away is connected")
		}
	})
}
