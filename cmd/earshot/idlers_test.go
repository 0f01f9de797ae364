//go:build figures

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"earshot/node/swarm"
	"earshot/protocol"
	"earshot/protocol/identity"
)

// idlers are members that are connected with a server and want nothing, all in
// this process.
type idlers []*swarm.Swarm

func newIdlers(t *testing.T, authorityDir string, server netip.AddrPort, n int) idlers {
	authority, err := identity.OpenAuthority(authorityDir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var all idlers
	for range n {
		all = append(all, newIdler(t, authority, server))
	}
	ctx, cancel := context.WithTimeout(t.Context(), scriptWait)
	defer cancel()
	for _, s := range all {
		conn, err := s.Server(ctx)
		for errors.Is(err, swarm.ErrServerAway) { // too many came at once: it tries again by itself
			time.Sleep(10 * time.Millisecond)
			conn, err = s.Server(ctx)
		}
		if err == nil {
			err = conn.Confirmed(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func newIdler(t *testing.T, authority *identity.Authority, server netip.AddrPort) *swarm.Swarm {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := authority.Issue(public, identity.RoleMember, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.New(key, leaf, authority.Root(), authority.Pin())
	if err != nil {
		t.Fatal(err)
	}
	packet, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := swarm.New(swarm.Config{
		Packet: packet, Self: id.NodeID(), AcceptTLS: id.AcceptConfig(make([]byte, 32)), Store: nothing{}, ServerAddr: server.String(),
		DialTLS: func(protocol.NodeID, bool) *tls.Config { return id.DialServerConfig(nil) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (all idlers) close() {
	for _, s := range all {
		s.Close()
	}
}

// nothing is a store that holds nothing.
type nothing struct{}

func (nothing) Acquire(protocol.ID) (swarm.Stored, bool) { return nil, false }
