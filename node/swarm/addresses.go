package swarm

import (
	"net/netip"
	"slices"
)

// Which addresses are dialled. Most are named by others, who may be wrong or mean
// harm: a name must not make this node knock where its owner would not have it
// knock, or flood whom it does not know.
//
//	address                                  dialled when named by
//	port below 1024                          nobody: services of their own that a packet could harm
//	unspecified, multicast, broadcast,
//	link-local, reserved                     nobody
//	this node's own                          nobody
//	public                                   anyone
//	private (RFC 1918, 4193, 6598)           who is at an address of the same private network;
//	                                         the server if it has a private address itself, as in a
//	                                         school: then the swarm lives there; the server for a peer
//	                                         behind this node's own public address: the same LAN;
//	                                         who is on this machine
//	loopback                                 who is on this machine
//
// What this node remembers of its own connections is named by nobody, and is
// dialled but for the first three lines.

// namer is who named an address.
type namer struct {
	addr   netip.Addr // where it is
	server bool
	self   bool // this node remembers it: the rest is zero
	fresh  bool // whom it names is known to be there
}

// mayDial reports whether an address is to be dialled. lan says that the peer is
// behind the same public address as this node.
func mayDial(a netip.AddrPort, by namer, lan bool) bool {
	ip := a.Addr().Unmap()
	if !a.IsValid() || a.Port() < 1024 || !ip.IsGlobalUnicast() && !ip.IsLoopback() || isReserved(ip) {
		return false // neither unspecified, multicast, broadcast nor link-local is global
	}
	here := by.self || by.addr.IsLoopback()
	switch block := privateBlock(ip); {
	case ip.IsLoopback():
		return here
	case block.IsValid():
		private := privateBlock(by.addr)
		return here || private == block || by.server && (private.IsValid() || lan)
	}
	return true
}

// privateBlocks are address blocks that many networks use, each for itself.
var privateBlocks = [...]netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"), // RFC 6598: behind a provider's NAT
}

// uniqueLocal is RFC 4193's block, of which each site has 48 bits of its own.
var uniqueLocal = netip.MustParsePrefix("fc00::/7")

// privateBlock returns the block of a private address, and an invalid one for others.
func privateBlock(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	for _, p := range privateBlocks {
		if p.Contains(ip) {
			return p
		}
	}
	if uniqueLocal.Contains(ip) {
		return netip.PrefixFrom(ip, 48).Masked()
	}
	return netip.Prefix{}
}

// reserved are blocks that lead nowhere, or back into a private network: RFC 6890
// and RFC 6052 (an IPv4 address within an IPv6 one).
var reserved = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16"),
}

func isReserved(ip netip.Addr) bool {
	return slices.ContainsFunc(reserved[:], func(p netip.Prefix) bool { return p.Contains(ip) })
}

// isOwn reports whether an address is this node's: as the server sees it, or as
// its socket and its machine have it.
func (s *Swarm) isOwn(a netip.AddrPort) bool {
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	if seen := s.upstream.seen.Load(); seen != nil && *seen == a {
		return true
	}
	socket := addrPort(s.Addr())
	if socket.Port() != a.Port() {
		return false
	}
	return socket == a || socket.Addr().IsUnspecified() && (a.Addr().IsLoopback() || slices.Contains(LocalAddrs(s.Addr()), a))
}

// isNear reports whether a peer is behind the same public address as this node, as
// far as the server has said.
func (s *Swarm) isNear(public netip.AddrPort) bool {
	seen := s.upstream.seen.Load()
	return seen != nil && public.IsValid() && seen.Addr() == public.Addr().Unmap()
}

// mayTell reports whether a neighbour may be told where another is: of addresses on
// a private network only those who are on it.
func mayTell(other, asker netip.Addr) bool {
	other, asker = other.Unmap(), asker.Unmap()
	if other.IsLoopback() {
		return asker.IsLoopback()
	}
	block := privateBlock(other)
	return !block.IsValid() || block == privateBlock(asker)
}
