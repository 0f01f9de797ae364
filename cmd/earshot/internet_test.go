//go:build figures && linux

package main

import (
	"container/heap"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// internet is a small one on this machine. Each place is a network namespace
// whose only way out is a TUN device; its other end is here. A packet passes the
// sender's uplink, takes the time between the two places, and passes the
// receiver's downlink; each link has a rate and drops what a full queue does not
// hold. Nothing leaves the machine, and all is removed when the test ends.
type internet struct {
	places map[netip.Addr]*place
	mu     sync.Mutex
	wire   packetHeap // under mu
	sent   uint64     // packets, under mu
	more   chan struct{}
	done   chan struct{}
	wg     sync.WaitGroup
}

// access is how a place is connected; rates in bits a second.
type access struct {
	up, down float64
	delay    time.Duration // one way, to the middle
	site     string        // places of one site are on one LAN, without limits
}

// place is where processes run.
type place struct {
	access
	addr     netip.Addr
	name     string // of the namespace
	tun      *os.File
	upFree   time.Time // when the uplink has sent all there is; of the reader
	downFree time.Time // the same of the downlink; of the carrier
}

const (
	// officeDelay is what a packet takes over a LAN: some of a switch, most of
	// a wireless bridge.
	officeDelay = 200 * time.Microsecond
	// linkQueue is how much traffic waits before a link.
	linkQueue = 100 * time.Millisecond
	// linkPoll is how exact a packet's time is. The kernel waits that long: a
	// timer of Go's may be a millisecond late, at each of four stages of a round
	// trip.
	linkPoll = 50 * time.Microsecond
)

// onWire is a packet under way to a place.
type onWire struct {
	due     time.Time
	order   uint64
	to      *place
	data    []byte
	arrived bool // through the downlink too
}

type packetHeap []onWire

func (h packetHeap) Len() int      { return len(h) }
func (h packetHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h packetHeap) Less(i, j int) bool {
	return h[i].due.Before(h[j].due) || h[i].due.Equal(h[j].due) && h[i].order < h[j].order
}
func (h *packetHeap) Push(p any) { *h = append(*h, p.(onWire)) }
func (h *packetHeap) Pop() any {
	last := len(*h) - 1
	p := (*h)[last]
	*h = (*h)[:last]
	return p
}

// newInternet makes places, by their addresses; it skips the test where the
// machine does not let it.
func newInternet(t *testing.T, places map[string]access) *internet {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need ip, of the package iproute2")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("the kernel has no /dev/net/tun")
	}
	n := &internet{places: map[netip.Addr]*place{}, more: make(chan struct{}, 1), done: make(chan struct{})}
	t.Cleanup(n.close)
	for addr, at := range places {
		p := &place{access: at, addr: netip.MustParseAddr(addr), name: fmt.Sprintf("earshot-%d-%s", os.Getpid(), addr)}
		if err := p.open(); err != nil {
			t.Skipf("no network namespace can be made here: %v", err)
		}
		n.places[p.addr] = p
	}
	for _, p := range n.places {
		n.wg.Go(func() { n.read(p) })
	}
	n.wg.Go(n.carry)
	return n
}

func (n *internet) close() {
	close(n.done)
	for _, p := range n.places {
		p.tun.Close()
	}
	n.wg.Wait()
	for _, p := range n.places {
		_ = ip("netns", "del", p.name) // what is left is told by ip netns list
	}
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %s", strings.Join(args, " "), strings.TrimSpace(string(out)))
	}
	return nil
}

// open makes the namespace, its device, its address and its route.
func (p *place) open() error {
	if err := ip("netns", "add", p.name); err != nil {
		return err
	}
	err := p.inside(func() (err error) {
		p.tun, err = openTUN()
		return err
	})
	for _, args := range []string{"link set lo up", "addr add " + p.addr.String() + "/32 dev out", "link set out mtu 1500 up txqueuelen 5000", "route add default dev out"} {
		if err == nil {
			err = ip(append([]string{"-n", p.name}, strings.Fields(args)...)...)
		}
	}
	if err != nil {
		if p.tun != nil {
			p.tun.Close()
		}
		return errors.Join(err, ip("netns", "del", p.name))
	}
	return nil
}

