package tracker

import (
	"bytes"
	"io"
	"math"
	"net/netip"
	"testing"
	"time"

	"earshot/protocol"
)

// talk is what members say to a server, as the wire has it: before each message two
// bytes, who speaks and how much time has passed.
type talk []byte

// says appends a message. pass is in eighths of a TTL; or see leaves.
func (b talk) says(who, pass byte, m protocol.Message) talk {
	return protocol.Append(append(b, who, pass), m)
}

// leaves, added to the time that has passed, has who speaks be forgotten afterwards.
const leaves = 0x80

// FuzzMemory tells a tracker whatever members may say, after the wire's own parser, and
// asks it after each: what it names is what was announced, no sooner, no later, and no
// more; and what it keeps is bounded, and gone after a TTL.
func FuzzMemory(f *testing.F) {
	one, two := protocol.ID{1}, protocol.ID{2}
	holds := func(complete bool, ids ...protocol.ID) *protocol.Announce {
		m := new(protocol.Announce)
		for _, id := range ids {
			m.Tracks = append(m.Tracks, protocol.Announced{ID: id, Complete: complete})
		}
		return m
	}
	f.Add([]byte(talk{}.says(1, 0, holds(true, one, two)).says(2, 1, holds(false, one)).says(1, 1, &protocol.Withdraw{IDs: []protocol.ID{one, one}})))
	f.Add([]byte(talk{}.says(1, 0, holds(true, one)).says(1, 9, holds(false, one)).says(2, 7, &protocol.FindPeers{ID: one}).says(2, 2, &protocol.FindPeers{ID: one})))
	f.Add([]byte(talk{}.says(1, leaves, holds(true, one)).says(1, leaves, holds(true, one, two)).says(3, 0, holds(true, two))))
	strange := &protocol.Hello{Agent: "x", Sharing: true, Coordinate: protocol.Coordinate{Error: math.MaxFloat32, Height: math.SmallestNonzeroFloat32}}
	for i := range byte(protocol.MaxLocalAddrs) {
		strange.Local = append(strange.Local, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, i}), 1))
	}
	f.Add([]byte(talk{}.says(4, 0, strange).says(4, 0, holds(true, one)).says(8, 0, strange).says(8, 0, holds(true, one)).says(5, 0, &protocol.FindPeers{ID: one})))
	var crowd talk
	for i := range byte(MaxPeers + 2) {
		crowd = crowd.says(i, 0, holds(i%2 == 0, one))
	}
	f.Add([]byte(crowd))

	f.Fuzz(func(t *testing.T, in []byte) {
		s := newSpoken(t)
		r := protocol.NewReader(bytes.NewReader(in))
		for {
			var who [2]byte
			if _, err := io.ReadFull(r, who[:]); err != nil {
				break
			}
			m, err := r.Next()
			if err != nil { // the connection is closed
				break
			}
			s.now = s.now.Add(time.Duration(who[1]&^leaves) * TTL / 8)
			s.hear(who[0], m)
			if who[1]&leaves != 0 {
				s.forget(who[0])
			}
			s.counts()
		}
		s.isGoneAfterTTL()
	})
}

// spoken is a tracker beside what it was told.
type spoken struct {
	*testing.T
	m       *Memory
	now     time.Time
	members [256]protocol.Peer
	told    map[protocol.ID]map[protocol.NodeID]time.Time // the latest announcement
	crowded map[protocol.ID]bool                          // more than are kept were told
}

func newSpoken(t *testing.T) *spoken {
	s := &spoken{T: t, now: time.Unix(0, 0), told: map[protocol.ID]map[protocol.NodeID]time.Time{}, crowded: map[protocol.ID]bool{}}
	for i := range s.members { // four at each address
		s.members[i].Node = protocol.NodeID{byte(i), 1}
		s.members[i].Public = netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i / 4)}), uint16(4433+i%4))
	}
	s.m = NewSimulated(func() time.Time { return s.now }, func() uint32 { return 0 })
	return s
}

