package node

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

// lan is a place in an office, 50 ms of round trip from the server.
var lan = line{up: 1e9, down: 1e9, delay: 20 * time.Millisecond, site: "office"}

func TestANearNeighbourIsHeardBeforeTheServer(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		nodes := l.nodesAt(3, lan)
		all, _ := l.hearAll(nodes[:2], track, 0)
		noStutter(t, all)
		nodes[2].swarm.Connect(t.Context(), peersOf(nodes[:2]))
		all, copies := l.hearAll(nodes[2:], track, 0)
		noStutter(t, all)
		if all[0].latency > 10*time.Millisecond || copies > 0.05 || all[0].shares.Server > 0 {
			t.Errorf("after %v, %.2f copies from the server, %+v", all[0].latency, copies, all[0].shares)
		}
	})
}

func TestANewProcessKnowsItsNeighbours(t *testing.T) {
	tracks := []labTrack{newLabTrack(1, 30*time.Second, 192_000), newLabTrack(2, 30*time.Second, 192_000)}
	labWith(serverLine, tracks...).run(t, func(t *testing.T, l *lab) {
		friend := l.node(lan)
		for _, track := range tracks {
			noStutter(t, []heard{friend.play(t.Context(), track, 0)})
		}
		host := l.host(lan)
		n := host.start()
		noStutter(t, []heard{n.play(t.Context(), tracks[0], 0)})
		n.Close()
		n = host.start()
		defer n.Close()
		h := n.play(t.Context(), tracks[1], 0) // at once: the process has just begun
		noStutter(t, []heard{h})
		if h.latency > 15*time.Millisecond || h.shares.Server > 0 {
			t.Errorf("after %v, %+v", h.latency, h.shares)
		}
	})
}

func TestANodeIsWhereItWasBeforeUnlessSomebodyElseIs(t *testing.T) {
	first, err := listenUDP("", 0)
	if err != nil {
		t.Fatal(err)
	}
	port := first.LocalAddr().(*net.UDPAddr).Port
	other, err := listenUDP("", port)
	if err != nil {
		t.Fatalf("the port is taken: %v", err)
	}
	defer other.Close()
	if other.LocalAddr().(*net.UDPAddr).Port == port {
		t.Error("two nodes at one port")
	}
	first.Close()
	again, err := listenUDP("", port)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := again.LocalAddr().(*net.UDPAddr).Port; got != port {
		t.Errorf("at port %d, it was at %d", got, port)
	}
}

func TestTheNextProcessKnowsWhereTheNodeWas(t *testing.T) {
	labWith(serverLine).run(t, func(t *testing.T, l *lab) {
		host := l.host(lan)
		host.start().Close()
		if f := openNeighbours(filepath.Join(host.data, neighboursFile)); f.kept.Port != labPort {
			t.Errorf("port %d, it was at %d", f.kept.Port, labPort)
		}
	})
}

func TestADamagedFileOfNeighboursGivesNone(t *testing.T) {
	for name, content := range map[string]string{
		"missing": "", "not JSON": "\x00", "another shape": `{"a":1}`, "null": "null", "bad addresses": `{"neighbours":[{"Public":"x"}]}`,
		"too long": `{"neighbours":[{}` + strings.Repeat(" ", maxRememberedFile) + "]}", "half good": `{"neighbours":[{},3]}`,
	} {
		path := filepath.Join(t.TempDir(), "neighbours.json")
		if name != "missing" {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if f := openNeighbours(path); len(f.kept.Neighbours) != 0 || !f.kept.Coordinate.IsZero() {
			t.Errorf("%s: %v", name, f.kept)
		}
	}
}

func TestANearNeighbourThatHoldsOnlyTheRestLeavesTheStartToTheServer(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		nodes := l.nodesAt(2, lan)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		nodes[0].play(ctx, track, 30*time.Second)
		nodes[1].swarm.Connect(t.Context(), peersOf(nodes[:1]))
		time.Sleep(time.Second) // the server's connection is up too
		h := nodes[1].play(t.Context(), track, 0)
		noStutter(t, []heard{h})
		if roundTrip := 50 * time.Millisecond; h.latency > roundTrip+15*time.Millisecond || h.shares.Server == 0 || h.shares.Peers == 0 {
			t.Errorf("%+v", h)
		}
	})
}

// TestANearNeighbourCannotHoldUpTheStart: it wins the race with a header, and
// then does harm.
func TestANearNeighbourCannotHoldUpTheStart(t *testing.T) {
	track := newLabTrack(1, 30*time.Second, 192_000)
	for name, read := range map[string]func(i int, buf, data []byte) (int, error){
		"a wrong chunk": func(_ int, buf, data []byte) (int, error) {
			n := copy(buf, data)
			buf[0] ^= 1
			return n, nil
		},
		"nothing": func(int, []byte, []byte) (int, error) {
			time.Sleep(time.Minute)
			return 0, errors.New("late")
		},
		"a broken answer": func(int, []byte, []byte) (int, error) { return 0, errors.New("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
				bad, s := l.badAt(lan, track, read)
				defer s.Close()
				n := l.node(lan)
				n.swarm.Connect(t.Context(), []protocol.Peer{{Node: s.Self(), Public: addrOf(s.Addr())}})
				time.Sleep(time.Second) // the server's connection is up too
				h := n.play(t.Context(), track, 0)
				noStutter(t, []heard{h})
				if len(bad.asks) == 0 {
					t.Fatal("it was not asked: this tests nothing")
				}
				if roundTrip := 50 * time.Millisecond; h.latency > roundTrip+15*time.Millisecond {
					t.Errorf("the start took %v", h.latency)
				}
			})
		})
	}
}
