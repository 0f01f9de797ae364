package tracker

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/serf/coordinate"

	"earshot/protocol"
)

const (
	// grain is the difference in round trip below which peers count as equally
	// near: less is noise, and lets one peer be told to everyone.
	grain = 5 * time.Millisecond
	// unknown ranks a peer whose place is not known behind all on Earth.
	unknown = int(time.Minute / grain)
	// maxCoordinate bounds each component, in seconds: package protocol takes
	// no larger ones from the wire either.
	maxCoordinate = 60
)

// place is a peer and where it is.
type place struct {
	protocol.Peer
	at *coordinate.Coordinate // nil if unknown
}

// newPlace copies what a peer says of itself.
func newPlace(p protocol.Peer) *place {
	p.Local = slices.Clone(p.Local[:min(len(p.Local), protocol.MaxLocalAddrs)])
	return &place{Peer: p, at: point(p.Coordinate)}
}

// point returns a coordinate as Serf computes with it, nil if it is unknown or
// cannot be one.
func point(c protocol.Coordinate) *coordinate.Coordinate {
	if c.IsZero() || c.Error < 0 || c.Height < 0 {
		return nil
	}
	largest := max(c.Error, math.Abs(c.Adjustment), c.Height)
	for _, v := range c.Vec {
		largest = max(largest, math.Abs(v))
	}
	if !(largest <= maxCoordinate) { // nor not a number
		return nil
	}
	return &coordinate.Coordinate{
		Vec: slices.Clone(c.Vec[:]), Error: c.Error, Adjustment: c.Adjustment, Height: c.Height,
	}
}

// candidate is a peer with what it is ranked by.
type candidate struct {
	place *place
	lan   bool
	near  int // round trip to the asker in steps of grain
	all   bool
	tie   uint32
}

// candidate ranks another place as seen from p.
func (p *place) candidate(other *place, all bool, tie uint32) candidate {
	c := candidate{place: other, near: unknown, all: all, tie: tie}
	c.lan = sameLAN(p.Public, other.Public)
	if p.at != nil && other.at != nil {
		c.near = min(int(p.at.DistanceTo(other.at)/grain), unknown-1)
	}
	return c
}

// sameLAN takes nodes behind one public address for neighbours on one LAN.
func sameLAN(a, b netip.AddrPort) bool { return a.IsValid() && a.Addr().Unmap() == b.Addr().Unmap() }

// nearest returns the peers of the best candidates, at most so many, which it sorts.
func nearest(all []candidate, most int) []protocol.Peer {
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(trueFirst(a.lan, b.lan), cmp.Compare(a.near, b.near), trueFirst(a.all, b.all), cmp.Compare(a.tie, b.tie))
	})
	all = all[:min(len(all), max(most, 0))]
	peers := make([]protocol.Peer, len(all))
	for i, c := range all {
		peers[i] = c.place.Peer
		peers[i].Local = nil
		if c.lan {
			peers[i].Local = slices.Clone(c.place.Local)
		}
	}
	return peers
}

func trueFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
