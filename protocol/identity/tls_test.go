package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

var secret = []byte("a secret of a server, thirty-two")

// result is what both sides of a handshake saw.
type result struct {
	server, client       tls.ConnectionState
	serverErr, clientErr error
}

// half is one direction of a connection. Unlike net.Pipe's it holds what is
// written, as sockets do: both sides of a failing handshake write at once.
type half struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   bytes.Buffer
	closed bool
}

func newHalf() *half {
	h := new(half)
	h.more = sync.NewCond(&h.mu)
	return h
}

func (h *half) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.data.Len() == 0 && !h.closed {
		h.more.Wait()
	}
	return h.data.Read(p)
}

func (h *half) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, net.ErrClosed
	}
	h.more.Broadcast()
	return h.data.Write(p)
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.more.Broadcast()
}

// end is one end of a connection in memory: what crypto/tls uses of one.
type end struct {
	net.Conn
	in, out *half
}

func (e end) Read(p []byte) (int, error)  { return e.in.Read(p) }
func (e end) Write(p []byte) (int, error) { return e.out.Write(p) }

// Close ends both directions; what was written can still be read.
func (e end) Close() error {
	e.in.close()
	e.out.close()
	return nil
}

// shake makes a handshake in memory. In TLS 1.3 the server's word on the
// client's certificate comes after the client's handshake: a byte says it.
func shake(server, client *tls.Config) (r result) {
	there, back := newHalf(), newHalf()
	a, b := end{in: there, out: back}, end{in: back, out: there}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer a.Close()
		c := tls.Server(a, server)
		if r.serverErr = c.Handshake(); r.serverErr == nil {
			r.server = c.ConnectionState()
			_, r.serverErr = c.Write([]byte{1})
		}
	}()
	c := tls.Client(b, client)
	if r.clientErr = c.Handshake(); r.clientErr == nil {
		r.client = c.ConnectionState()
		_, r.clientErr = c.Read(make([]byte, 1))
	}
	b.Close()
	<-done
	return r
}

func TestMembersKnowEachOther(t *testing.T) {
	a := newAuthority(t)
	server, one, two := newServer(t, a), newMember(t, a, time.Now()), newMember(t, a, time.Now())
	for _, c := range []struct {
		name           string
		accept, dial   *tls.Config
		server, client *Identity
		role           Role
	}{
		{"a member and the server", server.AcceptServerConfig(secret), one.DialServerConfig(nil), server, one, RoleServer},
		{"a member and the server by its ID", server.AcceptServerConfig(secret), one.DialConfig(server.NodeID(), nil), server, one, RoleServer},
		{"two members", two.AcceptConfig(secret), one.DialConfig(two.NodeID(), nil), two, one, RoleMember},
	} {
		r := shake(c.accept, c.dial)
		if r.clientErr != nil || r.serverErr != nil {
			t.Errorf("%s: client: %v, server: %v", c.name, r.clientErr, r.serverErr)
			continue
		}
		if r.client.NegotiatedProtocol != protocol.ALPN || r.client.Version != tls.VersionTLS13 {
			t.Errorf("%s: %q in TLS %x", c.name, r.client.NegotiatedProtocol, r.client.Version)
		}
		if node, role, err := PeerID(r.client); err != nil || node != c.server.NodeID() || role != c.role {
			t.Errorf("%s: the client sees %v, role %v (%v)", c.name, node, role, err)
		}
		if node, role, err := PeerID(r.server); err != nil || node != c.client.NodeID() || role != RoleMember {
			t.Errorf("%s: the server sees %v, role %v (%v)", c.name, node, role, err)
		}
		if n := len(r.client.PeerCertificates); n != 1 {
			t.Errorf("%s: %d certificates were sent, want one", c.name, n)
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	now := time.Now()
	a, b := newAuthority(t), newAuthority(t)
	server, member, other := newServer(t, a), newMember(t, a, now), newMember(t, a, now)
	foreign, foreignServer := newMember(t, b, now), newServer(t, b)

	nameless := member.DialServerConfig(nil)
	nameless.GetClientCertificate = nil
	forged := member.DialServerConfig(nil)
	forged.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return selfSigned(t), nil }
	expired := newMember(t, a, now.Add(-leafLife-time.Hour))
	early := newMember(t, a, now.Add(clockSlack+time.Hour))
	both := JoinConfig(a.Pin())
	both.NextProtos = []string{protocol.ALPNJoin, protocol.ALPN}
	old := member.DialServerConfig(nil)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	foreignJoins := foreign.DialServerConfig(nil) // believes our server, shows its own certificate
	foreignJoins.RootCAs = member.pool

	accept := server.AcceptServerConfig(secret)
	for _, c := range []struct {
		name         string
		accept, dial *tls.Config
	}{
		{"a client without certificate", accept, nameless},
		{"a client with a certificate of its own make", accept, forged},
		{"a client of another authority", accept, foreignJoins},
		{"a client whose certificate has expired", accept, expired.DialServerConfig(nil)},
		{"a client whose certificate is not good yet", accept, early.DialServerConfig(nil)},
		{"a joining client that wants to be a member too", accept, both},
		{"a client that speaks TLS 1.2", accept, old},
		{"a server of another authority", foreignServer.AcceptServerConfig(secret), member.DialServerConfig(nil)},
		{"a member that poses as the server", other.AcceptServerConfig(secret), member.DialServerConfig(nil)},
		{"a member that poses as another", other.AcceptConfig(secret), member.DialConfig(expired.NodeID(), nil)},
		{"the server that poses as a member", accept, member.DialConfig(other.NodeID(), nil)},
		{"a peer whose certificate has expired", expired.AcceptConfig(secret), member.DialConfig(expired.NodeID(), nil)},
		{"a joining client at a member", member.AcceptConfig(secret), JoinConfig(a.Pin())},
	} {
		if r := shake(c.accept, c.dial); r.serverErr == nil || r.clientErr == nil {
			t.Errorf("%s: client: %v, server: %v", c.name, r.clientErr, r.serverErr)
		}
	}
}

// selfSigned returns a certificate with the right names, signed by its own key.
func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	node, err := protocol.NodeIDOf(public)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), DNSNames: []string{nodeName(node), serverName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestJoiningTakesTheInvitingServerOnly(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	server := newServer(t, a)
	accept := server.AcceptServerConfig(secret)

	join, kept := JoinConfig(a.Pin()), tls.NewLRUClientSessionCache(1)
	join.ClientSessionCache = kept
	r := shake(accept, join)
	if _, ok := kept.Get(serverName); ok {
		t.Error("a node that only joins was given a ticket")
	}
	if r.clientErr != nil || r.serverErr != nil {
		t.Fatalf("client: %v, server: %v", r.clientErr, r.serverErr)
	}
	if r.client.NegotiatedProtocol != protocol.ALPNJoin || len(r.server.PeerCertificates) != 0 {
		t.Errorf("%q with %d certificates", r.client.NegotiatedProtocol, len(r.server.PeerCertificates))
	}
	if node, role, err := PeerID(r.client); err != nil || node != server.NodeID() || role != RoleServer {
		t.Errorf("the client sees %v, role %v (%v)", node, role, err)
	}

	member := newMember(t, a, time.Now())
	ours := member.AcceptServerConfig(secret) // answers to joining, with the true root
	rootOnly := server.AcceptServerConfig(secret)
	rootOnly.GetConfigForClient = showing(a.Root(), server.key)
	leafTwice := server.AcceptServerConfig(secret)
	leafTwice.GetConfigForClient = showing(server.shown.Load().Certificate[0], server.key, server.shown.Load().Certificate[0])
	for _, c := range []struct {
		name   string
		accept *tls.Config
		pin    [32]byte
	}{
		{"another server", accept, b.Pin()},
		{"a member that poses as the server", ours, a.Pin()},
		{"the root alone", rootOnly, a.Pin()},
		{"no root", leafTwice, a.Pin()},
		{"the server's own key for a pin", accept, pinOf(server.shown.Load().Leaf)},
	} {
		if r := shake(c.accept, JoinConfig(c.pin)); r.clientErr == nil {
			t.Errorf("%s was believed", c.name)
		} else if c.pin == b.Pin() && !errors.Is(r.clientErr, ErrOtherServer) {
			t.Errorf("%s: %v", c.name, r.clientErr)
		}
	}
}

// showing makes a server show a chain to those who join.
func showing(leaf []byte, key ed25519.PrivateKey, rest ...[]byte) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{
			NextProtos:   []string{protocol.ALPNJoin},
			Certificates: []tls.Certificate{{Certificate: append([][]byte{leaf}, rest...), PrivateKey: key}},
		}, nil
	}
}

