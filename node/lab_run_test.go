package node

import (
	"testing"
	"testing/synctest"
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
