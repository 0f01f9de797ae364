package swarm

import (
	"context"
	"time"

	"earshot/protocol"
)

// serveStart gives who begins a track its first chunk as it comes here, where this node
// begins it too. Who is far and has the track already refuses: the server gives the start
// sooner, and who is near is asked for what it holds (serveOpen).
func (c *Conn) serveStart(ctx context.Context, m *protocol.Open, to *Answer) error {
	t, err := c.swarm.acquireSoon(ctx, m.ID)
	if err != nil {
		return err
	}
	defer t.Release()
	header := t.Header()
	first, _ := header.Run(m.From, time.Millisecond)
	run := &protocol.Get{ID: m.ID, First: first, Count: 1, Priority: m.Priority, Wait: true}
	if !c.swarm.fetches(m.ID) {
		return &protocol.Refused{Code: protocol.CodeNotFound}
	}
	to.need(run)
	s, some := c.awaitChunk(ctx, run, t)
	path, proven := t.Path(first, 1)
	if !proven || !some && !t.Have().Has(first) {
		return &protocol.Refused{Code: protocol.CodeNotFound}
	}
	answer := &protocol.Opened{Header: header, HeadFirst: first, HeadCount: 1, Proven: 1, Path: path}
	if s != nil {
		_, answer.Slices = s.Slices(first)
	}
	if some {
		return c.serveSlices(ctx, run, s, answer, to)
	}
	if err := c.slot(ctx, m.Priority); err != nil {
		return err
	}
	defer c.swarm.uploads.release()
	if err := to.Send(answer); err != nil {
		return err
	}
	return to.SendChunks(ctx, t, first, 1)
}
