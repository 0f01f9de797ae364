package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/tls"
	"encoding/binary"
	"time"

	"lukechampine.com/blake3"
)

// renewTicket is after how long a ticket that was used is replaced: crypto/tls lets one
// live for seven days (RFC 8446 section 4.6.1 allows no more), so who listens every few
// days always has one.
const renewTicket = 3 * 24 * time.Hour

// keepTicket is a ticket that says: keep the one that you have; it opens nothing. A real
// one takes half a kilobyte, and comes while someone waits for sound: of 20 who begin
// together over a line of 2 Mbit/s it is 45 ms. crypto/tls cannot send none. Who watches
// the way can tell that two connections used one ticket (RFC 8446, appendix C.4): they are
// of one member with one server in any case.
var keepTicket = []byte{0}

// issuedPrefix marks, among what a session holds besides TLS's own, when its ticket was
// issued.
var issuedPrefix = []byte("issued ")

// sealer makes session tickets that are good across restarts, of a secret that is: the
// session itself, sealed. The authority's certificate, which all of them hold, is cut out,
// so that a ClientHello with one fits a packet.
type sealer struct {
	aead cipher.AEAD
	root []byte // in DER
}

func newSealer(secret, root []byte) *sealer {
	var key [32]byte
	blake3.DeriveKey(key[:], "earshot 2026 session tickets", secret)
	block, _ := aes.NewCipher(key[:]) // a key of 32 bytes is one
	aead, _ := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead, root}
}

// seal makes a ticket of a session: where the certificate was, in four bytes, and the rest.
func (s *sealer) seal(session *tls.SessionState) ([]byte, error) {
	state, err := session.Bytes()
	if err != nil {
		return nil, err
	}
	before, after, _ := bytes.Cut(state, s.root)
	plain := binary.BigEndian.AppendUint32(nil, uint32(len(before)))
	plain = append(append(plain, before...), after...)
	return s.aead.Seal(nil, nil, plain, nil), nil
}

// open returns the session of a ticket, nil if it is none of this sealer's.
func (s *sealer) open(ticket []byte) *tls.SessionState {
	plain, err := s.aead.Open(nil, nil, ticket, nil)
	if err != nil || len(plain) < 4 {
		return nil
	}
	cut, rest := int64(binary.BigEndian.Uint32(plain)), plain[4:]
	if cut < int64(len(rest)) { // else there was none
		rest = bytes.Join([][]byte{rest[:cut], rest[cut:]}, s.root)
	}
	session, err := tls.ParseSessionState(rest)
	if err != nil {
		return nil
	}
	return session
}

// forOne returns a configuration that opens and makes tickets for one connection, and has
// who comes with a good one keep it.
func (s *sealer) forOne(c *tls.Config) *tls.Config {
	c = c.Clone()
	var used *tls.SessionState
	c.UnwrapSession = func(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
		used = s.open(ticket)
		return used, nil
	}
	c.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		// EarlyData was taken back if QUIC's parameters are others by now.
		if state.DidResume && used.EarlyData == session.EarlyData && time.Since(issued(used)) < renewTicket {
			return keepTicket, nil
		}
		session.Extra = append(session.Extra, binary.BigEndian.AppendUint64(bytes.Clone(issuedPrefix), uint64(time.Now().Unix())))
		return s.seal(session)
	}
	return c
}

// issued returns when a session's ticket was issued, long ago if it does not say.
func issued(s *tls.SessionState) time.Time {
	for _, extra := range s.Extra {
		if at, ok := bytes.CutPrefix(extra, issuedPrefix); ok && len(at) == 8 {
			return time.Unix(int64(binary.BigEndian.Uint64(at)), 0)
		}
	}
	return time.Time{}
}
