package tracker

import (
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func TestWhatIsForgottenTakesNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		var all []protocol.Announced // one a shard and more
		for i := range 2 * shards {
			all = append(all, protocol.Announced{ID: protocol.ID{byte(i), byte(i / shards)}})
		}
		for i := range 500 {
			if err := m.Announce(t.Context(), protocol.Peer{Node: protocol.NodeID{byte(i), byte(i >> 8)}}, all); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				if err := m.Forget(t.Context(), protocol.NodeID{byte(i), byte(i >> 8)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(TTL + time.Second)
		last := protocol.NodeID{31: 1}
		other := make([]protocol.Announced, shards) // touches each shard
		for i := range other {
			other[i] = protocol.Announced{ID: protocol.ID{byte(i), 99}}
		}
		if err := m.Announce(t.Context(), protocol.Peer{Node: last}, other); err != nil {
			t.Fatal(err)
		}
		if len(m.nodes) != 1 {
			t.Errorf("%d nodes are kept", len(m.nodes))
		}
		lines := 0
		for i := range m.shards {
			for _, list := range m.shards[i].tracks {
				lines += len(list)
			}
		}
		if lines != len(other) || m.nodes[last].lines.Load() != int32(lines) {
			t.Errorf("%d lines are kept, %d counted, want %d", lines, m.nodes[last].lines.Load(), len(other))
		}
	})
}

func TestLinesAreCountedAsTheyAre(t *testing.T) {
	m := NewMemory()
	counted := map[*node]int32{}
	for i := range 4000 {
		id := protocol.NodeID{byte(i * 7 % 101)}
		tracks := []protocol.Announced{{ID: protocol.ID{byte(i % 3)}}, {ID: protocol.ID{byte(i % 3)}}, {ID: protocol.ID{byte(i % 5)}}}
		if err := m.Announce(t.Context(), protocol.Peer{Node: id}, tracks); err != nil {
			t.Fatal(err)
		}
		switch i % 11 {
		case 4:
			m.Forget(t.Context(), id)
		case 8:
			m.Withdraw(t.Context(), id, []protocol.ID{{byte(i % 3)}, {byte(i % 3)}})
		}
	}
	for i := range m.shards {
		for _, list := range m.shards[i].tracks {
			if len(list) > MaxPeers {
				t.Errorf("a track with %d lines", len(list))
			}
			for _, h := range list {
				counted[h.node]++
			}
		}
	}
	for _, n := range m.nodes {
		if counted[n] != n.lines.Load() {
			t.Errorf("a node with %d lines counts %d", counted[n], n.lines.Load())
		}
	}
}

func TestWhoComesAndGoesTakesOneLine(t *testing.T) {
	m := NewMemory()
	id, peer := protocol.ID{1}, protocol.Peer{Node: protocol.NodeID{1}}
	for range 10 {
		if err := m.Announce(t.Context(), peer, []protocol.Announced{{ID: id}}); err != nil {
			t.Fatal(err)
		}
		if err := m.Forget(t.Context(), peer.Node); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.shard(id).tracks[id]); n != 1 {
		t.Errorf("%d lines", n)
	}
}
