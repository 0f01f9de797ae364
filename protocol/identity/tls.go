package identity

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"lukechampine.com/blake3"

	"earshot/protocol"
)

// ErrOtherServer is returned where a server is not the one that is meant.
var ErrOtherServer = errors.New("this is another server than the one that invited: ask for a new join link")

// config is what all connections share. X25519 alone keeps the ClientHello in
// one packet: the post-quantum X25519MLKEM768 takes 1.2 KB more, and with it a
// first flight of 0-RTT data would not fit the second.
func (i *Identity) config(alpn ...string) *tls.Config {
	return &tls.Config{
		MinVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519},
		Certificates:     []tls.Certificate{i.cert},
		NextProtos:       alpn,
	}
}

// AcceptConfig is for accepting other nodes: each shows a certificate of the
// authority. secret, kept across restarts, is what tickets are sealed with.
func (i *Identity) AcceptConfig(secret []byte) *tls.Config {
	c := i.config(protocol.ALPN)
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs = i.pool
	sealTickets(c, secret)
	return c
}

// AcceptServerConfig is AcceptConfig for the server, which nodes without a
// certificate may reach too, under another protocol: to join.
func (i *Identity) AcceptServerConfig(secret []byte) *tls.Config {
	members := i.AcceptConfig(secret)
	joining := i.config(protocol.ALPNJoin)
	joining.SessionTicketsDisabled = true
	joining.Certificates = []tls.Certificate{{
		Certificate: [][]byte{i.cert.Certificate[0], i.root.Raw}, PrivateKey: i.cert.PrivateKey, Leaf: i.cert.Leaf,
	}}
	c := i.config(protocol.ALPN, protocol.ALPNJoin)
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs = i.pool
	sealTickets(c, secret)
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, protocol.ALPN) {
			return members, nil
		}
		return joining, nil
	}
	return c
}

// sealTickets makes session tickets good across restarts.
func sealTickets(c *tls.Config, secret []byte) {
	var key [32]byte
	blake3.DeriveKey(key[:], "earshot 2026 session tickets", secret)
	c.SetSessionTicketKeys([][32]byte{key})
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

// Explain turns the failure of a handshake into a sentence that says what to
// do; other errors are returned as they are.
func Explain(err error) error {
	var (
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		alert     tls.AlertError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the server's certificate is good from %s to %s, and this machine's clock says %s: set the clock right: %w",
			day(invalid.Cert.NotBefore), day(invalid.Cert.NotAfter), day(time.Now()), err)
	case errors.As(err, &authority), errors.As(err, &name):
		return fmt.Errorf("the server has another key than the one that was joined: join again with a new link: %w", err)
	case errors.As(err, &alert):
		switch alert {
		case alertExpired:
			return fmt.Errorf("the server takes this node's certificate for expired: set the clocks right, or join again with a new link: %w", err)
		case alertBadCertificate, alertUnknownCA, alertRequired:
			return fmt.Errorf("the server does not take this node for a member: join again with a new link: %w", err)
		}
	}
	return err
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Alerts of RFC 8446 section 6.
const (
	alertBadCertificate tls.AlertError = 42
	alertExpired        tls.AlertError = 45
	alertUnknownCA      tls.AlertError = 48
	alertRequired       tls.AlertError = 116
)
