package trackertest

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"earshot/node/tracker"
	"earshot/protocol"
)

func whatIsAnnouncedIsFound(f *fixture) {
	one, two := at(peer(1), 0.01), peer(2)
	f.holders("before", track(1))
	f.announce(one, true, track(1), track(2))
	f.announce(two, false, track(2))
	f.holders("of one peer", track(1), one)
	f.holders("of two peers", track(2), one, two)
	f.holders("another track", track(3))
	f.announce(one, false, track(1))
	f.holders("announced again", track(1), one)
	if got := f.peers(track(1), stranger, 1)[0]; got.Node != one.Node || got.Public != one.Public || got.Coordinate != one.Coordinate {
		f.t.Errorf("%+v, announced as %+v", got, one)
	}
	f.announce(peer(3), true)
}

func nobodyIsSentToThemselves(f *fixture) {
	one, two := peer(1), peer(2)
	f.announce(one, true, track(1))
	f.announce(two, true, track(1))
	f.order("asked by a holder", track(1), one, two)
	moved := one
	moved.Public = netip.AddrPort{}
	f.order("asked by a holder that has moved", track(1), moved, two)
}

func noMorePeersThanAskedFor(f *fixture) {
	const n = 20
	for i := range n {
		f.announce(peer(i), true, track(1))
	}
	for most, want := range map[int]int{-1: 0, 0: 0, 1: 1, protocol.MaxPeers: protocol.MaxPeers, n: n, 1000: n} {
		if got := f.peers(track(1), stranger, most); len(got) != want {
			f.t.Errorf("%d peers where %d were asked for", len(got), most)
		}
	}
}

func nearestFirst(f *fixture) {
	asker := at(peer(9), 0)
	unknown, far, near, lan := peer(1), at(peer(2), 0.2), at(peer(3), -0.02), at(behind(peer(4), asker), 0.3)
	for _, p := range []protocol.Peer{unknown, far, near, lan} {
		f.announce(p, p.Node != near.Node, track(1)) // near before complete
	}
	f.order("an asker whose place is known", track(1), asker, lan, near, far, unknown)
	if got := f.peers(track(1), asker, 2); !slices.Equal(names(got), names([]protocol.Peer{lan, near})) {
		f.t.Errorf("the two nearest are %v", names(got))
	}
	asker.Public = netip.AddrPortFrom(netip.AddrFrom16(asker.Public.Addr().As16()), 1)
	f.order("an asker whose address is IPv4 in IPv6", track(1), asker, lan, near, far, unknown)
	asker = at(peer(8), 0.21)
	f.order("an asker elsewhere", track(1), asker, far, lan, near, unknown)
	asker.Coordinate = protocol.Coordinate{}
	if got := f.peers(track(1), behind(asker, lan), 1); got[0].Node != lan.Node {
		f.t.Error("an asker whose place is unknown is not sent to its LAN first")
	}
}

func completeFirst(f *fixture) {
	part, whole := at(peer(1), 0.0300), at(peer(2), 0.0301)
	f.announce(part, false, track(1))
	f.announce(whole, true, track(1))
	const often = 20 // it is not luck
	for range often {
		f.order("of known places", track(1), at(peer(9), 0), whole, part)
		f.order("of unknown places", track(1), stranger, whole, part)
	}
	f.announce(part, true, track(1))
	f.announce(whole, false, track(1))
	for range often {
		f.order("the other way round", track(1), stranger, part, whole)
	}
}

func equallyNearPeersShareTheAskers(f *fixture) {
	const n = 30
	for i := range n {
		f.announce(at(peer(i), 0.04), true, track(1))
	}
	told := map[protocol.NodeID]int{}
	const asks = 300
	for range asks {
		for _, p := range f.peers(track(1), at(peer(99), 0), protocol.MaxPeers) {
			told[p.Node]++
		}
	}
	// Each is told to 100 of 300 askers in the mean, with a deviation of 8: six
	// deviations happen once in a thousand million times.
	for i := range n {
		if got := told[peer(i).Node]; got < 50 || got > 150 {
			f.t.Errorf("peer %d was told to %d of %d askers", i, got, asks)
		}
	}
}

