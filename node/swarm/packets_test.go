package swarm

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func TestARunComesInFullPacketsAndItsEndInTheLast(t *testing.T) {
	const (
		chunks = 24
		full   = 1280 - 30 // bytes of a packet without its headers and tag
		others = 5         // the message before the run, streams given back, an acknowledgement, where we are
	)
	for name, change := range map[string]func(*Config){
		"as fast as the line bears": nil,
		"capped":                    func(c *Config) { c.UploadCap = func() int64 { return 100 << 10 } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, book := newTown(t), newBook(1, chunks)
				defer w.net.Close()
				a := w.node(shelve(book), change)
				defer a.Close()
				b := w.node(nil, nil)
				defer b.Close()
				c := w.neighbour(b, a)
				time.Sleep(2 * time.Second)
				before := c.quic.ConnectionStats()
				run, err := c.Get(t.Context(), &protocol.Get{ID: book.id(), Count: chunks, Priority: protocol.PriorityPlaying})
				if err != nil {
					t.Fatal(err)
				}
				n, err := io.ReadFull(run, make([]byte, len(book.data)))
				if err != nil {
					t.Fatal(err)
				}
				run.End()
				run.Close()
				time.Sleep(time.Second)
				after := c.quic.ConnectionStats()
				if got, want := int(after.PacketsReceived-before.PacketsReceived), n/full+others; got > want {
					t.Errorf("%d bytes came in %d packets, want at most %d", n, got, want)
				}
			})
		})
	}
}

func TestOneSideKeepsAConnectionAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		defer w.net.Close()
		a, b := w.node(nil, nil), w.node(nil, nil)
		defer a.Close()
		defer b.Close()
		c := w.neighbour(b, a)
		time.Sleep(10 * time.Minute) // what is said at first is said
		const idle = 10 * time.Minute
		before := c.quic.ConnectionStats()
		time.Sleep(idle)
		after := c.quic.ConnectionStats()
		const each = uint64(idle / keepAlive)
		const most = each * 6 / 5 // some tell of places
		if sent := after.PacketsSent - before.PacketsSent; sent < each-1 || sent > most {
			t.Errorf("who dialled sent %d packets in %v, want %d", sent, idle, each)
		}
		if came := after.PacketsReceived - before.PacketsReceived; came > most {
			t.Errorf("%d packets came in %v, want an answer to each of %d", came, idle, each)
		}
	})
}
