//go:build figures

package main

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// relay is a way to a UDP server that takes time, in both directions: what
// loopback lacks of a real network. It counts the bytes of QUIC packets.
type relay struct {
	front *net.UDPConn
	to    netip.AddrPort
	delay time.Duration // one way
	cut   atomic.Bool   // nothing passes

	up, down atomic.Int64 // bytes to the server and from it

	backs map[netip.AddrPort]*relayBack // by the client's address; of forward
	wg    sync.WaitGroup
}

// relayBack is the relay's side of one client towards the server.
type relayBack struct {
	conn *net.UDPConn
	out  chan packet
}

type packet struct {
	due  time.Time
	data []byte
}

// relayQueue is how many packets may be under way: 16 MB, more than any window.
const relayQueue = 16 << 20 / 1452

func newRelay(t *testing.T, to string, delay time.Duration) *relay {
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{front: front, to: netip.MustParseAddrPort(to), delay: delay, backs: map[netip.AddrPort]*relayBack{}}
	front.SetReadBuffer(4 << 20)
	r.wg.Go(r.forward)
	t.Cleanup(r.close)
	return r
}

func (r *relay) addr() string { return r.front.LocalAddr().String() }

func (r *relay) close() {
	r.front.Close()
	r.wg.Wait()
}

// quiet waits until nothing is under way, and returns the counts then.
func (r *relay) quiet() (up, down int64) {
	for {
		up, down = r.up.Load(), r.down.Load()
		time.Sleep(4 * r.delay)
		if up == r.up.Load() && down == r.down.Load() {
			return up, down
		}
	}
}

// forward takes packets from the clients until the relay is closed.
func (r *relay) forward() {
	var buffer [2048]byte
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(buffer[:])
		if err != nil {
			break
		}
		back, err := r.back(from)
		if err != nil {
			break
		}
		r.pass(back.out, buffer[:n], &r.up)
	}
	for _, b := range r.backs {
		close(b.out)
		b.conn.Close()
	}
}

// back returns the socket that stands for a client.
func (r *relay) back(client netip.AddrPort) (*relayBack, error) {
	if b := r.backs[client]; b != nil {
		return b, nil
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.to))
	if err != nil {
		return nil, err
	}
	conn.SetReadBuffer(4 << 20)
	b := &relayBack{conn: conn, out: make(chan packet, relayQueue)}
	r.backs[client] = b
	in := make(chan packet, relayQueue)
	r.wg.Go(func() { deliver(b.out, func(p []byte) { conn.Write(p) }) })
	r.wg.Go(func() { deliver(in, func(p []byte) { r.front.WriteToUDPAddrPort(p, client) }) })
	r.wg.Go(func() {
		defer close(in)
		var buffer [2048]byte
		for {
			n, err := conn.Read(buffer[:])
			if err != nil {
				return
			}
			r.pass(in, buffer[:n], &r.down)
		}
	})
	return b, nil
}

// pass sends a packet on its way; one too many is lost, as on any network.
func (r *relay) pass(way chan<- packet, data []byte, count *atomic.Int64) {
	if r.cut.Load() {
		return
	}
	count.Add(int64(len(data)))
	select {
	case way <- packet{time.Now().Add(r.delay), append([]byte(nil), data...)}:
	default:
	}
}

// deliver hands packets over when they are due, in order. It has the kernel
// wait: Go's timers may be a millisecond late, twice in each round trip.
func deliver(way <-chan packet, send func([]byte)) {
	for p := range way {
		if wait := time.Until(p.due); wait > 0 {
			span := syscall.NsecToTimespec(int64(wait))
			syscall.Nanosleep(&span, nil)
		}
		send(p.data)
	}
}
