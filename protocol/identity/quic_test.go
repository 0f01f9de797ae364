package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// echo is a QUIC server that answers each stream with the NodeID it takes the
// other side for.
type echo struct {
	addr      net.Addr
	transport *quic.Transport
	listener  *quic.EarlyListener
	wg        sync.WaitGroup
}

func listen(t *testing.T, conf *tls.Config) *echo {
	t.Helper()
	return listenWith(t, conf, &quic.Config{Allow0RTT: true})
}

func listenWith(t *testing.T, conf *tls.Config, qconf *quic.Config) *echo {
	t.Helper()
	packet, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{addr: packet.LocalAddr(), transport: &quic.Transport{Conn: packet}}
	if e.listener, err = e.transport.ListenEarly(conf, qconf); err != nil {
		t.Fatal(err)
	}
	e.wg.Go(func() {
		for {
			conn, err := e.listener.Accept(context.Background())
			if err != nil {
				return
			}
			e.wg.Go(func() { e.serve(conn) })
		}
	})
	t.Cleanup(e.close)
	return e
}

func (e *echo) serve(conn *quic.Conn) {
	defer conn.CloseWithError(0, "")
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		if _, err := io.ReadAll(io.LimitReader(stream, 16)); err != nil {
			return
		}
		node, _, err := PeerID(conn.ConnectionState().TLS)
		if err != nil {
			return
		}
		stream.Write([]byte(node.String()))
		stream.Close()
	}
}

func (e *echo) close() {
	e.listener.Close()
	e.transport.Close()
	e.transport.Conn.Close()
	e.wg.Wait()
}

// ask sends a request and reads its answer.
func ask(ctx context.Context, conn *quic.Conn) (string, error) {
	stream, err := request(conn)
	if err != nil {
		return "", err
	}
	return read(ctx, stream)
}

// request sends a request, in 0-RTT if it can be.
func request(conn *quic.Conn) (*quic.Stream, error) {
	stream, err := conn.OpenStream()
	if err != nil {
		return nil, err
	}
	if _, err := stream.Write([]byte("who am I")); err != nil {
		return nil, err
	}
	return stream, stream.Close()
}

func read(ctx context.Context, stream *quic.Stream) (string, error) {
	if deadline, ok := ctx.Deadline(); ok {
		stream.SetReadDeadline(deadline)
	}
	answer, err := io.ReadAll(stream)
	return string(answer), err
}

func dial(t *testing.T, e *echo, conf *tls.Config) (*quic.Conn, error) {
	t.Helper()
	open := make(chan struct{})
	close(open)
	return dialThrough(t, e, conf, open)
}