func strangeCoordinatesAreUnknown(f *fixture) {
	known := at(peer(500), 50)
	f.announce(known, false, track(1))
	asker := at(peer(501), -50)
	for i, c := range strange() {
		p := peer(i)
		p.Coordinate = c
		f.announce(p, true, track(1))
		if got := f.peers(track(1), asker, 1); len(got) != 1 || got[0].Node != known.Node {
			f.t.Errorf("%+v is near", c)
		}
		asks := peer(502)
		asks.Coordinate = c
		if got := f.peers(track(1), asks, tracker.MaxPeers); len(got) != i+2 {
			f.t.Errorf("%+v: %d peers", c, len(got))
		}
	}
}

func localAddressesStay(f *fixture) {
	one := peer(1)
	f.announce(one, true, track(1))
	if got := f.peers(track(1), behind(peer(2), one), 1); len(got) != 1 || !slices.Equal(got[0].Local, one.Local) {
		f.t.Errorf("on the LAN: %+v", got)
	}
	for _, asker := range []protocol.Peer{peer(2), stranger} {
		if got := f.peers(track(1), asker, 1); len(got) != 1 || len(got[0].Local) != 0 {
			f.t.Errorf("outside: %+v", got)
		}
	}
	nowhere := peer(3)
	nowhere.Public = netip.AddrPort{}
	f.announce(nowhere, true, track(2))
	if got := f.peers(track(2), stranger, 1); len(got) != 1 || len(got[0].Local) != 0 {
		f.t.Errorf("nowhere is taken for a LAN: %+v", got)
	}
	many := peer(4)
	many.Local = slices.Repeat(many.Local, 1000)
	f.announce(many, true, track(3))
	if got := f.peers(track(3), behind(peer(2), many), 1); len(got) != 1 || len(got[0].Local) != protocol.MaxLocalAddrs {
		f.t.Errorf("%d addresses on a LAN", len(got[0].Local))
	}
}

func theLatestAddressCounts(f *fixture) {
	before := at(peer(1), 0.1)
	f.announce(before, true, track(1), track(2))
	after := at(peer(2), 0.2)
	after.Node = before.Node
	f.announce(after, true, track(1))
	for i := range 2 {
		if got := f.peers(track(1+i), stranger, 1); len(got) != 1 || got[0].Public != after.Public || got[0].Coordinate != after.Coordinate {
			f.t.Errorf("%+v, now %+v", got, after)
		}
	}
}

func withdrawnTracksAreForgotten(f *fixture) {
	one, two := peer(1), peer(2)
	f.announce(one, true, track(1), track(2), track(3))
	f.announce(two, true, track(1))
	f.withdraw(one, track(1), track(3), track(4))
	f.withdraw(peer(3), track(1))
	f.withdraw(two)
	f.holders("withdrawn by one of two", track(1), two)
	f.holders("not withdrawn", track(2), one)
	f.holders("withdrawn by the only one", track(3))
	f.announce(one, false, track(1))
	f.holders("announced again", track(1), one, two)
}

func nodesThatHaveGoneAreForgotten(f *fixture) {
	one, two := peer(1), peer(2)
	f.announce(one, true, track(1), track(2))
	f.announce(two, true, track(1))
	f.forget(one)
	f.forget(peer(3))
	f.holders("one has gone", track(1), two)
	f.holders("all have gone", track(2))
	f.announce(one, true, track(2))
	f.holders("back, without this track", track(1), two)
	f.holders("back", track(2), one)
}

func announcementsAreForgottenByTime(f *fixture) {
	one, two := peer(1), peer(2)
	f.announce(one, true, track(1), track(2))
	f.pass(tracker.TTL / 2)
	f.announce(two, true, track(1))
	f.announce(one, true, track(2))
	f.holders("after half the time", track(1), one, two)
	f.pass(tracker.TTL/2 + 2*time.Second)
	f.holders("after all of it", track(1), two)
	f.holders("announced again meanwhile", track(2), one)
	f.pass(tracker.TTL / 2)
	f.holders("after one time and a half", track(1))
	f.holders("after one time and a half", track(2))
	f.announce(two, true, track(3))
	f.announce(one, true, track(1))
	f.holders("announced again", track(1), one)
	f.holders("not announced again", track(2))
}

