package swarm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"earshot/protocol"
)

// Store is what this node can share.
type Store interface {
	// Acquire opens a track for sharing, false if nothing of it is held. It is
	// not evicted until released.
	Acquire(id protocol.ID) (Stored, bool)
}

// Stored is a track that is held, in whole or in part.
type Stored interface {
	Header() protocol.Header
	Have() protocol.Bitmap
	// ReadChunk reads chunk i into buf, which holds protocol.ChunkSize bytes.
	ReadChunk(i int, buf []byte) (int, error)
	Proof() ([]byte, bool)
	// Path returns those nodes of the proof tree that verify some chunks
	// (protocol.Path), which are known sooner.
	Path(first, count int) ([]byte, bool)
	Release()
}

// Server is what only the server does.
type Server interface {
	// Answer answers a request other than Get and GetProof.
	Answer(ctx context.Context, from *Conn, m protocol.Message, to *Answer)
	// Join answers a node that has no certificate yet.
	Join(ctx context.Context, m *protocol.Join) (*protocol.Certificate, error)
	// Announced, Withdrawn and Left say what members hold and who went. They
	// do not block.
	Announced(from *Conn, tracks []protocol.Announced)
	Withdrawn(from *Conn, ids []protocol.ID)
	Left(c *Conn)
}

const (
	// requestTimeout is how long a request may take to arrive: it fits one packet.
	requestTimeout = 5 * time.Second
	// sendTimeout ends an upload to a neighbour that stopped reading.
	sendTimeout = 30 * time.Second
)

// acceptRequests serves what the other side asks, until the connection ends.
func (c *Conn) acceptRequests(ctx context.Context, wg *sync.WaitGroup) {
	for {
		s, err := c.quic.AcceptStream(ctx)
		if errors.Is(err, quic.Err0RTTRejected) && c.afterRejection(ctx) == nil {
			continue
		}
		if err != nil {
			return
		}
		to := &Answer{conn: c, stream: s}
		if p := c.swarm.pacer; p != nil {
			to.order = p.turns.next.Add(1)
		}
		wg.Go(func() { c.serve(s, to) })
	}
}

func (c *Conn) serve(s *quic.Stream, to *Answer) {
	s.SetReadDeadline(time.Now().Add(requestTimeout))
	r := protocol.NewReader(s)
	m, err := r.Next()
	if err != nil {
		if errors.Is(err, protocol.ErrMalformed) || errors.Is(err, protocol.ErrTooLarge) {
			c.violation(err)
		}
		s.CancelWrite(quic.StreamErrorCode(protocol.CodeViolation))
		s.CancelRead(quic.StreamErrorCode(protocol.CodeViolation))
		return
	}
	letGo(s, r, protocol.CodeNone) // a request is one message
	ctx := s.Context()
	switch m := m.(type) {
	case *protocol.Get:
		err = c.serveGet(ctx, m, to)
	case *protocol.GetProof:
		err = c.serveProof(ctx, m, to)
	case *protocol.Open, *protocol.Search, *protocol.FindPeers, *protocol.Renew:
		if c.swarm.config.Server != nil {
			c.swarm.config.Server.Answer(ctx, c, m, to)
		} else {
			err = c.serveAsListener(ctx, m, to)
		}
	default:
		c.violation(fmt.Errorf("%w: %v is no request", protocol.ErrMalformed, m.Type()))
	}
	to.End(err)
}

// serveAsListener answers what is mostly asked of the server.
func (c *Conn) serveAsListener(ctx context.Context, m protocol.Message, to *Answer) error {
	switch m := m.(type) {
	case *protocol.Open:
		return c.serveOpen(ctx, m, to)
	case *protocol.Search:
		return c.serveSearch(ctx, m, to)
	case *protocol.FindPeers:
		return c.serveFindPeers(ctx, m, to)
	}
	return &protocol.Refused{Code: protocol.CodeWrongRole}
}

// serveGet uploads a run: whole chunks, as many of those asked for as follow
// one another here.
func (c *Conn) serveGet(ctx context.Context, m *protocol.Get, to *Answer) error {
	t, err := c.swarm.acquire(m.ID)
	if err != nil && m.Wait {
		t, err = c.swarm.acquireSoon(ctx, m.ID)
	}
	if err != nil {
		return err
	}
	defer t.Release()
	to.need(m)
	if m.Wait {
		if s, some := c.awaitChunk(ctx, m, t); some {
			return c.serveSlices(ctx, m, s, dataOf(m, s, 1), to)
		}
	}
	have, count := t.Have(), 0
	for count < m.Count && have.Has(m.First+count) {
		count++
	}
	if count == 0 {
		return &protocol.Refused{Code: protocol.CodeNotFound}
	}
	if c.swarm.uplink != nil {
		now, taker := time.Now(), c.node
		if c.swarm.echoes.elsewhere(now, c.node, m.ID, m.First, m.Within) {
			return &protocol.Refused{Code: protocol.CodeElsewhere}
		}
		if !c.Sharing() {
			taker = protocol.NodeID{}
		}
		to.due = to.due.Add(c.swarm.echoes.wait(now, taker, m.ID, m.First))
	} else if err := c.slot(ctx, m.Priority); err != nil { // a server waits for its turn again and again
		return err
	} else {
		defer c.swarm.uploads.release()
	}
	defer c.await()() // acknowledgements: a slot is not for who has gone
	return to.SendRun(ctx, t, m.First, dataOf(m, t, count))
}

