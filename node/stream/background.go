package stream

import (
	"context"
	"time"

	"earshot/protocol"
)

// fetchPatience is how long a track that is fetched in no hurry waits for someone
// to hold what is missing: for a server that restarts, or a line that comes back.
const fetchPatience = 15 * time.Second

// Fetch fetches all of a track at the lowest priority, from peers and, at a
// trickle, from the server, and returns when it is stored. It tells the bytes that
// are, from one goroutine. It fails with ErrUnknownTrack, ErrFull, with
// ErrUnavailable where nothing that can be reached holds what is missing, and
// with ctx; what has come stays in the cache.
func (ss *Streams) Fetch(ctx context.Context, id protocol.ID, progress func(have, size int64)) error {
	s, err := ss.get(id, 0, wishFetch)
	if err != nil {
		return err
	}
	defer s.leave(wishFetch)
	select {
	case <-s.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.err != nil {
		return s.err
	}
	for told := int64(-1); ; {
		changed := s.pieces.change()
		have, size := s.pieces.stored(), s.pieces.header.Size
		if have != told {
			told = have
			progress(have, size)
		}
		switch {
		case have == size:
			return nil
		case s.pieces.homeless():
			return ErrFull
		}
		if err := s.await(ctx, changed); err != nil {
			return err
		}
	}
}

// await waits for a change, and for someone to hold what is missing.
func (s *Stream) await(ctx context.Context, changed <-chan struct{}) error {
	none := s.unavailable(s.own)
	var patience <-chan time.Time // once nothing holds it
	for {
		select {
		case <-changed:
			return nil
		case <-none:
			none = nil
			timer := time.NewTimer(fetchPatience)
			defer timer.Stop()
			patience = timer.C
		case <-patience:
			select {
			case <-s.unavailable(s.own):
				return ErrUnavailable
			default: // someone came, and may go again
				return nil
			}
		case <-s.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stored returns the bytes that are stored.
func (p *pieces) stored() int64 {
	have, n := p.track.Have(), protocol.Chunks(p.header.Size)
	bytes := int64(have.Count()) * protocol.ChunkSize
	if n > 0 && have.Has(n-1) {
		bytes -= protocol.ChunkSize - int64(protocol.ChunkLen(p.header.Size, n-1))
	}
	return bytes
}
