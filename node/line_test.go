package node

import (
	"net"
	"sync"
	"time"

	"github.com/marcopolo/simnet"
)

// homeRouter is a home's uplink behind a router as most are: one queue for all
// who send, that drops at its tail when it is full and knows no fairness. (The
// simulated network's own links have FQ-CoDel, which is what to wish for.)
type homeRouter struct {
	rate float64       // bits a second
	most time.Duration // of queue

	mu     sync.Mutex
	free   time.Time // when the last packet has left
	closed bool
	queue  chan leaving
	done   chan struct{}
}

type leaving struct {
	at   time.Time
	data []byte
	to   net.Addr
	from net.PacketConn
}

func newHomeRouter(rate float64, most time.Duration) *homeRouter {
	r := &homeRouter{rate: rate, most: most, queue: make(chan leaving, 10_000), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for p := range r.queue {
			time.Sleep(time.Until(p.at))
			p.from.WriteTo(p.data, p.to)
		}
	}()
	return r
}

func (r *homeRouter) close() {
	r.mu.Lock()
	r.closed = true
	close(r.queue)
	r.mu.Unlock()
	<-r.done
}

// behindRouter is a socket of a machine at that home.
type behindRouter struct {
	net.PacketConn
	router *homeRouter
}

const headers = 28 // of IPv4 and UDP

func (c behindRouter) WriteTo(b []byte, to net.Addr) (int, error) {
	r := c.router
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.free.Before(now) {
		r.free = now
	}
	took := time.Duration(float64(8*(len(b)+headers)) / r.rate * float64(time.Second))
	if r.closed || r.free.Sub(now)+took > r.most {
		return len(b), nil
	}
	r.free = r.free.Add(took)
	r.queue <- leaving{r.free, append([]byte(nil), b...), to, c.PacketConn}
	return len(b), nil
}

// behind plugs another machine in at the router's home.
func (l *lab) behind(r *homeRouter, ip string) net.PacketConn {
	return behindRouter{l.plug(ip, wide), r}
}

// wide is a line whose rate is nobody's limit, 20 ms from the middle.
var wide = line{up: 1e9, down: 1e9, delay: 20 * time.Millisecond}

// pinger measures round trips from a home to a machine that answers each packet.
type pinger struct {
	packet, far net.PacketConn
	wg          sync.WaitGroup
	mu          sync.Mutex
	sent        []time.Time
	trips       []time.Duration
}

// pingEvery is how often: as a game does.
const pingEvery = 50 * time.Millisecond

func (l *lab) ping(from net.PacketConn, far net.PacketConn) *pinger {
	p := &pinger{packet: from, far: far}
	p.wg.Go(func() {
		buf := make([]byte, 100)
		for {
			n, a, err := far.ReadFrom(buf)
			if err != nil {
				return
			}
			far.WriteTo(buf[:n], a)
		}
	})
	p.wg.Go(func() {
		buf := make([]byte, 100)
		for {
			if _, _, err := from.ReadFrom(buf); err != nil {
				return
			}
			i := int(buf[0])<<8 | int(buf[1])
			p.mu.Lock()
			p.trips = append(p.trips, time.Since(p.sent[i]))
			p.mu.Unlock()
		}
	})
	return p
}

// run pings for a time and returns the round trips.
func (p *pinger) run(length time.Duration) []time.Duration {
	p.mu.Lock()
	p.trips, p.sent = nil, nil
	p.mu.Unlock()
	b := make([]byte, 64)
	for i := range int(length / pingEvery) {
		b[0], b[1] = byte(i>>8), byte(i)
		p.mu.Lock()
		p.sent = append(p.sent, time.Now())
		p.mu.Unlock()
		p.packet.WriteTo(b, p.far.LocalAddr())
		time.Sleep(pingEvery)
	}
	time.Sleep(time.Second) // for the last ones
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Duration(nil), p.trips...)
}

func (p *pinger) close() {
	p.packet.Close()
	p.far.Close()
	p.wg.Wait()
}

// sink counts what comes to a machine.
type sink struct {
	packet net.PacketConn
	wg     sync.WaitGroup
	mu     sync.Mutex
	bytes  int
}

func newSink(packet net.PacketConn) *sink {
	s := &sink{packet: packet}
	s.wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, _, err := packet.ReadFrom(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.bytes += n
			s.mu.Unlock()
		}
	})
	return s
}

func (s *sink) got() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

func (s *sink) close() {
	s.packet.Close()
	s.wg.Wait()
}

var _ net.PacketConn = (*simnet.SimConn)(nil)
