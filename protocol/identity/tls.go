package identity

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"

	"earshot/protocol"
)

// config is what all connections share. X25519 alone keeps the ClientHello in
// one packet: the post-quantum X25519MLKEM768 takes 1.2 KB more, and with it a
// first flight of 0-RTT data would not fit the second.
func (i *Identity) config(alpn ...string) *tls.Config {
	return &tls.Config{
		MinVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519},
		NextProtos:       alpn,
		GetCertificate:   func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.current(), nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return i.current(), nil
		},
	}
}

// AcceptConfig is for accepting other nodes: each shows a certificate of the
// authority. secret, kept across restarts, is what tickets are sealed with.
func (i *Identity) AcceptConfig(secret []byte) *tls.Config {
	c := i.config(protocol.ALPN)
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs = i.pool
	sealed, base := newSealer(secret, i.root.Raw), c.Clone()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return sealed.forOne(base), nil }
	return c
}

// AcceptServerConfig is AcceptConfig for the server, which nodes without a
// certificate may reach too, under another protocol: to join.
func (i *Identity) AcceptServerConfig(secret []byte) *tls.Config {
	members := i.AcceptConfig(secret)
	joining := i.config(protocol.ALPNJoin)
	joining.SessionTicketsDisabled = true
	joining.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		chain := *i.current() // with the root, which the joining node does not have
		chain.Certificate = [][]byte{chain.Certificate[0], i.root.Raw}
		return &chain, nil
	}
	c := i.config(protocol.ALPN, protocol.ALPNJoin)
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs = i.pool
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, protocol.ALPN) {
			return members.GetConfigForClient(hello)
		}
		return joining, nil
	}
	return c
}

// DialConfig is for dialling a node: no other can answer.
func (i *Identity) DialConfig(node protocol.NodeID, tickets tls.ClientSessionCache) *tls.Config {
	return i.dial(nodeName(node), tickets)
}

// DialServerConfig is for dialling the server: no member can pose as it.
func (i *Identity) DialServerConfig(tickets tls.ClientSessionCache) *tls.Config {
	return i.dial(serverName, tickets)
}

func (i *Identity) dial(name string, tickets tls.ClientSessionCache) *tls.Config {
	c := i.config(protocol.ALPN)
	c.ServerName = name
	c.RootCAs = i.pool
	c.ClientSessionCache = tickets
	return c
}

// JoinConfig is for a node that has no certificate yet: it accepts the server
// whose authority's key has the pin, and nobody else.
func JoinConfig(pin [32]byte) *tls.Config {
	return &tls.Config{
		MinVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519},
		NextProtos:       []string{protocol.ALPNJoin},
		ServerName:       serverName,
		// The authority is not known yet, only the hash of its key:
		// VerifyConnection checks everything.
		InsecureSkipVerify: true,
		VerifyConnection:   func(state tls.ConnectionState) error { return verifyPinned(state, pin) },
	}
}

func verifyPinned(state tls.ConnectionState, pin [32]byte) error {
	if len(state.PeerCertificates) != 2 {
		return ErrOtherServer
	}
	leaf, root := state.PeerCertificates[0], state.PeerCertificates[1]
	if pinOf(root) != pin {
		return ErrOtherServer
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: serverName, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("checking the server's certificate: %w", err)
	}
	if _, ok := leaf.PublicKey.(ed25519.PublicKey); !ok {
		return ErrOtherServer
	}
	return nil
}
