package swarm

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/serf/coordinate"

	"earshot/protocol"
)

// place keeps this node's network coordinate (Vivaldi with height: Dabek et al.,
// SIGCOMM 2004; in the form of Serf: Ledlie et al., NSDI 2007), fed by the round
// trips that QUIC measures anyway: no probes. What neighbours say of themselves
// may be a lie, so each counts once a look, and one that fits much worse than
// most is passed over.
type place struct {
	mu     sync.Mutex
	client *coordinate.Client
	fed    bool
	kept   map[protocol.NodeID]bool // whose samples the client keeps
	said   protocol.Coordinate      // what others were told last
}

const (
	// farthest bounds what a coordinate may say, in seconds of distance from the
	// origin: twice the longest round trip on Earth, a geostationary satellite's.
	farthest = 1.2
	// leastError is the most certainty that anyone is believed to have: the one
	// who claims more would not be moved, and would move all others.
	leastError = 0.1
	// quorum is how many neighbours it takes to tell that one of them lies or is
	// off: of four, most may be right.
	quorum = 4
	// misfit is by how many times the usual difference between estimate and round
	// trip one may differ, and fits what is always forgiven: what a busy line adds.
	misfit = 4
	fits   = 30 * time.Millisecond
	// told is by how much the distance to others must have changed to be said
	// again: half of what a tracker tells apart (package tracker).
	told = 2500 * time.Microsecond
)

// sight is what a look at one neighbour shows.
type sight struct {
	node protocol.NodeID     // zero for the server
	at   protocol.Coordinate // where it says it is
	rtt  time.Duration
}

func newPlace(from protocol.Coordinate) (*place, error) {
	client, err := coordinate.NewClient(coordinate.DefaultConfig())
	if err != nil {
		return nil, fmt.Errorf("starting network coordinates: %w", err)
	}
	p := &place{client: client}
	if at := point(from); at != nil { // that of the process before
		p.fed = client.SetCoordinate(at) == nil
	}
	return p, nil
}

// point returns a coordinate as Serf computes with it, nil if it is unknown or
// cannot be one.
func point(c protocol.Coordinate) *coordinate.Coordinate {
	at := &coordinate.Coordinate{Vec: slices.Clone(c.Vec[:]), Error: c.Error, Adjustment: c.Adjustment, Height: c.Height}
	if c.IsZero() || !plausible(at) {
		return nil
	}
	return at
}

// plausible reports whether a coordinate is one that a node on Earth may have.
func plausible(c *coordinate.Coordinate) bool {
	square := 0.0
	for _, v := range c.Vec {
		square += v * v
	}
	// Written so that what is not a number fails.
	return square <= farthest*farthest && math.Abs(c.Adjustment) <= farthest &&
		c.Height >= 0 && c.Height <= farthest && c.Error >= 0 && c.Error <= 60
}

// look learns from all neighbours at once.
func (p *place) look(sights []sight) {
	sights = slices.DeleteFunc(sights, func(s sight) bool { return s.rtt <= 0 || s.rtt > 10*time.Second })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(sights)
	points := make([]*coordinate.Coordinate, len(sights))
	off := make([]time.Duration, len(sights)) // between estimate and round trip
	var known []time.Duration
	for i, s := range sights {
		if s.at.IsZero() { // where everyone begins
			points[i] = coordinate.NewCoordinate(coordinate.DefaultConfig())
			continue
		}
		if points[i] = point(s.at); points[i] != nil {
			off[i] = (p.client.DistanceTo(points[i]) - s.rtt).Abs()
			known = append(known, off[i])
		}
	}
	most := time.Duration(math.MaxInt64)
	if len(known) >= quorum {
		slices.Sort(known)
		most = max(misfit*known[(len(known)-1)/2], fits)
	}
	for i, at := range points {
		if at == nil || off[i] > most {
			continue
		}
		at.Error = max(at.Error, leastError)
		at.Height = min(at.Height, sights[i].rtt.Seconds()) // it is part of the way
		if _, err := p.client.Update(string(sights[i].node[:]), at, sights[i].rtt); err != nil {
			continue
		}
		p.fed = true
		if !plausible(p.client.GetCoordinate()) { // begin again rather than spread it
			p.fed = p.client.SetCoordinate(coordinate.NewCoordinate(coordinate.DefaultConfig())) != nil
		}
	}
}

