package node

import (
	"testing"
	"testing/synctest"
	"time"
)

// labSetup is a lab that is to be.
type labSetup struct {
	server line
	tracks []labTrack
}

// labWith is a lab whose server has a line and tracks.
func labWith(server line, tracks ...labTrack) labSetup { return labSetup{server, tracks} }

// run runs a test in virtual time, in a lab that is closed behind it, after the nodes
// that it started by node and nodesAt.
func (s labSetup) run(t *testing.T, test func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, s.server, s.tracks...)
		t.Cleanup(l.close)
		test(t, l)
	})
}

// node starts a node of a new member, until the test ends.
func (l *lab) node(at line) *Node {
	n := l.host(at).start()
	l.t.Cleanup(func() { n.Close() })
	return n
}

// nodesAt starts so many.
func (l *lab) nodesAt(n int, at line) (nodes []*Node) {
	for range n {
		nodes = append(nodes, l.node(at))
	}
	return nodes
}

// earlier is what hosts have heard before they begin again.
type earlier int

const (
	heardBeginnings earlier = iota // one after the other, of a track: the server has hardly sent anything
	heardTracks                    // one after the other, a whole track
	heardTogether                  // a whole track, all at once: they have met
)

// restarted starts nodes of hosts where one has run before: with a ticket, a token and
// neighbours of then, and with no connection.
func (l *lab) restarted(n int, at line, e earlier) (nodes []*Node) {
	played := newLabTrack(3, 5*time.Second, 192_000)
	l.server.tracks[played.header.ID] = played
	var hosts []*host
	for range n {
		hosts = append(hosts, l.host(at))
	}
	if e == heardTogether {
		l.hearTogether(hosts, newLabTrack(4, 20*time.Second, 192_000))
	} else {
		for _, h := range hosts {
			before := h.start()
			if e == heardTracks {
				before.readAll(l.t, played)
			} else {
				before.firstSound(l.t, played)
			}
			before.Close()
		}
	}
	time.Sleep(10 * time.Second)
	for _, h := range hosts {
		nodes = append(nodes, h.start())
	}
	return nodes
}

// hearTogether has all hosts hear a track at once, and end.
func (l *lab) hearTogether(hosts []*host, track labTrack) {
	l.server.tracks[track.header.ID] = track
	var nodes []*Node
	for _, h := range hosts {
		nodes = append(nodes, h.start())
	}
	defer closeAll(nodes)
	l.hearAll(nodes, track, 0)
}
