package swarm

import (
	"context"
	"errors"
	"fmt"

	"earshot/protocol"
)

// Sliced is a Stored that comes: what there is of a chunk can be passed on before it is
// whole.
type Sliced interface {
	Stored
	// Slices returns how many bytes of chunk i are there, in whole slices and never fewer
	// than before, and what verifies them (protocol.Slices): nil where that is not known.
	Slices(i int) (n int, values []byte)
	// ReadSlices reads those bytes into buf, which holds protocol.ChunkSize.
	ReadSlices(i int, buf []byte) (int, error)
}

// errCutShort is a chunk that was passed on in part, and of which no more came.
var errCutShort = errors.New("the rest of the chunk did not come")

// awaitChunk waits until the first chunk that is asked for is there, or, where it is the
// only one, some of it: then it returns what that is read from.
func (c *Conn) awaitChunk(ctx context.Context, m *protocol.Get, t Stored) (s Sliced, some bool) {
	s, _ = t.(Sliced)
	c.swarm.await(ctx, awaited, func() bool {
		if t.Have().Has(m.First) || !c.swarm.fetches(m.ID) {
			return true
		}
		if s != nil && m.Count == 1 {
			n, values := s.Slices(m.First)
			some = n > 0 && values != nil
		}
		return some
	})
	return s, some
}

// serveSlices uploads a chunk as it comes, behind a message.
func (c *Conn) serveSlices(ctx context.Context, m *protocol.Get, t Sliced, answer protocol.Message, to *Answer) error {
	said := protocol.Append(nil, answer)
	if len(said) > protocol.MaxData { // there is no room for more beside a chunk
		if err := to.Send(answer); err != nil {
			return err
		}
		said = nil
	}
	size := protocol.ChunkLen(t.Header().Size, m.First)
	for sent := 0; sent < size; said = nil {
		if !c.awaitSlices(ctx, t, m, sent) {
			return errCutShort
		}
		if err := c.slot(ctx, m.Priority); err != nil {
			return err
		}
		n, err := to.sendSlices(ctx, t, said, m.First, sent)
		c.swarm.uploads.release()
		if err != nil {
			return err
		}
		sent = n
	}
	return nil
}

// awaitSlices waits until there is more of a chunk than before; false if no more comes.
func (c *Conn) awaitSlices(ctx context.Context, t Sliced, m *protocol.Get, before int) bool {
	more := func() bool {
		n, _ := t.Slices(m.First)
		return n > before
	}
	c.swarm.await(ctx, awaited, func() bool { return more() || !c.swarm.fetches(m.ID) })
	return more()
}

// sendSlices sends what there is of a chunk behind an offset in it, and before that, at
// the answer's beginning, the message. It returns how much of the chunk has been sent.
func (a *Answer) sendSlices(ctx context.Context, t Sliced, message []byte, i, from int) (n int, err error) {
	buf := a.conn.swarm.buffers.Get().(*sendBuffer)
	defer a.conn.swarm.buffers.Put(buf)
	chunk := buf[len(message):][:protocol.ChunkSize]
	if n, err = t.ReadSlices(i, chunk); err != nil {
		return 0, fmt.Errorf("reading chunk %d: %w", i, err)
	}
	out := chunk[from:max(n, from)]
	if len(message) > 0 { // from is 0
		copy(buf[:], message)
		out = buf[:len(message)+n]
	}
	defer a.conn.await()() // acknowledgements: a slot is not for who has gone
	a.sent = true
	if p := a.conn.swarm.pacer; p != nil && from > 0 {
		a.order = p.turns.next.Add(1) // behind those who have nothing yet
	}
	k, err := a.send(ctx, out, int64(from-len(message)), a.asAsked, true)
	a.conn.gave(k - len(message))
	return n, err
}