func TestJoiningWithAWrongClockSaysSo(t *testing.T) {
	a := newAuthority(t)
	server := newServer(t, a)
	node := server.NodeID()
	for _, off := range []time.Duration{2 * clockSlack, -2 * leafLife} {
		leaf, err := a.Issue(node[:], RoleServer, time.Now().Add(off)) // by the server's clock
		if err != nil {
			t.Fatal(err)
		}
		accept := server.AcceptServerConfig(secret)
		accept.GetConfigForClient = showing(leaf, server.key, a.Root())
		r := shake(accept, JoinConfig(a.Pin()))
		explained := Explain(r.clientErr)
		var invalid x509.CertificateInvalidError
		if !errors.Is(explained, ErrClocks) || !errors.As(explained, &invalid) {
			t.Errorf("a server's clock that is %v off: %v", off, explained)
		}
	}
}

func TestARunningServerRenewsItsCertificate(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, err := OpenAuthority(dir, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		server, err := a.ServerIdentity(home, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		accept := server.AcceptServerConfig(secret)
		for range 12 {
			time.Sleep(leafLife * 9 / 10)
			member := newMember(t, a, time.Now())
			if r := shake(accept, member.DialServerConfig(nil)); r.clientErr != nil || r.serverErr != nil {
				t.Fatalf("%v: client: %v, server: %v", time.Now(), r.clientErr, r.serverErr)
			}
			if r := shake(accept, JoinConfig(a.Pin())); r.clientErr != nil {
				t.Fatalf("%v: joining: %v", time.Now(), r.clientErr)
			}
			if server.NeedsRenewal(time.Now()) {
				t.Fatalf("%v: not renewed", time.Now())
			}
		}
	})
}

func TestARunningMemberShowsItsRenewedCertificate(t *testing.T) {
	now := time.Now()
	a := newAuthority(t)
	server, member := newServer(t, a), newMember(t, a, now.Add(-leafLife-time.Hour))
	accept, dial := server.AcceptServerConfig(secret), member.DialServerConfig(nil)
	if r := shake(accept, dial); r.serverErr == nil {
		t.Fatal("an expired certificate was accepted")
	}
	node := member.NodeID()
	leaf, err := a.Issue(node[:], RoleMember, now)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := member.Renewed(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if r := shake(accept, dial); r.clientErr != nil || r.serverErr != nil {
		t.Errorf("client: %v, server: %v", r.clientErr, r.serverErr)
	}
	if renewed.NeedsRenewal(now) || renewed.NodeID() != node {
		t.Error("the renewed identity is not")
	}
}
