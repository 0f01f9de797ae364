package swarm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlogwriter"
	"lukechampine.com/blake3"

	"earshot/protocol"
)

const (
	// idleTimeout ends a connection whose other side went without a word. 30 s
	// is what home routers keep a UDP mapping for at the least (RFC 4787
	// section 4.3 asks for 2 minutes, many give less).
	idleTimeout = 30 * time.Second
	// keepAlive holds such a mapping open with two tries to spare. It is for who
	// dialled: the answers to that hold the other side's open.
	keepAlive = 12 * time.Second
	// handshakeTimeout gives up on an address that does not answer: three
	// losses of a first flight (RFC 9002 section 6.2: 1 s, 2 s, 4 s).
	handshakeTimeout = 5 * time.Second
	// maxStreams bounds what one neighbour may ask at the same time.
	maxStreams = 64
	// maxUniStreams is for one control stream, and proof trees under way.
	maxUniStreams = 16
	// streamWindow and connWindow bound what one neighbour can make us buffer:
	// 1 MiB is 160 ms at 50 Mbit/s, more than any run in flight needs.
	streamWindow = 1 << 20
	connWindow   = 4 << 20
	// tokenAge lets someone who plays once a week still start in one round trip.
	tokenAge = 14 * 24 * time.Hour
)

// endpoint is one UDP socket that speaks QUIC, for dialling and accepting
// alike, so that the address the server sees is the one peers can dial.
type endpoint struct {
	transport *quic.Transport
	listener  *quic.EarlyListener
	config    *quic.Config
}

// newEndpoint opens it. What the connections that come in have in flight is told
// to the uplink, if there is one.
func newEndpoint(c Config, line *uplink) (*endpoint, error) {
	e := &endpoint{
		transport: &quic.Transport{Conn: c.Packet, MaxTokenAge: tokenAge},
		config: &quic.Config{
			HandshakeIdleTimeout:       handshakeTimeout,
			MaxIdleTimeout:             idleTimeout,
			KeepAlivePeriod:            keepAlive,
			MaxStreamReceiveWindow:     streamWindow,
			MaxConnectionReceiveWindow: connWindow,
			MaxIncomingStreams:         maxStreams,
			MaxIncomingUniStreams:      maxUniStreams,
			Allow0RTT:                  true,
			TokenStore:                 c.Tokens,
			// To find that a path carries 1,441 bytes and not 1,280 takes four packets of
			// that size each way, 11 KB a connection, and saves 0.4 %: it pays when 1.5 MB
			// have gone one way, which neighbours who share tracks seldom reach. It comes
			// at the start, when a thin uplink has the least to spare: for 20 who begin at
			// 2 Mbit/s it is half a second of the line.
			DisablePathMTUDiscovery: true,
		},
	}
	if c.Secret != nil {
		e.transport.TokenGeneratorKey = (*quic.TokenGeneratorKey)(derive(c.Secret, "earshot 2026 address validation tokens"))
		e.transport.StatelessResetKey = (*quic.StatelessResetKey)(derive(c.Secret, "earshot 2026 stateless resets"))
	}
	if line == nil { // a server has any number of connections
		e.transport.ConnectionIDGenerator = newConnIDs()
	} else {
		e.transport.ConnContext = func(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
			line.admit(ctx)
			return context.WithValue(ctx, gaugeKey{}, line.gauge()), nil
		}
	}
	e.config.Tracer = tracerOf(c.Trace)
	var err error
	accepting := e.config.Clone()
	accepting.KeepAlivePeriod = 0
	if e.listener, err = e.transport.ListenEarly(c.AcceptTLS, accepting); err != nil {
		return nil, fmt.Errorf("listening on %v: %w", c.Packet.LocalAddr(), err)
	}
	return e, nil
}

// derive makes a key for one purpose of a secret that is kept across restarts.
func derive(secret []byte, purpose string) *[32]byte {
	var key [32]byte
	blake3.DeriveKey(key[:], purpose, secret)
	return &key
}

// dial connects in 0-RTT where a ticket allows: it then returns at once.
func (e *endpoint) dial(ctx context.Context, addr net.Addr, conf *tls.Config) (*quic.Conn, error) {
	return e.transport.DialEarly(ctx, addr, conf, e.config)
}

func (e *endpoint) close() error {
	err := e.listener.Close()
	if terr := e.transport.Close(); err == nil {
		err = terr
	}
	return err
}

// urgency maps a priority to an urgency of RFC 9218, where 0 is left to
// control streams and heads, and 1 to proof trees.
func urgency(p protocol.Priority) int8 {
	switch p {
	case protocol.PriorityUrgent:
		return 2
	case protocol.PriorityPlaying:
		return 3
	case protocol.PriorityPrefetch:
		return 5
	}
	return 6
}

// urgencyProof lets a proof tree pass all but the sound that begins: it is
// 0.2 % of a track, and before it is there nothing can be kept or shared.
const urgencyProof = 1

// tracerOf tells what QUIC does to the gauge of a server's connection, and to
// whoever measures.
func tracerOf(trace func() qlogwriter.Trace) func(context.Context, bool, quic.ConnectionID) qlogwriter.Trace {
	return func(ctx context.Context, _ bool, _ quic.ConnectionID) qlogwriter.Trace {
		g, _ := ctx.Value(gaugeKey{}).(*gauge)
		switch {
		case g != nil && trace != nil:
			return both{g, trace()}
		case g != nil:
			return g
		case trace != nil:
			return trace()
		}
		return nil
	}
}

// both passes on to a gauge and to another trace.
type both struct {
	*gauge
	other qlogwriter.Trace
}

// AddProducer returns who records for both.
func (b both) AddProducer() qlogwriter.Recorder {
	return bothRecord{b.gauge, b.other.AddProducer()}
}

type bothRecord struct{ first, second qlogwriter.Recorder }

func (b bothRecord) RecordEvent(e qlogwriter.Event) {
	b.first.RecordEvent(e)
	b.second.RecordEvent(e)
}

func (b bothRecord) Close() error { return errors.Join(b.first.Close(), b.second.Close()) }
