package node

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// lossy is a host's end of its line, with the faults that the simulated network
// has not: it loses packets, in both directions, delays some more than others,
// and can be slower than it was.
type lossy struct {
	net.PacketConn
	mu     sync.Mutex
	loss   float64
	jitter time.Duration
	up     int       // bits a second; 0: as the network has it
	free   time.Time // when the last packet is through
	rng    *rand.Rand
}

// slowQueue is how much traffic a line that has become slow holds before it
// drops: what home routers do.
const slowQueue = 100 * time.Millisecond

// setLoss changes how much is lost; 1 cuts the line.
func (c *lossy) setLoss(loss float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loss = loss
}

// pass returns for how long a packet is held back, and whether it is lost.
func (c *lossy) pass(size int) (wait time.Duration, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loss > 0 && c.rng.Float64() < c.loss {
		return 0, true
	}
	if c.jitter == 0 && c.up == 0 {
		return 0, false
	}
	now := time.Now()
	due := now
	if c.free.After(now) && c.up > 0 {
		due = c.free
	}
	if due.Sub(now) > slowQueue {
		return 0, true
	}
	if c.up > 0 {
		due = due.Add(time.Duration(size) * 8 * time.Second / time.Duration(c.up))
	}
	if c.jitter > 0 {
		due = due.Add(time.Duration(c.rng.Int64N(int64(c.jitter))))
	}
	if !due.After(c.free) {
		due = c.free.Add(1) // behind the one before it
	}
	c.free = due
	return due.Sub(now), false
}

func (c *lossy) WriteTo(b []byte, a net.Addr) (int, error) {
	wait, lost := c.pass(len(b))
	if lost {
		return len(b), nil
	}
	u := a.(*net.UDPAddr) // simnet takes the 4- and 16-byte forms for different hosts
	to := &net.UDPAddr{IP: u.IP.To4(), Port: u.Port}
	if wait == 0 {
		return c.PacketConn.WriteTo(b, to)
	}
	held := append([]byte(nil), b...)
	time.AfterFunc(wait, func() { _, _ = c.PacketConn.WriteTo(held, to) }) // a closed line loses it
	return len(b), nil
}

func (c *lossy) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.loses() {
			return n, from, err
		}
	}
}

func (c *lossy) loses() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loss > 0 && c.rng.Float64() < c.loss
}
