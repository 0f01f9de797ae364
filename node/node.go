package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go/qlogwriter"

	"earshot/cache"
	"earshot/node/control"
	"earshot/node/library"
	"earshot/node/stream"
	"earshot/node/swarm"
	"earshot/protocol"
)

// Config is what a listener's node is made of. Only Data is needed.
type Config struct {
	Data       string         // the data folder
	Listen     string         // HOST:PORT to be reached at; empty for any
	Packet     net.PacketConn // instead of Listen, for simulated networks
	Upload     UploadCap
	NoUpload   bool         // share nothing
	CacheLimit int64        // bytes; 0 leaves it as it is
	Offline    bool         // use the cache only: no socket, no membership
	Private    bool         // no control socket: for simulated networks
	Log        *slog.Logger // nil: none

	// Trace is told what QUIC does on each connection, for measurements; nil for nobody.
	Trace func() qlogwriter.Trace

	// Now is the clock on the wall, for what goes by the time of day; nil for
	// time.Now.
	Now func() time.Time
}

// Node is a listener's node. It implements control.Node.
type Node struct {
	config   Config
	log      *slog.Logger
	folder   *folder
	member   *member
	ready    chan struct{} // closed when the cache is open, or failed to
	cacheErr error
	cache    *cache.Cache
	swarm    *swarm.Swarm    // nil when offline
	streams  *stream.Streams // nil when offline
	announce *announcer      // nil when offline
	seen     *library.Memory // nil when offline
	meter    meter
	plays    plays
	counted  int64 // bytes uploaded that the ledger knows; of the meter's goroutine

	seenCached atomic.Bool         // what the cache held is among what was seen
	unsure     chan protocol.Query // that were answered without the server

	cancel context.CancelFunc
	wg     sync.WaitGroup
	stop   stopper
}

// stopper lets anyone ask a node to end.
type stopper struct {
	once sync.Once
	done chan struct{}
}

func (s *stopper) ask() { s.once.Do(func() { close(s.done) }) }

