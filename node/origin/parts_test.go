package origin

import (
	"net/netip"
	"testing"
	"time"

	"earshot/protocol"
)

// minutes is the header of a track of 192 kbit/s: a chunk is 0.7 s.
func minutes(n int) *protocol.Header {
	h := &protocol.Header{Track: protocol.Track{ID: protocol.ID{7}, Duration: time.Duration(n) * time.Minute, Size: int64(n) * 60 * 24000}}
	for s := range n * 60 {
		h.Seek = append(h.Seek, int64(s)*24000)
	}
	return h
}

// member is the nth, at a home of its own.
func member(n int) protocol.Peer { return at(n, byte(n)) }

// at is the nth, at a site.
func at(n int, site byte) protocol.Peer {
	return protocol.Peer{
		Node:   protocol.NodeID{byte(n), byte(n >> 8)},
		Public: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, site}), 4433),
		Local:  []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 1, byte(n)}), 4433)},
	}
}

func TestThoseWhoBeginTogetherGetDifferentParts(t *testing.T) {
	var p parts
	h, now := minutes(2), time.Unix(0, 0)
	for i, want := range []int{0, 2, 3, 4, 5} {
		s := p.next(now.Add(time.Duration(i)*10*time.Millisecond), h, 0, beginner{peer: member(i), sharing: true})
		if s.before != i || s.first != want || s.count != min(i, 1) {
			t.Errorf("number %d: %d before it, its part is %d of %d, want 1 of %d", i, s.before, s.count, s.first, want)
		}
	}
	if s := p.next(now.Add(2*together), h, 0, beginner{peer: member(6), sharing: true}); s.before != 0 || s.count != 0 || s.starter != nil {
		t.Errorf("who comes later begins with %d others, with a part of %d chunks", s.before, s.count)
	}
	if s := p.next(now.Add(2*together), h, time.Minute, beginner{peer: member(7), sharing: true}); s.before != 0 {
		t.Errorf("who begins elsewhere begins with %d others", s.before)
	}
}

func TestWhoIsConnectedWithAnotherHasTheStartFromThere(t *testing.T) {
	var p parts
	h, now := minutes(2), time.Unix(0, 0)
	next := func(n int, knows ...int) share {
		who := beginner{peer: member(n), sharing: true}
		for _, k := range knows {
			who.knows = append(who.knows, member(k).Node.Hint())
		}
		return p.next(now, h, 0, who)
	}
	next(0)
	for _, want := range []struct {
		n       int
		knows   []int
		starter int
		steps   int
		why     string
	}{
		{1, []int{9}, 0, 1, "it knows none of those who began"},
		{2, []int{1}, 1, 2, "it knows one"},
		{3, []int{2, 1, 0}, 0, 1, "of those whom it knows one has the start first"},
		{9, nil, 1, 2, "one knows it"},
	} {
		s := next(want.n, want.knows...)
		if s.starter == nil || s.starter.Node != member(want.starter).Node || s.steps != want.steps {
			t.Errorf("%s, but number %d is told of %v, in %d steps", want.why, want.n, s.starter, s.steps)
		}
	}
}

func TestAShortTrackHasNoPartsBehindItsEnd(t *testing.T) {
	var p parts
	h := minutes(1)
	h.Size = 3 * protocol.ChunkSize
	for i := range 20 {
		if s := p.next(time.Unix(0, 0), h, 0, beginner{peer: member(i), sharing: true}); s.first+s.count > 3 {
			t.Errorf("number %d gets %d chunks from %d on", i, s.count, s.first)
		}
	}
}

func TestTheStartGoesDownATree(t *testing.T) {
	var p parts
	h, depth := minutes(2), map[protocol.NodeID]int{}
	named := map[protocol.NodeID]int{}
	for i := range 85 { // 1 + 4 + 16 + 64
		who := member(i)
		s := p.next(time.Unix(0, 0), h, 0, beginner{peer: who, sharing: true})
		if i == 0 {
			if s.starter != nil {
				t.Fatal("the first is told of another")
			}
			continue
		}
		if s.starter == nil || s.starter.Node == who.Node {
			t.Fatalf("number %d is told of %v", i, s.starter)
		}
		if len(s.starter.Local) > 0 {
			t.Fatal("local addresses are told to strangers")
		}
		named[s.starter.Node]++
		depth[who.Node] = depth[s.starter.Node] + 1
		if s.steps != depth[who.Node] {
			t.Errorf("number %d is taken to be %d steps away, and is %d", i, s.steps, depth[who.Node])
		}
	}
	for node, n := range named {
		if n > fanOut {
			t.Errorf("%s is named to %d", node.Short(), n)
		}
	}
	for node, d := range depth {
		if d > 3 {
			t.Errorf("%s gets it in %d steps", node.Short(), d)
		}
	}
}

func TestTheStartComesFromTheSameSiteAndFromThoseWhoShare(t *testing.T) {
	var p parts
	h, now := minutes(2), time.Unix(0, 0)
	p.next(now, h, 0, beginner{peer: at(0, 1), sharing: true})
	p.next(now, h, 0, beginner{peer: at(1, 2), sharing: false}) // shares nothing
	p.next(now, h, 0, beginner{peer: at(2, 3), sharing: true})
	s := p.next(now, h, 0, beginner{peer: at(3, 3), sharing: true})
	if s.starter == nil || s.starter.Node != at(2, 3).Node || len(s.starter.Local) == 0 {
		t.Errorf("at the site of number 2 it is told of %+v", s.starter)
	}
	if s := p.next(now, h, 0, beginner{peer: at(4, 2), sharing: true}); s.starter == nil || s.starter.Node != at(0, 1).Node {
		t.Errorf("at the site of who shares nothing it is told of %+v", s.starter)
	}
}

func TestTheAccountOfBeginningsIsBounded(t *testing.T) {
	var p parts
	h := minutes(1)
	for i := range 3 * maxBegins {
		h.ID = protocol.ID{byte(i), byte(i >> 8)}
		p.next(time.Unix(0, 0), h, 0, beginner{peer: member(i), sharing: true})
	}
	for i := range 2 * maxBeginners {
		p.next(time.Unix(0, 0), h, 0, beginner{peer: member(i), sharing: true})
	}
	if n := len(p.begins[h.ID].order); len(p.begins) > maxBegins || n > maxBeginners {
		t.Errorf("it holds %d, of the last %d members", len(p.begins), n)
	}
}
