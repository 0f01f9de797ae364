// Package trackertest holds what each tracker.Tracker must do, as tests: Run
// runs them on any implementation.
//
// It says what the interface promises and no more, so that a tracker may keep
// its lines where it likes; time passes by a function that the caller gives, so
// that the suite waits for nothing.
package trackertest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"earshot/node/tracker"
	"earshot/protocol"
)

// Around prepares one test: it calls it with an empty tracker and a function
// that lets time pass for it, and cleans up behind it.
type Around func(t *testing.T, test func(t *testing.T, tr tracker.Tracker, pass func(time.Duration)))

// Run runs the suite, each test within around.
func Run(t *testing.T, around Around) {
	for _, c := range []struct {
		name string
		test func(*fixture)
	}{
		{"WhatIsAnnouncedIsFound", whatIsAnnouncedIsFound},
		{"NobodyIsSentToThemselves", nobodyIsSentToThemselves},
		{"NoMorePeersThanAskedFor", noMorePeersThanAskedFor},
		{"NearestFirst", nearestFirst},
		{"CompleteFirstAmongEquallyNear", completeFirst},
		{"EquallyNearPeersShareTheAskers", equallyNearPeersShareTheAskers},
		{"StrangeCoordinatesAreUnknown", strangeCoordinatesAreUnknown},
		{"LocalAddressesStayOnTheirLAN", localAddressesStay},
		{"TheLatestAddressCounts", theLatestAddressCounts},
		{"WithdrawnTracksAreForgotten", withdrawnTracksAreForgotten},
		{"NodesThatHaveGoneAreForgotten", nodesThatHaveGoneAreForgotten},
		{"AnnouncementsAreForgottenByTime", announcementsAreForgottenByTime},
		{"TheLatestPeersAreKept", theLatestPeersAreKept},
		{"WhoHasGoneMakesPlaceFirst", whoHasGoneMakesPlaceFirst},
		{"OneNodesTracksAreBounded", oneNodesTracksAreBounded},
		{"NothingIsShared", nothingIsShared},
		{"AsAModel", asAModel},
		{"ManyAtOnce", manyAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			around(t, func(t *testing.T, tr tracker.Tracker, pass func(time.Duration)) {
				c.test(&fixture{t, tr, pass})
			})
		})
	}
}

// fixture is a tracker under test.
type fixture struct {
	t    *testing.T
	tr   tracker.Tracker
	pass func(time.Duration)
}

func (f *fixture) announce(p protocol.Peer, all bool, ids ...protocol.ID) {
	f.t.Helper()
	tracks := make([]protocol.Announced, len(ids))
	for i, id := range ids {
		tracks[i] = protocol.Announced{ID: id, Complete: all}
	}
	if err := f.tr.Announce(f.t.Context(), p, tracks); err != nil {
		f.t.Error(err)
	}
}

func (f *fixture) peers(id protocol.ID, asker protocol.Peer, most int) []protocol.Peer {
	f.t.Helper()
	peers, err := f.tr.Peers(f.t.Context(), id, asker, most)
	if err != nil {
		f.t.Error(err)
	}
	return peers
}

func (f *fixture) count(id protocol.ID) int {
	f.t.Helper()
	n, err := f.tr.Count(f.t.Context(), id)
	if err != nil {
		f.t.Error(err)
	}
	return n
}

func (f *fixture) withdraw(p protocol.Peer, ids ...protocol.ID) {
	f.t.Helper()
	if err := f.tr.Withdraw(f.t.Context(), p.Node, ids); err != nil {
		f.t.Error(err)
	}
}

func (f *fixture) forget(p protocol.Peer) {
	f.t.Helper()
	if err := f.tr.Forget(f.t.Context(), p.Node); err != nil {
		f.t.Error(err)
	}
}

// holders checks who holds a track, in any order, and that Count agrees.
func (f *fixture) holders(when string, id protocol.ID, want ...protocol.Peer) {
	f.t.Helper()
	got, expected := names(f.peers(id, stranger, tracker.MaxPeers)), names(want)
	slices.Sort(got)
	slices.Sort(expected)
	if !slices.Equal(got, expected) {
		f.t.Errorf("%s: %v, want %v", when, got, expected)
	}
	if n := f.count(id); n != len(want) {
		f.t.Errorf("%s: the count is %d, want %d", when, n, len(want))
	}
}

// order checks who is told to an asker, in this order.
func (f *fixture) order(what string, id protocol.ID, asker protocol.Peer, want ...protocol.Peer) {
	f.t.Helper()
	if got := names(f.peers(id, asker, tracker.MaxPeers)); !slices.Equal(got, names(want)) {
		f.t.Errorf("%s: %v, want %v", what, got, names(want))
	}
}

func names(peers []protocol.Peer) []string {
	all := make([]string, len(peers))
	for i, p := range peers {
		all[i] = fmt.Sprint(p.Public.Addr(), "/", p.Node[0], p.Node[1])
	}
	return all
}

// track returns the ID of the n-th track, spread as hashes are.
func track(n int) protocol.ID {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	var id protocol.ID
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return id
}

// peer returns the n-th peer, in a network of its own.
func peer(n int) protocol.Peer {
	var p protocol.Peer
	p.Node[0], p.Node[1] = byte(n>>8), byte(n)
	p.Node[31] = 1
	p.Public = netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(n >> 8), byte(n)}), 4433)
	p.Local = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, byte(n >> 8), byte(n)}), 4433)}
	return p
}

// at places a peer, so many seconds from the origin.
func at(p protocol.Peer, seconds float64) protocol.Peer {
	p.Coordinate = protocol.Coordinate{Error: 0.1, Height: 1e-5}
	p.Coordinate.Vec[0] = seconds
	return p
}

// behind puts a peer behind another's public address.
func behind(p, other protocol.Peer) protocol.Peer {
	p.Public = netip.AddrPortFrom(other.Public.Addr(), 1)
	return p
}

// stranger asks from nowhere.
var stranger = protocol.Peer{Node: protocol.NodeID{31: 2}}

// strange returns coordinates that no honest node has.
func strange() []protocol.Coordinate {
	var all []protocol.Coordinate
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300} {
		vec := protocol.Coordinate{Error: 0.1}
		vec.Vec[7] = v
		all = append(all, vec, protocol.Coordinate{Error: v}, protocol.Coordinate{Height: v}, protocol.Coordinate{Adjustment: v})
	}
	return append(all, protocol.Coordinate{Height: -1}, protocol.Coordinate{Error: -1})
}