// dialThrough dials with a socket that receives nothing before open is closed.
func dialThrough(t *testing.T, e *echo, conf *tls.Config, open <-chan struct{}) (*quic.Conn, error) {
	t.Helper()
	packet, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	transport := &quic.Transport{Conn: gated{packet, open}}
	t.Cleanup(func() { transport.Close(); packet.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return transport.DialEarly(ctx, e.addr, conf, &quic.Config{})
}

type gated struct {
	net.PacketConn
	open <-chan struct{}
}

func (g gated) ReadFrom(p []byte) (int, net.Addr, error) {
	<-g.open
	return g.PacketConn.ReadFrom(p)
}

// visit dials, asks once, and tells whether that went in 0-RTT.
func visit(t *testing.T, e *echo, conf *tls.Config, member *Identity) (early bool) {
	t.Helper()
	// On loopback the server can be faster than the request that goes with the
	// first flight. Its answer waits, so that it is the same way round each time.
	open := make(chan struct{})
	release := sync.OnceFunc(func() { close(open) })
	defer release()
	if _, known := conf.ClientSessionCache.Get(conf.ServerName); !known {
		release()
	}
	conn, err := dialThrough(t, e, conf, open)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stream, err := request(conn)
	release()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := read(ctx, stream)
	if errors.Is(err, quic.Err0RTTRejected) {
		if conn, err = conn.NextConnection(ctx); err == nil {
			answer, err = ask(ctx, conn)
		}
	}
	if err != nil || answer != member.NodeID().String() {
		t.Fatalf("the server answers %q (%v), this is %v", answer, err, member.NodeID())
	}
	return conn.ConnectionState().Used0RTT
}

func TestATicketGivesZeroRTTWhenBothProcessesHaveRestarted(t *testing.T) {
	dir := t.TempDir()
	home, serverDir, memberDir, path := filepath.Join(dir, "authority"), filepath.Join(dir, "server"), filepath.Join(dir, "member"), filepath.Join(dir, "tickets")
	start := func() *Identity {
		a, err := OpenAuthority(home, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		server, err := a.ServerIdentity(serverDir, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return server
	}
	first := listen(t, start().AcceptServerConfig(secret))
	a, err := OpenAuthority(home, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	member := memberIn(t, a, memberDir, time.Now())
	tickets := OpenTickets(path)
	if visit(t, first, member.DialServerConfig(tickets), member) {
		t.Error("0-RTT without a ticket")
	}
	// The ticket came before the answer: it was sent when the handshake ended.
	if _, ok := tickets.Get(serverName); !ok {
		t.Fatal("no ticket")
	}
	if err := tickets.Save(); err != nil {
		t.Fatal(err)
	}
	first.close()

	second := listen(t, start().AcceptServerConfig(secret))
	again, err := Load(memberDir)
	if err != nil {
		t.Fatal(err)
	}
	if !visit(t, second, again.DialServerConfig(OpenTickets(path)), again) {
		t.Error("no 0-RTT")
	}

	third := listen(t, start().AcceptServerConfig([]byte("another secret: the old one was lost")))
	if visit(t, third, again.DialServerConfig(OpenTickets(path)), again) {
		t.Error("0-RTT by a ticket that nobody could read")
	}
}

func TestATicketGivesZeroRTTBetweenPeers(t *testing.T) {
	a := newAuthority(t)
	one, two := newMember(t, a, time.Now()), newMember(t, a, time.Now())
	e := listen(t, two.AcceptConfig(secret))
	tickets := OpenTickets(filepath.Join(t.TempDir(), "tickets"))
	visit(t, e, one.DialConfig(two.NodeID(), tickets), one)
	if !visit(t, e, one.DialConfig(two.NodeID(), tickets), one) {
		t.Error("no 0-RTT")
	}
}

func TestAGoodTicketIsKept(t *testing.T) {
	a := newAuthority(t)
	server, member := newServer(t, a), newMember(t, a, time.Now())
	tickets := OpenTickets(filepath.Join(t.TempDir(), "tickets"))
	held := func() string {
		s, ok := tickets.Get(serverName)
		if !ok {
			t.Fatal("no ticket")
		}
		return contents(t, s)
	}
	wide := listen(t, server.AcceptServerConfig(secret))
	visit(t, wide, member.DialServerConfig(tickets), member)
	first := held()
	for range 2 {
		if !visit(t, wide, member.DialServerConfig(tickets), member) {
			t.Fatal("no 0-RTT")
		}
		if held() != first {
			t.Fatal("who comes with a good ticket is given another")
		}
	}
	narrow := listenWith(t, server.AcceptServerConfig(secret), &quic.Config{Allow0RTT: true, MaxIncomingStreams: 8})
	if visit(t, narrow, member.DialServerConfig(tickets), member) {
		t.Fatal("0-RTT though QUIC's parameters are others")
	}
	if held() == first {
		t.Error("a ticket without 0-RTT is not replaced")
	}
	if !visit(t, narrow, member.DialServerConfig(tickets), member) {
		t.Error("the new one does not give 0-RTT")
	}
}

func TestATicketDoesNotOutliveItsMembership(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	before := memberIn(t, a, dir, time.Now())
	tickets := OpenTickets(filepath.Join(t.TempDir(), "tickets"))
	left := listen(t, newServer(t, a).AcceptServerConfig(secret))
	visit(t, left, before.DialServerConfig(tickets), before)

	after := memberIn(t, b, dir, time.Now()) // joined another swarm with the same key
	conn, err := dial(t, left, after.DialServerConfig(tickets))
	if err == nil {
		<-conn.HandshakeComplete()
		conn.CloseWithError(0, "")
		t.Fatal("the server that was left is still believed")
	}
	if !errors.Is(Explain(err), ErrOtherServer) {
		t.Error(err)
	}
}

// failure returns why a member's connection failed. The server's word on the
// certificate comes after the client's handshake.
func failure(t *testing.T, e *echo, conf *tls.Config) error {
	t.Helper()
	conn, err := dial(t, e, conf)
	if err != nil {
		return err
	}
	defer conn.CloseWithError(0, "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = ask(ctx, conn)
	return err
}

func TestARefusedHandshakeIsExplained(t *testing.T) {
	now := time.Now()
	a, b := newAuthority(t), newAuthority(t)
	member, other, foreign := newMember(t, a, now), newMember(t, a, now), newMember(t, b, now)
	server := listen(t, newServer(t, a).AcceptServerConfig(secret))
	peer := listen(t, other.AcceptConfig(secret))

	nameless := member.DialServerConfig(nil)
	nameless.GetClientCertificate = nil
	of := member.DialServerConfig(nil) // knows the server, is not known to it
	of.GetClientCertificate = foreign.DialServerConfig(nil).GetClientCertificate
	ahead := member.DialServerConfig(nil)
	ahead.Time = func() time.Time { return now.Add(2 * leafLife) }
	for name, c := range map[string]struct {
		at   *echo
		conf *tls.Config
		want error
	}{
		"an expired certificate":        {server, newMember(t, a, now.Add(-2*leafLife)).DialServerConfig(nil), ErrNoMember},
		"no certificate":                {server, nameless, ErrNoMember},
		"another's authority":           {server, of, ErrNoMember},
		"another server":                {server, foreign.DialServerConfig(nil), ErrOtherServer},
		"a member that is not meant":    {peer, member.DialServerConfig(nil), ErrOtherServer},
		"a clock ahead":                 {server, ahead, ErrClocks},
		"joining with another pin":      {server, JoinConfig(b.Pin()), ErrOtherServer},
		"joining at a member":           {peer, JoinConfig(a.Pin()), ErrNoServer},
		"another version of everything": {server, versioned(member, "earshot/99"), ErrNoServer},
	} {
		err := failure(t, c.at, c.conf)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		explained := Explain(err)
		if !errors.Is(explained, c.want) || !errors.Is(explained, err) || explained.Error() == err.Error() {
			t.Errorf("%s: %v (%v)", name, explained, err)
		}
		if again := Explain(explained); again != explained {
			t.Errorf("%s: explained twice: %v", name, again)
		}
	}
}

func versioned(i *Identity, alpn string) *tls.Config {
	c := i.DialServerConfig(nil)
	c.NextProtos = []string{alpn}
	return c
}

func TestOtherErrorsAreNotExplained(t *testing.T) {
	for _, err := range []error{
		nil, io.EOF, &quic.IdleTimeoutError{}, &quic.ApplicationError{ErrorCode: 0x12d, Remote: true},
		&quic.TransportError{ErrorCode: quic.FlowControlError, Remote: true},
		x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, x509.CertificateInvalidError{Reason: x509.Expired},
	} {
		if got := Explain(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	dir := b.TempDir()
	a, err := OpenAuthority(dir, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	server, err := a.ServerIdentity(dir, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	accept, dial := server.AcceptServerConfig(secret), server.DialServerConfig(nil)
	b.ReportAllocs()
	for b.Loop() {
		if r := shake(accept, dial); r.clientErr != nil {
			b.Fatal(r.clientErr)
		}
	}
	b.ReportMetric(float64(len(server.shown.Load().Certificate[0])), "B/certificate")
}
