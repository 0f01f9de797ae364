package swarm

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/serf/coordinate"

	"earshot/protocol"
)

// place keeps this node's network coordinate (Vivaldi), fed by QUIC's own
// round-trip times: no probes.
type place struct {
	mu     sync.Mutex
	client *coordinate.Client
	fed    bool
}

func newPlace() (*place, error) {
	client, err := coordinate.NewClient(coordinate.DefaultConfig())
	if err != nil {
		return nil, fmt.Errorf("starting network coordinates: %w", err)
	}
	return &place{client: client}, nil
}

// observe learns from the round trip to a neighbour that knows where it is.
func (p *place) observe(c *Conn) {
	rtt := c.RTT()
	theirs := c.Peer().Coordinate
	if rtt <= 0 || rtt > 10*time.Second {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	other := coordinate.NewCoordinate(coordinate.DefaultConfig())
	if !theirs.IsZero() {
		copy(other.Vec, theirs.Vec[:])
		other.Error, other.Adjustment, other.Height = theirs.Error, theirs.Adjustment, theirs.Height
	}
	if _, err := p.client.Update(c.node.Short(), other, rtt); err == nil {
		p.fed = true
	}
}

// coordinate returns where this node is, zero before anything was observed.
func (p *place) coordinate() (c protocol.Coordinate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.fed {
		return c
	}
	at := p.client.GetCoordinate()
	copy(c.Vec[:], at.Vec)
	c.Error, c.Adjustment, c.Height = at.Error, at.Adjustment, at.Height
	return c
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
