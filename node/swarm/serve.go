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
		wg.Go(func() { c.serve(s) })
	}
}

func (c *Conn) serve(s *quic.Stream) {
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
	to := &Answer{conn: c, stream: s}
	ctx := s.Context()
	switch m := m.(type) {
	case *protocol.Get:
		err = c.serveGet(ctx, m, to)
	case *protocol.GetProof:
		err = c.serveProof(m, to)
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
	if err != nil {
		return err
	}
	defer t.Release()
	have, count := t.Have(), 0
	for count < m.Count && have.Has(m.First+count) {
		count++
	}
	if count == 0 {
		return &protocol.Refused{Code: protocol.CodeNotFound}
	}
	if c.swarm.config.Server == nil { // a server waits for its turn at each write
		if !c.onLAN() {
			if err := c.swarm.back.wait(ctx, m.Priority); err != nil {
				return err
			}
		}
		if err := c.swarm.uploads.acquire(ctx, m.Priority); err != nil {
			return err
		}
		defer c.swarm.uploads.release()
	}
	to.SetPriority(m.Priority)
	if err := to.Send(&protocol.Data{Count: count}); err != nil {
		return err
	}
	defer c.await()() // acknowledgements: a slot is not for who has gone
	return to.SendChunks(ctx, t, m.First, count)
}

func (c *Conn) serveProof(m *protocol.GetProof, to *Answer) error {
	t, err := c.swarm.acquire(m.ID)
	if err != nil {
		return err
	}
	defer t.Release()
	tree, ok := t.Proof()
	if !ok {
		return &protocol.Refused{Code: protocol.CodeNotFound}
	}
	to.stream.SetPriority(urgencyProof, false)
	if err := to.Send(&protocol.Proof{ID: m.ID, Size: len(tree)}); err != nil {
		return err
	}
	_, err = to.Write(tree)
	return err
}

// peerHead is the longest head of a listener: the start, until its have map is
// known and runs are asked for. Several near ones are asked for it at once.
const peerHead = 2 * time.Second

// serveOpen gives the header, so that what a swarm holds plays on without the
// server, and, where there is a slot, proof tree and head: who asks is near.
func (c *Conn) serveOpen(ctx context.Context, m *protocol.Open, to *Answer) error {
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
	if err := to.SendProof(ctx, m.ID, tree); err != nil {
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
	t, ok := s.config.Store.Acquire(id)
	if !ok {
		return nil, &protocol.Refused{Code: protocol.CodeNotFound}
	}
	return t, nil
}

// Answer is the way back of one request.
type Answer struct {
	conn     *Conn
	stream   *quic.Stream
	priority protocol.Priority
	first    bool // someone waits for the first byte of it
	sent     bool
	ended    bool
}

// SetPriority says how soon the answer is needed.
func (a *Answer) SetPriority(p protocol.Priority) {
	a.priority, a.first = p, false
	a.stream.SetPriority(urgency(p), false)
}

// SetFirst sends the answer before all runs: the header and the first second of
// a track that someone waits for.
func (a *Answer) SetFirst() {
	a.priority, a.first = protocol.PriorityUrgent, true
	a.stream.SetPriority(0, false)
}

// Send sends a message.
func (a *Answer) Send(m protocol.Message) error {
	a.sent = true
	a.stream.SetWriteDeadline(time.Now().Add(sendTimeout))
	return protocol.Write(a.stream, m)
}

// Write sends raw bytes behind a message.
func (a *Answer) Write(p []byte) (int, error) {
	a.stream.SetWriteDeadline(time.Now().Add(sendTimeout))
	return a.stream.Write(p)
}

// SendChunks sends count chunks from first on, a listener's no faster than its
// line bears.
func (a *Answer) SendChunks(ctx context.Context, t Stored, first, count int) error {
	s := a.conn.swarm
	buf := s.buffers.Get().(*sendBuffer)
	defer s.buffers.Put(buf)
	for i, end := first, first+count; i < end; {
		n, atOnce := 0, sendChunks
		if s.config.Server == nil && s.pacer.rate(a.conn) > 0 {
			atOnce = 1 // so that what is counted as sent is
		}
		for last := min(i+atOnce, end); i < last; i++ {
			k, err := t.ReadChunk(i, buf[n:n+protocol.ChunkSize])
			if err != nil {
				return fmt.Errorf("reading chunk %d: %w", i, err)
			}
			n += k
		}
		if err := a.send(ctx, buf[:n]); err != nil {
			return err
		}
		a.conn.uploaded.Add(int64(n))
		a.conn.lastUse.Store(int64(time.Since(a.conn.since)))
	}
	return nil
}

// firstBytes is what a server sends of a head at once, before anybody's turn: the
// frames that sound begins with, at any bitrate, and 100 ms of most.
const firstBytes = 4 << 10

// send writes raw bytes; a server's in turns, the most urgent of all its
// connections first. QUIC's own priorities order one connection's streams only.
func (a *Answer) send(ctx context.Context, b []byte) error {
	if a.conn.swarm.config.Server == nil {
		return a.conn.swarm.pacer.write(ctx, a, b)
	}
	if a.first {
		a.first = false
		n := min(firstBytes, len(b))
		if _, err := a.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	done, err := a.conn.swarm.uploads.turn(ctx, a.priority)
	if err != nil {
		return err
	}
	defer done()
	_, err = a.Write(b)
	return err
}

// sendChunks is how many chunks are written to a stream at once. Each write
// ends in a packet that is not full: 64 KiB make that one in 46.
const sendChunks = 4

type sendBuffer [sendChunks * protocol.ChunkSize]byte

// SendProof sends a proof tree unasked, on a stream of its own.
func (a *Answer) SendProof(ctx context.Context, id protocol.ID, tree []byte) error {
	s, err := a.conn.quic.OpenUniStreamSync(ctx)
	if err != nil {
		return err
	}
	if a.priority == protocol.PriorityBackground {
		s.SetPriority(urgency(a.priority), false)
	} else {
		s.SetPriority(urgencyProof, false)
	}
	s.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err = protocol.Write(s, &protocol.Proof{ID: id, Size: len(tree)}); err == nil {
		_, err = s.Write(tree)
	}
	if err != nil {
		s.CancelWrite(quic.StreamErrorCode(protocol.CodeInternal))
		return err
	}
	return s.Close()
}

// End ends the answer: in order after nil, with Refuse where nothing was sent
// yet, else by resetting the stream. Only the first call counts.
func (a *Answer) End(err error) {
	if a.ended {
		return
	}
	a.ended = true
	if err == nil {
		a.stream.Close()
		return
	}
	code := protocol.CodeInternal
	var refused *protocol.Refused
	if errors.As(err, &refused) {
		code = refused.Code
	} else {
		a.conn.swarm.log.Debug("an answer failed", "node", a.conn.node.Short(), "err", err)
	}
	if !a.sent && a.Send(&protocol.Refuse{Code: code}) == nil {
		a.stream.Close()
		return
	}
	a.stream.CancelWrite(quic.StreamErrorCode(code))
}
