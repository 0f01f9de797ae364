//go:build figures

package node

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/quic-go/quic-go"
	"golang.org/x/sync/errgroup"

	"earshot/protocol/identity"
)

// bare is what QUIC itself takes: the share of what a node receives that is not data,
// while it takes so many bytes from one other and gives so many to another, each on one
// stream of one connection, where nothing is said and nothing proven. So it is what no
// protocol over QUIC can be below.
func (l *lab) bare(t *testing.T, takes, gives int) float64 {
	giver, node, taker := l.bareEnd(t), l.bareEnd(t), l.bareEnd(t)
	down, up := giver.dial(t, node), node.dial(t, taker)
	var transfers errgroup.Group
	transfers.Go(func() error { return send(down, takes) })
	transfers.Go(func() error { return send(up, gives) })
	transfers.Go(func() error { return taker.take(gives) })
	transfers.Go(func() error { return node.take(takes) })
	if err := transfers.Wait(); err != nil {
		t.Fatal(err)
	}
	received := node.accepted.ConnectionStats().BytesReceived + up.ConnectionStats().BytesReceived
	for _, end := range []*bareEnd{giver, node, taker} {
		end.transport.Close()
		end.transport.Conn.Close()
	}
	return float64(int(received)-takes) / float64(received)
}

// bareEnd is a member at home that speaks QUIC as package swarm does, and no more.
type bareEnd struct {
	id        *identity.Identity
	transport *quic.Transport
	listener  *quic.Listener
	config    *quic.Config
	accepted  *quic.Conn
}

func (l *lab) bareEnd(t *testing.T) *bareEnd {
	h := l.host(homeLine)
	id, err := identity.Load(filepath.Join(h.data, memberDir))
	if err != nil {
		t.Fatal(err)
	}
	e := &bareEnd{
		id:        id,
		transport: &quic.Transport{Conn: l.plug(h.ip, h.at), ConnectionIDLength: 2},
		config:    &quic.Config{DisablePathMTUDiscovery: true},
	}
	if e.listener, err = e.transport.Listen(id.AcceptConfig(make([]byte, 32)), e.config); err != nil {
		t.Fatal(err)
	}
	return e
}

// dial connects, and has the other end accept.
func (e *bareEnd) dial(t *testing.T, to *bareEnd) *quic.Conn {
	conn, err := e.transport.Dial(t.Context(), to.transport.Conn.LocalAddr(), e.id.DialConfig(to.id.NodeID(), nil), e.config)
	if err == nil {
		to.accepted, err = to.listener.Accept(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(to *quic.Conn, n int) error {
	s, err := to.OpenUniStream()
	if err != nil {
		return err
	}
	if _, err := s.Write(make([]byte, n)); err != nil {
		return err
	}
	return s.Close()
}

func (e *bareEnd) take(n int) error {
	s, err := e.accepted.AcceptUniStream(context.Background())
	if err == nil {
		_, err = io.CopyN(io.Discard, s, int64(n))
	}
	return err
}
