package swarm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"earshot/protocol"
)

// joinTimeout is how long a stranger's connection may last: three round trips
// on the slowest of lines.
const joinTimeout = 10 * time.Second

// serveJoin answers the one Join that a connection without certificate may bring.
func (s *Swarm) serveJoin(ctx context.Context, qc *quic.Conn) {
	if s.config.Server == nil {
		qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeWrongRole), "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	code := protocol.CodeViolation
	defer func() { qc.CloseWithError(quic.ApplicationErrorCode(code), code.String()) }()
	select {
	case <-qc.HandshakeComplete():
	case <-qc.Context().Done():
		return
	case <-ctx.Done():
		return
	}
	stream, err := qc.AcceptStream(ctx)
	if err != nil {
		return
	}
	stream.SetDeadline(time.Now().Add(joinTimeout))
	m, err := protocol.NewReader(stream).Next()
	if err != nil {
		return
	}
	join, ok := m.(*protocol.Join)
	if !ok {
		return
	}
	var answer protocol.Message
	if answer, err = s.config.Server.Join(ctx, join); err != nil {
		refused := &protocol.Refused{Code: protocol.CodeInternal}
		errors.As(err, &refused)
		answer = &protocol.Refuse{Code: refused.Code}
	}
	if protocol.Write(stream, answer) != nil || stream.Close() != nil {
		return
	}
	code = protocol.CodeNone
	select { // the joiner closes when it has its answer
	case <-qc.Context().Done():
	case <-ctx.Done():
	}
}

// Join asks the server at addr for membership: one short connection of its own.
// conf comes from package identity and holds the server's pin.
func Join(ctx context.Context, packet net.PacketConn, addr net.Addr, conf *tls.Config, m *protocol.Join) (*protocol.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	transport := &quic.Transport{Conn: packet}
	defer transport.Close()
	qc, err := transport.Dial(ctx, addr, conf, &quic.Config{HandshakeIdleTimeout: handshakeTimeout})
	if err != nil {
		return nil, fmt.Errorf("reaching the server at %v: %w", addr, err)
	}
	defer qc.CloseWithError(quic.ApplicationErrorCode(protocol.CodeNone), "")
	stream, err := qc.OpenStreamSync(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking to join: %w", err)
	}
	stream.SetDeadline(time.Now().Add(joinTimeout))
	if err := protocol.Write(stream, m); err != nil {
		return nil, fmt.Errorf("asking to join: %w", err)
	}
	stream.Close() // as in tryRequest
	answer, err := protocol.NewReader(stream).Next()
	if err != nil {
		return nil, fmt.Errorf("asking to join: %w", err)
	}
	switch answer := answer.(type) {
	case *protocol.Certificate:
		return answer, nil
	case *protocol.Refuse:
		return nil, &protocol.Refused{Code: answer.Code}
	}
	return nil, fmt.Errorf("asking to join: %w", protocol.ErrMalformed)
}