// dataOf is the message before count chunks of a run.
func dataOf(m *protocol.Get, t Stored, count int) *protocol.Data {
	data := &protocol.Data{Count: count}
	if m.Prove {
		data.Path, _ = t.Path(m.First, count)
	}
	if s, ok := t.(Sliced); ok && m.Wait {
		_, data.Slices = s.Slices(m.First)
	}
	return data
}

// slot waits for an upload slot; the caller releases it.
func (c *Conn) slot(ctx context.Context, p protocol.Priority) error {
	if !c.onLAN() {
		if err := c.swarm.back.wait(ctx, p); err != nil {
			return err
		}
	}
	return c.swarm.uploads.acquire(ctx, p)
}

func (c *Conn) serveProof(ctx context.Context, m *protocol.GetProof, to *Answer) error {
	t, err := c.swarm.acquire(m.ID)
	if err != nil {
		return err
	}
	defer t.Release()
	var tree []byte
	found := false
	c.swarm.await(ctx, awaited, func() bool {
		tree, found = t.Proof()
		return found || !c.swarm.fetches(m.ID)
	})
	if !found {
		return &protocol.Refused{Code: protocol.CodeNotFound}
	}
	to.stream.SetPriority(urgencyProof, false)
	to.sent = true
	size := t.Header().Size
	b := append(protocol.Append(nil, &protocol.Proof{ID: m.ID, Size: size}), protocol.Leaves(tree, size)...)
	return c.writeAll(ctx, to.stream, b, need{due: time.Now().Add(proofPatience)})
}

// proofPatience is when a proof tree that was asked for is needed: before it is
// there nothing can be taken from peers.
const proofPatience = 300 * time.Millisecond

const (
	// awaited is how long who asks for what is on its way here is kept waiting: it is
	// one round trip for all who begin together, and not one for each in a row.
	awaited = 2 * time.Second
	// opening is the same where nothing is known of the track: who begins at the same
	// moment, and asks at once, may be here before what the server answers to this node.
	opening = 300 * time.Millisecond
	// maxAwaited bounds who waits so.
	maxAwaited = 64
)

// await waits until what it looks for is there, and looks again whenever something of a
// track comes.
func (s *Swarm) await(ctx context.Context, patience time.Duration, look func() bool) {
	if s.waiting.Add(1) > maxAwaited {
		patience = 0
	}
	defer s.waiting.Add(-1)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		s.mu.Lock()
		news := s.news
		s.mu.Unlock()
		if look() {
			return
		}
		select {
		case <-news:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// acquireSoon opens a track to share it that may be about to be fetched here.
func (s *Swarm) acquireSoon(ctx context.Context, id protocol.ID) (t Stored, err error) {
	s.await(ctx, opening, func() bool {
		t, err = s.acquire(id)
		return err == nil || s.config.NoUpload
	})
	return t, err
}

// fetches reports whether a track is being fetched here.
func (s *Swarm) fetches(id protocol.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watches[id] != nil
}

// Arrived says that something has come that others may wait for: a proof tree, a slice of
// a chunk.
func (s *Swarm) Arrived() { s.wake() }

// wake lets those look again who wait for what has come.
func (s *Swarm) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.news)
	s.news = make(chan struct{})
}

// peerHead is the longest head of a listener: the start, until its have map is
// known and runs are asked for. Several near ones are asked for it at once.
const peerHead = 2 * time.Second

// serveOpen gives the header, so that what a swarm holds plays on without the
// server, and, where there is a slot, proof tree and head: who asks is near.
func (c *Conn) serveOpen(ctx context.Context, m *protocol.Open, to *Answer) error {
	if m.Wait {
		return c.serveStart(ctx, m, to)
	}
	t, err := c.swarm.acquire(m.ID)
	if err != nil {
		return err
	}
	defer t.Release()
	answer := &protocol.Opened{Header: t.Header()}
	tree, proven := t.Proof()
	if first, count := heldRun(t, m.From, min(m.Head, peerHead)); proven && count > 0 && c.swarm.uploads.try() {
		defer c.swarm.uploads.release()
		answer.HeadFirst, answer.HeadCount = first, count
	}
	if m.Priority == protocol.PriorityUrgent {
		to.SetFirst()
	} else {
		to.SetPriority(m.Priority)
	}
	if err := to.Send(answer); err != nil || answer.HeadCount == 0 {
		return err
	}
	if err := to.SendProof(ctx, &answer.Header, tree, 0); err != nil {
		return err
	}
	to.SetPriority(m.Priority)
	return to.SendChunks(ctx, t, answer.HeadFirst, answer.HeadCount)
}

// heldRun is the part of a head that is held, from its first chunk on.
func heldRun(t Stored, from, length time.Duration) (first, count int) {
	h, have := t.Header(), t.Have()
	first, count = h.Run(from, length)
	for i := range count {
		if !have.Has(first + i) {
			return first, i
		}
	}
	return first, count
}

// acquire opens a track to share it, or says why not.
func (s *Swarm) acquire(id protocol.ID) (Stored, error) {
	if s.config.NoUpload {
		return nil, &protocol.Refused{Code: protocol.CodeNotSharing}
	}
	s.mu.Lock()
	w := s.watches[id]
	s.mu.Unlock()
	if w != nil {
		if t, ok := w.Share(); ok {
			return t, nil
		}
	}
	t, ok := s.config.Store.Acquire(id)
	if !ok {
		return nil, &protocol.Refused{Code: protocol.CodeNotFound}
	}
	return t, nil
}
