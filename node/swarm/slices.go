package swarm

import (
	"context"
	"errors"

	"earshot/protocol"
)

// Sliced is a Stored that comes: what there is of a chunk can be passed on before it is
// whole.
type Sliced interface {
	Stored
	// Slices returns what verifies chunk i slice by slice (protocol.Slices), nil where
	// that is not known.
	Slices(i int) []byte
	// ReadSlices reads what there is of chunk i into buf, which holds
	// protocol.ChunkSize bytes: whole slices, perhaps none, and never less than before.
	ReadSlices(i int, buf []byte) (int, error)
}

// errCutShort is a chunk that was passed on in part, and of which no more came.
var errCutShort = errors.New("the rest of the chunk did not come")

// awaitChunk waits until the first chunk that is asked for is there, or, where it is the
// only one, some of it: then it returns what that is read from.
func (c *Conn) awaitChunk(ctx context.Context, m *protocol.Get, t Stored) (s Sliced, some bool) {
	buf := c.swarm.buffers.Get().(*sendBuffer)
	defer c.swarm.buffers.Put(buf)
	s, _ = t.(Sliced)
	c.swarm.await(ctx, awaited, func() bool {
		if t.Have().Has(m.First) || !c.swarm.fetches(m.ID) {
			return true
		}
		if s != nil && m.Count == 1 && s.Slices(m.First) != nil {
			n, err := s.ReadSlices(m.First, buf[:protocol.ChunkSize])
			some = n > 0 && err == nil
		}
		return some
	})
	return s, some
}

// serveSlices uploads a chunk as it comes.
func (c *Conn) serveSlices(ctx context.Context, m *protocol.Get, t Sliced, to *Answer) error {
	buf := c.swarm.buffers.Get().(*sendBuffer)
	defer c.swarm.buffers.Put(buf)
	data := &protocol.Data{Count: 1, Slices: t.Slices(m.First)}
	if m.Prove {
		data.Path, _ = t.Path(m.First, 1)
	}
	defer c.await()() // acknowledgements: who has gone is not waited for
	said := len(protocol.Append(buf[:0], data))
	size := protocol.ChunkLen(t.Header().Size, m.First)
	for sent := -said; sent < size; {
		n, err := c.awaitSlices(ctx, t, m, max(sent, 0), buf[said:][:protocol.ChunkSize])
		if err != nil {
			return err
		}
		if err := c.slot(ctx, m.Priority); err != nil {
			return err
		}
		err = to.sendSlices(ctx, buf[said+sent:said+n], sent)
		c.swarm.uploads.release()
		if err != nil {
			return err
		}
		sent = n
	}
	return nil
}

// awaitSlices reads a chunk when there is more of it than before.
func (c *Conn) awaitSlices(ctx context.Context, t Sliced, m *protocol.Get, before int, buf []byte) (n int, err error) {
	c.swarm.await(ctx, awaited, func() bool {
		n, err = t.ReadSlices(m.First, buf)
		return n > before || err != nil || !c.swarm.fetches(m.ID)
	})
	if err == nil && n <= before {
		err = errCutShort
	}
	return n, err
}