// hear does with a message what package origin does.
func (s *spoken) hear(who byte, m protocol.Message) {
	p := &s.members[who]
	switch m := m.(type) {
	case *protocol.Hello:
		p.Local, p.Coordinate = m.Local, m.Coordinate
	case *protocol.Announce:
		if !m.Coordinate.IsZero() {
			p.Coordinate = m.Coordinate
		}
		if err := s.m.Announce(s.Context(), *p, m.Tracks); err != nil {
			s.Fatal(err)
		}
		for _, a := range m.Tracks {
			s.announced(a.ID, p.Node)
		}
		for _, a := range m.Tracks {
			s.ask(a.ID, p, int(who))
			s.ask(a.ID, &s.members[who^1], int(who)-1)
		}
	case *protocol.Withdraw:
		if err := s.m.Withdraw(s.Context(), p.Node, m.IDs); err != nil {
			s.Fatal(err)
		}
		for _, id := range m.IDs {
			delete(s.told[id], p.Node)
			s.ask(id, &s.members[who^1], protocol.MaxPeers)
		}
	case *protocol.FindPeers:
		s.ask(m.ID, p, protocol.MaxPeers)
	}
}

func (s *spoken) announced(id protocol.ID, n protocol.NodeID) {
	if s.told[id] == nil {
		s.told[id] = map[protocol.NodeID]time.Time{}
	}
	s.told[id][n] = s.now
	s.crowded[id] = s.crowded[id] || s.alive(id, protocol.NodeID{}) > MaxPeers
}

func (s *spoken) forget(who byte) {
	if err := s.m.Forget(s.Context(), s.members[who].Node); err != nil {
		s.Fatal(err)
	}
	for _, nodes := range s.told {
		delete(nodes, s.members[who].Node)
	}
}

// alive returns how many hold a track by what was told, but for one.
func (s *spoken) alive(id protocol.ID, but protocol.NodeID) (n int) {
	for node, at := range s.told[id] {
		if node != but && s.now.Sub(at) < TTL {
			n++
		}
	}
	return n
}

// ask looks at who is named to an asker.
func (s *spoken) ask(id protocol.ID, asker *protocol.Peer, most int) {
	peers, err := s.m.Peers(s.Context(), id, *asker, most)
	if err != nil {
		s.Fatal(err)
	}
	if len(peers) > max(most, 0) {
		s.Fatalf("%d peers where %d were asked for", len(peers), most)
	}
	seen := map[protocol.NodeID]bool{}
	for _, p := range peers {
		at, told := s.told[id][p.Node]
		if !told || s.now.Sub(at) >= TTL || p.Node == asker.Node || seen[p.Node] {
			s.Fatalf("%v is named (told %v, before: %v)", p.Node.Short(), told, seen[p.Node])
		}
		seen[p.Node] = true
		if sameLAN := p.Public.Addr() == asker.Public.Addr(); len(p.Local) > protocol.MaxLocalAddrs || len(p.Local) > 0 && !sameLAN {
			s.Fatalf("%v are told to %v", p.Local, asker.Public)
		}
	}
	if want := min(s.alive(id, asker.Node), max(most, 0)); !s.crowded[id] && len(peers) != want {
		s.Fatalf("%d peers, want %d", len(peers), want)
	}
	if n, _ := s.m.Count(s.Context(), id); n > MaxPeers || !s.crowded[id] && n != s.alive(id, protocol.NodeID{}) {
		s.Fatalf("%d are counted, want %d", n, s.alive(id, protocol.NodeID{}))
	}
}

// counts looks at what is kept.
func (s *spoken) counts() {
	lines := map[*node]int32{}
	for i := range s.m.shards {
		for _, list := range s.m.shards[i].tracks {
			if len(list) == 0 || len(list) > MaxPeers {
				s.Fatalf("a track with %d lines", len(list))
			}
			for _, h := range list {
				lines[h.node]++
			}
		}
	}
	for n, count := range lines {
		if got := n.lines.Load(); got != count || got > MaxTracks {
			s.Fatalf("a node of %d lines counts %d", count, got)
		}
	}
	if len(s.m.nodes) > len(s.members) {
		s.Fatalf("%d nodes are kept", len(s.m.nodes))
	}
}

// isGoneAfterTTL announces one track in each shard, which sweeps it.
func (s *spoken) isGoneAfterTTL() {
	s.now = s.now.Add(TTL)
	last := make([]protocol.Announced, shards)
	for i := range last {
		last[i].ID = protocol.ID{byte(i), 31: 1}
	}
	if err := s.m.Announce(s.Context(), s.members[0], last); err != nil {
		s.Fatal(err)
	}
	kept := 0
	for i := range s.m.shards {
		kept += len(s.m.shards[i].tracks)
	}
	if kept != shards || len(s.m.nodes) != 1 {
		s.Fatalf("%d tracks and %d nodes are kept", kept, len(s.m.nodes))
	}
}