func theLatestPeersAreKept(f *fixture) {
	const n = 2 * tracker.MaxPeers
	for i := range n {
		f.announce(peer(i), true, track(1))
		f.pass(time.Second)
	}
	if got := f.count(track(1)); got != tracker.MaxPeers {
		f.t.Errorf("%d peers are kept", got)
	}
	var want []protocol.Peer
	for i := range tracker.MaxPeers {
		want = append(want, peer(n-tracker.MaxPeers+i))
	}
	f.holders("of many", track(1), want...)
}

func whoHasGoneMakesPlaceFirst(f *fixture) {
	var want []protocol.Peer
	for i := range tracker.MaxPeers {
		f.announce(peer(i), true, track(1))
		f.pass(time.Second)
		if i != tracker.MaxPeers/2 {
			want = append(want, peer(i))
		}
	}
	f.forget(peer(tracker.MaxPeers / 2))
	f.announce(peer(100), true, track(1))
	f.holders("one gone, one come", track(1), append(want, peer(100))...)
}

func oneNodesTracksAreBounded(f *fixture) {
	one, two := peer(1), peer(2)
	ids := make([]protocol.ID, tracker.MaxTracks+10)
	for i := range ids {
		ids[i] = track(i)
	}
	f.announce(two, true, ids[len(ids)-1])
	for list := range slices.Chunk(ids, protocol.MaxAnnounce) {
		f.announce(one, true, list...)
	}
	f.holders("the last within the bound", ids[tracker.MaxTracks-1], one)
	f.holders("the first beyond it", ids[tracker.MaxTracks])
	f.holders("the last beyond it", ids[len(ids)-1], two)
	f.announce(one, true, ids[:protocol.MaxAnnounce]...)
	f.holders("what was kept, again", ids[0], one)
	f.withdraw(one, ids[0])
	f.announce(one, true, ids[len(ids)-1])
	f.holders("in the place of a withdrawn one", ids[len(ids)-1], one, two)
	f.forget(one)
	f.announce(one, true, ids[tracker.MaxTracks])
	f.holders("after it was gone", ids[tracker.MaxTracks], one)
	for list := range slices.Chunk(ids[1:], protocol.MaxAnnounce) {
		f.announce(one, true, list...)
	}
	f.pass(tracker.TTL + 2*time.Second)
	f.announce(one, true, ids[:protocol.MaxAnnounce]...)
	f.announce(one, true, ids[len(ids)-protocol.MaxAnnounce:]...)
	f.holders("when all is forgotten", ids[len(ids)-1], one)
}

func nothingIsShared(f *fixture) {
	one := peer(1)
	want := slices.Clone(one.Local)
	f.announce(one, true, track(1))
	one.Local[0] = netip.AddrPort{}
	for range 2 {
		got := f.peers(track(1), behind(peer(2), one), 1)
		if len(got) != 1 || !slices.Equal(got[0].Local, want) {
			f.t.Fatalf("%+v", got)
		}
		got[0].Local[0] = netip.AddrPort{}
	}
}

// manyAtOnce does everything at once on one tracker, for the race detector, and
// checks what holds at any moment.
func manyAtOnce(f *fixture) {
	const workers, rounds = 8, 200
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				p := at(peer(w*4+i%4), float64(i%7)/100)
				id := track(i % 5)
				f.announce(p, i%2 == 0, id, track((i+1)%5))
				for _, got := range f.peers(id, p, protocol.MaxPeers) {
					if got.Node == p.Node {
						f.t.Error("sent to itself")
					}
				}
				if n := f.count(id); n > workers*4 {
					f.t.Errorf("%d holders", n)
				}
				switch i % 10 {
				case 3:
					f.withdraw(p, id)
				case 7:
					f.forget(p)
				}
			}
		})
	}
	wg.Wait()
	for i := range workers * 4 {
		f.forget(peer(i))
	}
	for i := range 5 {
		f.holders("after all have gone", track(i))
	}
}
