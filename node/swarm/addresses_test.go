package swarm

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func TestOnlyAddressesThatMayBeAreDialled(t *testing.T) {
	who := func(addr string) namer { return namer{addr: netip.MustParseAddr(addr)} }
	server := func(addr string) namer { return namer{addr: netip.MustParseAddr(addr), server: true} }
	var (
		memory     = namer{self: true}
		stranger   = who("198.51.100.7")
		office     = who("192.168.1.9")
		other      = who("10.0.0.9")
		machine    = who("127.0.0.1")
		away       = server("198.51.100.1")
		school     = server("10.0.0.1")
		everyone   = []namer{memory, stranger, office, other, machine, away, school}
		provider   = who("100.64.3.3")
		site       = who("fd12:3456:789a:1::7")
		mapped     = who("::ffff:192.168.1.9")
		onMachine6 = server("::1")
	)
	for _, test := range []struct {
		addr  string
		lan   bool // behind our own public address
		by    []namer
		dials bool
	}{
		{"203.0.113.7:4433", false, everyone, true},
		{"[2001:db8::7]:4433", false, everyone, true},
		{"203.0.113.7:1023", false, everyone, false},
		{"203.0.113.7:53", true, everyone, false},
		{"203.0.113.7:0", false, everyone, false},
		{"0.0.0.0:4433", true, everyone, false},
		{"[::]:4433", false, everyone, false},
		{"0.1.2.3:4433", false, everyone, false},
		{"224.0.0.1:4433", false, everyone, false},
		{"[ff02::1]:4433", false, everyone, false},
		{"255.255.255.255:4433", false, everyone, false},
		{"240.0.0.1:4433", false, everyone, false},
		{"169.254.169.254:4433", true, everyone, false}, // where clouds keep their secrets
		{"[fe80::1]:4433", true, everyone, false},
		{"[64:ff9b::c0a8:101]:4433", false, everyone, false}, // 192.168.1.1 in disguise
		{"[2002:c0a8:101::1]:4433", false, everyone, false},

		{"127.0.0.1:4433", true, []namer{stranger, office, other, away, school, site}, false},
		{"127.0.0.1:4433", false, []namer{memory, machine, onMachine6}, true},
		{"[::1]:4433", false, []namer{memory, machine, onMachine6}, true},
		{"[::1]:4433", true, []namer{stranger, office, away}, false},
		{"[::ffff:127.0.0.1]:4433", true, []namer{stranger, away}, false},

		{"192.168.1.1:4433", false, []namer{stranger, other, away, provider, site}, false},
		{"192.168.1.1:4433", true, []namer{stranger, other}, false}, // a peer's word for it is not enough
		{"192.168.1.1:4433", true, []namer{away}, true},
		{"192.168.1.1:4433", false, []namer{memory, machine, office, mapped, school}, true},
		{"[::ffff:192.168.1.1]:4433", false, []namer{stranger, away}, false},
		{"10.1.2.3:4433", false, []namer{other, school}, true},
		{"10.1.2.3:4433", false, []namer{office, stranger, away}, false},
		{"172.16.0.1:4433", false, []namer{other, away}, false},
		{"172.32.0.1:4433", false, everyone, true}, // the block ends before it
		{"100.64.1.1:4433", false, []namer{stranger, away, other}, false},
		{"100.64.1.1:4433", false, []namer{provider, school}, true},
		{"[fd12:3456:789a:2::1]:4433", false, []namer{site, memory}, true},
		{"[fd12:3456:789b:2::1]:4433", false, []namer{site, stranger, away}, false}, // another site
	} {
		for _, by := range test.by {
			if got := mayDial(netip.MustParseAddrPort(test.addr), by, test.lan); got != test.dials {
				t.Errorf("%s, lan %v, named by %+v: %v", test.addr, test.lan, by, got)
			}
		}
	}
	if mayDial(netip.AddrPort{}, memory, true) {
		t.Error("no address at all is dialled")
	}
}

func TestANodeDoesNotDialItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		seen := netip.MustParseAddrPort("198.51.100.5:7000") // outside its NAT
		n.upstream.seen.Store(&seen)
		other := protocol.NodeID{1}
		for _, a := range []netip.AddrPort{addrPort(n.Addr()), seen} {
			if got := n.addresses(protocol.Peer{Node: other, Public: a}, namer{self: true}); len(got) != 0 {
				t.Errorf("it dials %v", got)
			}
		}
		near := protocol.Peer{Node: other, Public: netip.MustParseAddrPort("198.51.100.5:7001"), Local: []netip.AddrPort{
			netip.MustParseAddrPort("192.168.1.7:4433"), netip.MustParseAddrPort("192.168.1.7:22"),
		}}
		by := namer{addr: netip.MustParseAddr("198.51.100.1"), server: true}
		if got := n.addresses(near, by); len(got) != 2 || got[1] != near.Local[0] {
			t.Errorf("a peer on the LAN is dialled at %v", got)
		}
		near.Public = netip.MustParseAddrPort("198.51.100.6:7001")
		if got := n.addresses(near, by); len(got) != 1 || got[0] != near.Public {
			t.Errorf("one elsewhere is dialled at %v", got)
		}
	})
}

// besideABadOne runs a test in virtual time, of a node n and its connection c with one
// on the internet that names others.
func besideABadOne(t *testing.T, test func(t *testing.T, n *Swarm, c *Conn)) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		n := w.node(nil, nil)
		defer n.Close()
		bad := w.node(nil, nil)
		defer bad.Close()
		test(t, n, w.neighbour(n, bad))
	})
}

// TestNobodyOnTheInternetHasAPrivateNetworkDialled: one on the internet names addresses of
// this node's own networks. Whatever is dialled there does not answer, and is noted.
func TestNobodyOnTheInternetHasAPrivateNetworkDialled(t *testing.T) {
	besideABadOne(t, func(t *testing.T, n *Swarm, c *Conn) {
		for i, test := range []struct {
			addr  string
			dials bool
		}{
			{"203.0.200.1:4433", true}, {"192.168.1.1:4433", false}, {"10.0.0.1:4433", false}, {"127.0.0.1:4433", false}, {"203.0.200.1:53", false},
		} {
			a := netip.MustParseAddrPort(test.addr)
			c.Connect(t.Context(), []protocol.Peer{{Node: protocol.NodeID{byte(i), 1}, Public: a, Local: []netip.AddrPort{a}}})
			if got := n.dials.isDead(a); got != test.dials {
				t.Errorf("%v is dialled: %v", a, got)
			}
		}
	})
}

// TestHowMuchIsDialledIsBounded: a neighbour names hosts that do not answer, over
// and over: somebody's, whom it wants flooded.
func TestHowMuchIsDialledIsBounded(t *testing.T) {
	besideABadOne(t, func(t *testing.T, n *Swarm, c *Conn) {
		dialled := map[netip.AddrPort]int{}
		began := time.Now()
		for round := range 40 {
			var peers []protocol.Peer
			for i := range protocol.MaxPeers {
				a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 200, byte(round%4*10 + i)}), 4433)
				peers = append(peers, protocol.Peer{Node: protocol.NodeID{byte(round), byte(i), 1}, Public: a})
				if !n.dials.isDead(a) {
					dialled[a]++
				}
			}
			c.Connect(t.Context(), peers)
		}
		took := time.Since(began)
		if tokens := n.dials.limit.TokensAt(time.Now()); tokens > dialBurst {
			t.Errorf("%f may be dialled", tokens)
		}
		for a, times := range dialled {
			if most := int(took/deadFor) + 1; times > most {
				t.Errorf("%v was dialled %d times in %v", a, times, took)
			}
		}
		if len(n.Neighbours()) != 1 || len(n.dials.dead) > maxDead {
			t.Errorf("%d neighbours, %d dead", len(n.Neighbours()), len(n.dials.dead))
		}
	})
}
