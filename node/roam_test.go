package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// roaming is a machine's socket whose address changes, as a laptop's does between
// two networks; and one that can be opened again, for a program that restarts at
// its address.
type roaming struct {
	lab   *lab
	pumps sync.WaitGroup
	come  chan arrival

	mu     sync.Mutex
	now    net.PacketConn
	all    []net.PacketConn
	stop   chan struct{} // closed while reading is over
	halted bool
}

type arrival struct {
	data []byte
	from net.Addr
}

func (l *lab) roaming(ip string, at line) *roaming {
	r := &roaming{lab: l, come: make(chan arrival, 256), stop: make(chan struct{})}
	r.move(ip, at)
	return r
}

// move gives the machine another address; what is sent to the old one is lost.
func (r *roaming) move(ip string, at line) {
	conn := r.lab.plug(ip, at)
	r.mu.Lock()
	r.now = conn
	r.all = append(r.all, conn)
	r.mu.Unlock()
	r.pumps.Go(func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			r.mu.Lock()
			current := r.now == conn && !r.halted
			r.mu.Unlock()
			if current {
				select {
				case r.come <- arrival{append([]byte(nil), buf[:n]...), from}:
				default: // the reader is gone
				}
			}
		}
	})
}

func (r *roaming) ReadFrom(b []byte) (int, net.Addr, error) {
	r.mu.Lock()
	stop := r.stop
	r.mu.Unlock()
	select {
	case a := <-r.come:
		return copy(b, a.data), a.from, nil
	case <-stop:
		return 0, nil, fmt.Errorf("reading: %w", os.ErrDeadlineExceeded)
	}
}

func (r *roaming) WriteTo(b []byte, to net.Addr) (int, error) {
	r.mu.Lock()
	conn, halted := r.now, r.halted
	r.mu.Unlock()
	if halted {
		return 0, net.ErrClosed
	}
	return conn.WriteTo(b, to)
}

func (r *roaming) LocalAddr() net.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.LocalAddr()
}

// SetReadDeadline ends what is being read, or lets it be read again: a transport
// that closes sets one that is over.
func (r *roaming) SetReadDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.stop:
		if t.IsZero() {
			r.stop = make(chan struct{})
		}
	default:
		if !t.IsZero() && !t.After(time.Now()) {
			close(r.stop)
		}
	}
	return nil
}

func (r *roaming) SetDeadline(t time.Time) error    { return r.SetReadDeadline(t) }
func (r *roaming) SetWriteDeadline(time.Time) error { return nil }

// Close is the program's: the machine stays.
func (r *roaming) Close() error {
	r.SetReadDeadline(time.Now())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halted = true
	return nil
}

// reopen is for the program's next process.
func (r *roaming) reopen() {
	r.mu.Lock()
	r.halted = false
	r.mu.Unlock()
	r.SetReadDeadline(time.Time{})
}

// end switches the machine off.
func (r *roaming) end() {
	for _, c := range r.all {
		c.Close()
	}
	r.pumps.Wait()
}

// TestALaptopThatChangesItsNetworkPlaysOn: with 10 s buffered, from the server
// alone and beside peers.
func TestALaptopThatChangesItsNetworkPlaysOn(t *testing.T) {
	track := newLabTrack(1, 90*time.Second, 192_000)
	for name, peers := range map[string]int{"the server alone": 0, "peers too": 3} {
		t.Run(name, func(t *testing.T) {
			labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
				others := l.nodesAt(peers, homeLine)
				for _, n := range others {
					n.keep(t, track)
					n.announce.note(track.header.ID)
				}
				time.Sleep(5 * time.Second)
				host := l.host(homeLine)
				socket := l.roaming(host.ip, homeLine)
				defer socket.end()
				n, err := Start(Config{Data: host.data, Packet: socket, Private: true, Log: l.log})
				if err != nil {
					t.Fatal(err)
				}
				defer n.Close()
				go func() {
					for i := range 3 {
						time.Sleep(15 * time.Second)
						socket.move(fmt.Sprintf("192.0.2.%d", 10+i), homeLine)
					}
				}()
				h := n.play(context.Background(), track, 0)
				noStutter(t, []heard{h})
				if c, _ := n.swarm.ServerChanged(); c == nil {
					t.Error("the server is not connected in the end")
				}
			})
		})
	}
}

// killed ends a process without a word to anyone.
func (r *roaming) killed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halted = true
}

// TestAServerThatRestartsInTheMiddleOfAPlayIsNotHeard: one that is stopped, and one
// that is killed; away for 3 s, as a machine that installs something, and for long
// enough that what was buffered is needed.
func TestAServerThatRestartsInTheMiddleOfAPlayIsNotHeard(t *testing.T) {
	track := newLabTrack(1, 90*time.Second, 192_000)
	for name, test := range map[string]struct {
		kill bool
		away time.Duration
	}{
		"stopped": {false, 3 * time.Second}, "killed": {true, 3 * time.Second}, "killed, for 12 s": {true, 12 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			labWith(serverLine).run(t, func(t *testing.T, l *lab) {
				l.server.close()
				socket := l.roaming("198.51.100.7", serverLine)
				defer socket.end()
				l.serve(socket, track)
				host := l.hostOf("198.51.100.7:4433", homeLine)
				n := host.start()
				defer n.Close()
				var wg sync.WaitGroup
				wg.Go(func() {
					time.Sleep(20 * time.Second)
					if test.kill {
						socket.killed()
					}
					l.server.close()
					time.Sleep(test.away)
					socket.reopen()
					l.serve(socket, track)
				})
				noStutter(t, []heard{n.play(context.Background(), track, 0)})
				wg.Wait()
				if c, _ := n.swarm.ServerChanged(); c == nil {
					t.Error("the server is not connected in the end")
				}
			})
		})
	}
}