// forget drops the samples of neighbours that have gone.
func (p *place) forget(sights []sight) {
	here := make(map[protocol.NodeID]bool, len(sights))
	for _, s := range sights {
		here[s.node] = true
	}
	for node := range p.kept {
		if !here[node] {
			p.client.ForgetNode(string(node[:]))
		}
	}
	p.kept = here
}

// coordinate returns where this node is, zero before anything was observed.
func (p *place) coordinate() (c protocol.Coordinate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now()
}

// now is coordinate; p.mu is held.
func (p *place) now() (c protocol.Coordinate) {
	if !p.fed {
		return c
	}
	at := p.client.GetCoordinate()
	copy(c.Vec[:], at.Vec)
	c.Error, c.Adjustment, c.Height = at.Error, at.Adjustment, at.Height
	return c
}

// moved returns where this node is if that is to be said again: it changes the
// distance to others, or is twice as sure.
func (p *place) moved() (c protocol.Coordinate, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c = p.now()
	if c.IsZero() {
		return c, false
	}
	square := 0.0
	for i := range c.Vec {
		square += (c.Vec[i] - p.said.Vec[i]) * (c.Vec[i] - p.said.Vec[i])
	}
	by := math.Sqrt(square) + math.Abs(c.Height-p.said.Height) + math.Abs(c.Adjustment-p.said.Adjustment)
	if !p.said.IsZero() && by < told.Seconds() && c.Error > p.said.Error/2 {
		return c, false
	}
	p.said = c
	return c, true
}

// distance estimates the round trip to another coordinate, 0 if either is unknown.
func (p *place) distance(to protocol.Coordinate) time.Duration {
	at := point(to)
	p.mu.Lock()
	defer p.mu.Unlock()
	if at == nil || !p.fed {
		return 0
	}
	return p.client.DistanceTo(at)
}

// lookFirst is when neighbours' round trips are looked at first, then in twice the
// time until it is tidyEvery: a young coordinate learns much from few.
const lookFirst = time.Second

// look learns from the round trips of all connections, and says where this node is
// now if it has moved: to neighbours, and to the server as an announcement.
func (s *Swarm) look() {
	conns := s.Neighbours()
	sights := make([]sight, 0, len(conns))
	for _, c := range conns {
		if c.IsIntroduced() {
			sights = append(sights, sight{c.node, c.Peer().Coordinate, c.MinRTT()})
		}
	}
	s.place.look(sights)
	at, moved := s.place.moved()
	if !moved {
		return
	}
	for _, c := range conns {
		if c.server {
			if c.IsIntroduced() {
				c.out.say(&protocol.Announce{Coordinate: at})
			}
			continue
		}
		c.out.say(s.helloMessage(c))
	}
}

// LocalAddrs returns this machine's addresses on its LAN with the socket's
// port, at most protocol.MaxLocalAddrs.
func LocalAddrs(socket net.Addr) []netip.AddrPort {
	u, ok := socket.(*net.UDPAddr)
	if !ok {
		return nil
	}
	if !u.IP.IsUnspecified() {
		return nil // bound to one address: the one that others see
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var local []netip.AddrPort
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || len(local) == protocol.MaxLocalAddrs {
			continue
		}
		if ip := prefix.Addr().Unmap(); ip.IsGlobalUnicast() {
			local = append(local, netip.AddrPortFrom(ip, uint16(u.Port)))
		}
	}
	return local
}
