package swarm

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// connIDs makes the connection IDs that a listener is reached by: of three bytes, as
// each packet to it bears one, and no shorter, as a neighbour may use them up as fast as
// it retires them.
//
// Drawn at random, of so few every 50,000th would be one of the 300 that 60 neighbours
// hold. So they are all gone through before one comes again, which is some three million
// connections later; in an order that does not tell how many there were.
type connIDs struct {
	next   atomic.Uint32
	factor uint32 // odd: times it, modulo a power of two, no two numbers are the same
}

// connIDLen is the length of them in bytes.
const connIDLen = 3

func newConnIDs() *connIDs {
	c := &connIDs{factor: rand.Uint32() | 1}
	c.next.Store(rand.Uint32())
	return c
}

// GenerateConnectionID returns the one that was not in use for longest.
func (c *connIDs) GenerateConnectionID() (quic.ConnectionID, error) {
	id := c.next.Add(1) * c.factor
	return quic.ConnectionIDFromBytes([]byte{byte(id >> 16), byte(id >> 8), byte(id)}), nil
}

// ConnectionIDLen returns how long they are, in bytes.
func (c *connIDs) ConnectionIDLen() int { return connIDLen }
