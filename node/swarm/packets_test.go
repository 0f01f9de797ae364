package swarm

import (
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"

	"earshot/protocol"
)

func TestARunComesInFullPacketsAndItsEndInTheLast(t *testing.T) {
	const (
		chunks = 24
		full   = 1280 - 30 // bytes of a packet without its headers and tag
		others = 2         // the message before the run, and what is left of it
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
				var seen withData
				b := w.node(nil, func(c *Config) { c.Trace = func() qlogwriter.Trace { return &seen } })
				defer b.Close()
				c := w.neighbour(b, a)
				time.Sleep(2 * time.Second)
				before := seen.packets.Load()
				run, err := c.Get(t.Context(), &protocol.Get{ID: book.id(), Count: chunks, Priority: protocol.PriorityPlaying}, nil)
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
				if got, want := int(seen.packets.Load()-before), n/full+others; got > want {
					t.Errorf("%d bytes came in %d packets, want at most %d", n, got, want)
				}
			})
		})
	}
}

// withData counts the packets with data of streams that were asked on: acknowledgements
// of its own come as the packets do, and one more where two pass each other.
type withData struct{ packets atomic.Int64 }

func (w *withData) AddProducer() qlogwriter.Recorder { return w }
func (w *withData) SupportsSchemas(string) bool      { return true }
func (w *withData) Close() error                     { return nil }

func (w *withData) RecordEvent(event qlogwriter.Event) {
	e, ok := event.(qlog.PacketReceived)
	if ok && slices.ContainsFunc(e.Frames, func(f qlog.Frame) bool {
		data, ok := f.Frame.(*qlog.StreamFrame)
		return ok && data.StreamID%4 == 0
	}) {
		w.packets.Add(1)
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