// inside calls f in the place's namespace, on a thread that is then given up.
// A process that f starts is there too.
func (p *place) inside(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := os.Open(filepath.Join("/var/run/netns", p.name))
		if err != nil {
			result <- err
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("entering %s: %w", p.name, err)
			return
		}
		result <- f()
	}()
	return <-result
}

func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq("out")
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("making a TUN device: %w", err)
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

// read takes what a place sends, until its device is closed.
func (n *internet) read(p *place) {
	buffer := make([]byte, 1<<16)
	for {
		k, err := p.tun.Read(buffer)
		if err != nil {
			return
		}
		const ipv4Header = 20
		if k < ipv4Header || buffer[0]>>4 != 4 {
			continue
		}
		to := n.places[netip.AddrFrom4([4]byte(buffer[16:20]))]
		if to == nil {
			continue
		}
		w := onWire{due: time.Now(), to: to, data: append([]byte(nil), buffer[:k]...)}
		if to.site == p.site && p.site != "" {
			w.due, w.arrived = w.due.Add(officeDelay), true
		} else {
			through, fits := pass(&p.upFree, w.due, k, p.up)
			if !fits {
				continue
			}
			w.due = through.Add(p.delay + to.delay)
		}
		n.send(w)
	}
}

// pass puts a packet on a link that is free from a time on, and returns when its
// last bit is through; false where the queue is full.
func pass(free *time.Time, now time.Time, size int, rate float64) (through time.Time, fits bool) {
	if free.Before(now) {
		*free = now
	}
	if free.Sub(now) > linkQueue {
		return now, false
	}
	*free = free.Add(time.Duration(float64(size) * 8 / rate * float64(time.Second)))
	return *free, true
}

func (n *internet) send(w onWire) {
	n.mu.Lock()
	n.sent++
	w.order = n.sent
	heap.Push(&n.wire, w)
	n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default:
	}
}

// next returns a packet that is due, and whether any is under way.
func (n *internet) next(now time.Time) (w onWire, due, some bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.wire) == 0 {
		return w, false, false
	}
	if n.wire[0].due.After(now) {
		return w, false, true
	}
	return heap.Pop(&n.wire).(onWire), true, true
}

// carry delivers packets when they are due, until the internet is closed.
func (n *internet) carry() {
	nap := syscall.NsecToTimespec(int64(linkPoll))
	for {
		w, due, some := n.next(time.Now())
		switch {
		case due && w.arrived:
			_, _ = w.to.tun.Write(w.data) // a place that is gone loses it
		case due:
			through, fits := pass(&w.to.downFree, w.due, len(w.data), w.to.down)
			if fits {
				w.due, w.arrived = through, true
				n.send(w)
			}
		case some:
			syscall.Nanosleep(&nap, nil)
		default:
			select {
			case <-n.more:
			case <-n.done:
				return
			}
		}
		select {
		case <-n.done:
			return
		default:
		}
	}
}

// roundTrips measures so many between two places: what the emulation adds to what
// it was asked for is part of every figure.
func (n *internet) roundTrips(t *testing.T, from, to *place, count int) (all []time.Duration) {
	a, b := from.listen(t), to.listen(t)
	defer a.Close()
	n.wg.Go(func() { // ends with b
		var buffer [64]byte
		for {
			k, back, err := b.ReadFromUDPAddrPort(buffer[:])
			if err != nil {
				return
			}
			_, _ = b.WriteToUDPAddrPort(buffer[:k], back) // one that is lost is missed below
		}
	})
	defer b.Close()
	var buffer [64]byte
	for range count {
		asked := time.Now()
		a.SetReadDeadline(asked.Add(5 * time.Second))
		if _, err := a.WriteToUDPAddrPort(buffer[:], b.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.ReadFromUDPAddrPort(buffer[:]); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(asked))
	}
	slices.Sort(all)
	return all
}

// listen opens a socket at a place.
func (p *place) listen(t *testing.T) (c *net.UDPConn) {
	t.Helper()
	err := p.inside(func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.addr, 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