// Start owns the data folder and starts a node in it: connecting to the server
// and opening the cache begin together. It fails with *HeldError where another
// process owns the folder and control.ErrNotMember where it has not joined.
func Start(c Config) (*Node, error) {
	n := &Node{
		config: c, log: c.Log, ready: make(chan struct{}), unsure: make(chan protocol.Query, maxUnsure),
		stop: stopper{done: make(chan struct{})},
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if n.folder, err = own(c.Data); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	if err = n.start(ctx); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	var opening sync.WaitGroup
	opening.Go(func() {
		defer close(n.ready)
		n.cache, n.cacheErr = cache.Open(n.folder.join(cacheDir), cache.Options{Limit: n.config.CacheLimit, Log: n.log, OnLost: n.lost})
	})
	err := n.connect()
	opening.Wait()
	if err = errors.Join(err, n.cacheErr); err != nil {
		return err
	}
	if n.swarm != nil {
		remembered := n.member.neighbours.kept.Neighbours
		n.announce = newAnnouncer(n.cache, n.swarm)
		n.seen = library.OpenMemory(n.folder.path, n.log)
		n.streams = stream.New(stream.Config{
			Swarm: n.swarm, Cache: n.cache, Log: n.log,
			Holding: func(id protocol.ID, _ bool) { n.announce.note(id) },
		})
		n.wg.Go(func() { n.announce.run(ctx) })
		n.wg.Go(func() { n.meet(ctx, remembered) })
		n.wg.Go(func() { n.makeSure(ctx) })
		n.wg.Go(func() { n.member.keep(ctx, n.swarm, n.log) })
	}
	n.wg.Go(func() { n.measure(ctx) })
	if n.config.Private {
		return nil
	}
	return serveControl(ctx, &n.wg, n.folder, n, n.log)
}

// serveControl answers on the folder's control socket until ctx ends.
func serveControl(ctx context.Context, wg *sync.WaitGroup, f *folder, node control.Node, log *slog.Logger) error {
	l, err := control.Listen(f.path)
	if err != nil {
		return err
	}
	wg.Go(func() {
		if err := control.Serve(ctx, l, node, log); err != nil {
			log.Error("the control socket failed", "err", err)
		}
	})
	return nil
}

// connect opens the network.
func (n *Node) connect() error {
	if n.config.Offline {
		return nil
	}
	var err error
	if n.member, err = loadMember(n.folder); err != nil {
		return err
	}
	packet := n.config.Packet
	if packet == nil {
		if packet, err = listenUDP(n.config.Listen, n.member.neighbours.kept.Port); err != nil {
			return err
		}
	}
	n.swarm, err = swarm.New(swarm.Config{
		Packet:     packet,
		Self:       n.member.identity.NodeID(),
		AcceptTLS:  n.member.accept,
		DialTLS:    n.member.dial,
		Tokens:     n.member.tokens,
		Secret:     n.member.secret,
		Store:      shared{n},
		Catalogue:  local{n},
		ServerAddr: n.member.joined.Server,
		Coordinate: n.member.neighbours.kept.Coordinate,
		Agent:      agent,
		NoUpload:   n.config.NoUpload,
		UploadCap:  n.uploadCap,
		Trace:      n.config.Trace,
		Log:        n.log,
	})
	if err != nil {
		packet.Close()
	}
	return err
}

// uploadCap returns what bounds uploads now, in bytes a second; 0 for nothing.
func (n *Node) uploadCap() int64 {
	if n.config.Now != nil {
		return n.config.Upload.At(n.config.Now())
	}
	return n.config.Upload.At(time.Now())
}

// agent is what others see of the program.
const agent = "earshot/1"

// listenUDP opens the socket; an empty address is the port of before, or any, on all of
// this machine's. Where a node was, its neighbours of then look for it first.
func listenUDP(address string, before int) (*net.UDPConn, error) {
	if address == "" {
		if conn, err := net.ListenUDP("udp", &net.UDPAddr{Port: before}); err == nil {
			return conn, nil
		}
		address = ":0"
	}
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return conn, nil
}

// shared is what the node's cache shares with the swarm.
type shared struct{ n *Node }

// Acquire waits for the cache to be open: neighbours may ask before it is.
func (s shared) Acquire(id protocol.ID) (swarm.Stored, bool) {
	<-s.n.ready
	if s.n.cacheErr != nil {
		return nil, false
	}
	t, ok := s.n.cache.AcquireCached(id)
	if !ok {
		return nil, false
	}
	return t, true
}

// lost hears from the cache that a track, or some of it, is gone.
func (n *Node) lost(id protocol.ID) {
	if n.swarm == nil {
		return
	}
	n.swarm.Lost(id)
	n.announce.note(id)
}

// Addr returns the address that the node is reached at, nil when offline.
func (n *Node) Addr() net.Addr {
	if n.swarm == nil {
		return nil
	}
	return n.swarm.Addr()
}

// Wait returns when the node was asked to stop, or with ctx and its error.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-n.stop.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop asks the node to end; whoever runs it then closes it.
func (n *Node) Stop(context.Context) error {
	n.stop.ask()
	return nil
}

// Close ends the node: first those who use it, then what they use.
func (n *Node) Close() error {
	n.stop.ask()
	if n.streams != nil {
		n.streams.Close() // ends reads that the control socket waits for
	}
	n.cancel()
	n.wg.Wait()
	var errs []error
	if n.swarm != nil {
		errs = append(errs, n.member.neighbours.save(n.swarm, true), n.swarm.Close())
	}
	if n.seen != nil {
		errs = append(errs, n.seen.Close())
	}
	if n.cache != nil {
		n.countUploads()
		errs = append(errs, n.cache.Close())
	}
	if n.member != nil {
		errs = append(errs, n.member.save())
	}
	errs = append(errs, n.folder.release())
	return errors.Join(errs...)
}

// measure keeps the rates, and the figures that last, once a second.
func (n *Node) measure(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			n.plays.count(n.cache.Ledger())
			n.countUploads()
			if n.swarm != nil {
				n.meter.add(now, n.swarm.Traffic())
			}
		case <-ctx.Done():
			n.plays.count(n.cache.Ledger())
			return
		}
	}
}

func (n *Node) countUploads() {
	if n.swarm == nil {
		return
	}
	uploaded := n.swarm.Traffic().Uploaded
	n.cache.Ledger().Uploaded(uploaded - n.counted)
	n.counted = uploaded
}

var _ control.Node = (*Node)(nil)
