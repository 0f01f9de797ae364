package node

import (
	"errors"
	"testing"
	"time"

	"earshot/protocol"
)

func TestNewProcessesThatBeginTogetherPassTheStartOn(t *testing.T) {
	for name, test := range map[string]struct {
		before earlier
		late   time.Duration // that the server takes to look up a proof tree
	}{
		"from a server that knows its line": {before: heardTracks},
		"from one that does not":            {before: heardBeginnings},
		"from one whose disk is slow":       {before: heardTracks, late: 20 * time.Millisecond},
		"where they have met before":        {before: heardTogether},
	} {
		t.Run(name, func(t *testing.T) {
			track := newLabTrack(1, 20*time.Second, 192_000)
			track.late = test.late
			labWith(withUp(serverLine, 2e6), track).run(t, func(t *testing.T, l *lab) {
				nodes := l.restarted(12, homeLine, test.before)
				defer closeAll(nodes)
				all, copies := l.hearAll(nodes, track, 0)
				passedOn(t, all, copies)
			})
		})
	}
}

func passedOn(t *testing.T, all []heard, copies float64) {
	latest := time.Duration(0)
	for i, h := range all {
		if h.err != nil {
			t.Errorf("listener %d: %v", i, h.err)
		}
		latest = max(latest, h.latency)
	}
	t.Logf("%.2f copies, the last begins after %v, silence %v", copies, latest, silenceOf(all))
	if latest > 600*time.Millisecond {
		t.Errorf("the last begins after %v", latest)
	}
	if copies > 3 {
		t.Errorf("the server sends %.2f copies", copies)
	}
}

func silenceOf(all []heard) (sum time.Duration) {
	for _, h := range all {
		sum += h.silence
	}
	return sum
}

func TestWhoBeginsFirstIsToldWhatVerifiesTheStartAsItComes(t *testing.T) {
	track := newLabTrack(1, 20*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		nodes := l.start(2, homeLine)
		defer closeAll(nodes)
		for i, n := range nodes {
			server, err := n.swarm.Server(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			o, err := server.Open(t.Context(), &protocol.Open{ID: track.header.ID, Head: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer o.Head.Close()
			if i > 0 {
				if len(o.Path)+len(o.Slices) > 0 {
					t.Errorf("the second, who has it from the first, is told %d bytes", len(o.Path)+len(o.Slices))
				}
				return
			}
			tree := protocol.NewTree(track.header.ID, track.header.Size)
			if !tree.Add(o.HeadFirst, o.Proven, o.Path) || len(o.Slices) != 2*protocol.SlicesSize ||
				!tree.AddSlices(0, o.Slices[:protocol.SlicesSize]) || !tree.AddSlices(1, o.Slices[protocol.SlicesSize:]) {
				t.Errorf("the first is told %d bytes of %d chunks, and %d of slices", len(o.Path), o.Proven, len(o.Slices))
			}
		}
	})
}

func TestTheServerSendsWhatCanWaitToOneAndTellsTheOthers(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		nodes := l.nodesAt(2, homeLine)
		asks := func(n *Node, within time.Duration) error {
			server, err := n.swarm.Server(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			run, err := server.Get(t.Context(), &protocol.Get{ID: track.header.ID, First: 50, Count: 1, Priority: protocol.PriorityPrefetch, Within: within}, nil)
			if err == nil {
				run.Close()
			}
			return err
		}
		far, near := 20*time.Second, time.Second
		if err := asks(nodes[0], far); err != nil {
			t.Errorf("the first: %v", err)
		}
		if err := asks(nodes[1], far); !errors.Is(err, &protocol.Refused{Code: protocol.CodeElsewhere}) {
			t.Errorf("the second, who can wait: %v", err)
		}
		if err := asks(nodes[1], near); err != nil {
			t.Errorf("the second, when it needs it: %v", err)
		}
	})
}
