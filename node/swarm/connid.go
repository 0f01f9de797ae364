package swarm

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// connIDs makes the connection IDs that a listener is reached by: of two bytes, as
// each packet to it bears one, and no shorter, as 60 neighbours hold 300 of them.
//
// Drawn at random, of so few every 200th would be one that is in use. So they are all
// gone through before one comes again, which is some 13,000 connections later; in an
// order that does not tell how many there were.
type connIDs struct {
	next   atomic.Uint32
	factor uint16 // odd: times it, modulo 2^16, no two numbers are the same
}

// connIDLen is the length of them in bytes.
const connIDLen = 2

func newConnIDs() *connIDs {
	c := &connIDs{factor: uint16(rand.Uint32()) | 1}
	c.next.Store(rand.Uint32())
	return c
}

// GenerateConnectionID returns the one that was not in use for longest.
func (c *connIDs) GenerateConnectionID() (quic.ConnectionID, error) {
	id := uint16(c.next.Add(1)) * c.factor
	return quic.ConnectionIDFromBytes([]byte{byte(id >> 8), byte(id)}), nil
}

// ConnectionIDLen returns how long they are, in bytes.
func (c *connIDs) ConnectionIDLen() int { return connIDLen }
