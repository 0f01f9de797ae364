package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"earshot/cache"
	"earshot/node/swarm"
	"earshot/protocol"
)

// A header that a peer gave is a member's word. That the track is as long as it says
// shows with the first chunk that verifies; nobody is told the header before, and a
// server's answer that comes first and says otherwise is believed instead. The rest
// shows when the server is asked later.

const (
	// headerPatience is how long a peer's header waits for the first chunk that
	// verifies, or for the server's word: then nothing better is to be had.
	headerPatience = serverPatience
	// checkAfter is when the server is asked for its header: when the start is over.
	checkAfter = 2 * time.Second
)

// joinLate takes the answers that come behind the first of the race.
func (f *fetch) joinLate(ctx context.Context, first *opened) {
	timer := time.NewTimer(headerPatience)
	defer timer.Stop()
	for {
		select {
		case a := <-f.s.late:
			switch {
			case a.server && a.o != nil:
				f.joinServer(ctx, first, a.o)
			case a.from != nil:
				f.tell(ctx, func(f *fetch, now time.Duration) { f.joinBeginner(ctx, now, a) })
			}
		case <-timer.C:
			f.s.setReady()
		case <-ctx.Done():
			return
		}
	}
}

// joinServer takes the server's answer where a neighbour's was first.
func (f *fetch) joinServer(ctx context.Context, first, o *opened) {
	f.tell(ctx, func(f *fetch, now time.Duration) {
		if first != nil && f.s.disproves(&o.Header) {
			first.conn.Lied()
			f.truth = o
			return
		}
		select {
		case f.s.told <- o.Header:
		default:
		}
		f.s.setReady()
		f.schedule.Told(now, o.Listeners, o.PartFirst, o.PartCount)
		f.begin(ctx, o)
		f.wg.Go(func() { o.Connect(ctx) })
		f.wg.Go(func() { f.takeProof(ctx, ctx, o) })
		if o.Starter {
			f.wg.Go(func() { f.awaitStarter(ctx, o) })
		}
	})
}

// joinBeginner takes the answer of a neighbour that was asked for what comes to it.
func (f *fetch) joinBeginner(ctx context.Context, now time.Duration, a answer) {
	delete(f.coming, a.from.Node())
	switch {
	case a.o == nil:
	case a.o.Header.Size != f.s.pieces.header.Size: // one of the two lies; it shows
		a.o.close()
	default:
		f.begin(ctx, a.o)
	}
	if f.starter.conn == a.from {
		f.promised(now, f.starter)
	}
}

// disproves reports whether a track is not what the stream took it for, and it begins again
// with this header: of one that sounds already only the length matters so much.
func (s *Stream) disproves(h *protocol.Header) bool {
	if h.Size != s.pieces.header.Size {
		return true
	}
	select {
	case <-s.ready:
		return false
	default:
		return !sameBytes(h, &s.pieces.header)
	}
}

// errLie: the stream was read by a header that is not the track's. Its next Open finds
// the track.
var errLie = errors.New("what a peer said of the track is not true")

// believe starts again with the server's header, of a track of another length. Where
// the stream is read by the other header already it cannot: it ends.
func (s *Stream) believe(h protocol.Header) error {
	select {
	case <-s.ready: // for want of anything better, at the moment when the server answered
		s.all.config.Cache.Remove(s.id)
		return errLie
	default:
	}
	s.pieces.track.Release()
	s.all.config.Cache.Remove(s.id) // if it holds anything of the other
	t, err := s.all.config.Cache.Acquire(h)
	if err != nil {
		s.pieces.track, _ = s.all.config.Cache.AcquireCached(s.id)
		return fmt.Errorf("making room for the track: %w", err)
	}
	s.pieces = newPieces(h, t)
	s.setReady()
	return nil
}

// checkHeader compares a peer's header with the server's. Where they differ in what
// the track's bytes are, the peer lied: it is not asked again, and what was stored
// under its header goes, so that nobody else is told. One that was found out by the
// size is settled already.
func (s *Stream) checkHeader(ctx context.Context, from *swarm.Conn, told *protocol.Header) {
	if h, ok := s.serversHeader(ctx); ok && !sameBytes(&h, told) && from.Trusted() {
		from.Lied()
		s.all.config.Cache.Remove(s.id) // the music goes on from memory
	}
}

// learnLoudness asks the server, when the start is over, for the loudness of a track that was
// cached before it was measured. It is heard from the next play on: music that plays
// gets no louder.
func (s *Stream) learnLoudness(ctx context.Context, t *cache.Track) {
	told, ok := s.serversHeader(ctx)
	if h := t.Header(); ok && told.Loudness.Known() && sameBytes(&told, &h) {
		if err := t.SetLoudness(told.Loudness); err != nil {
			s.all.config.Log.Debug("keeping a track's loudness", "track", s.id.Short(), "err", err)
		}
	}
}

// serversHeader returns the track's header as the server has it, when the start is over:
// it is asked, unless it has told.
func (s *Stream) serversHeader(ctx context.Context) (h protocol.Header, ok bool) {
	select {
	case <-time.After(checkAfter):
	case <-ctx.Done():
		return h, false
	}
	select {
	case h = <-s.told:
		return h, true
	default:
	}
	o, err := s.openAtServer(ctx, 0)
	if err != nil {
		return h, false
	}
	defer o.close()
	return o.Header, true
}

// sameBytes reports whether two headers are of the same bytes. Texts and loudness
// may differ: they are taken from tags and measured, by one version and the next.
func sameBytes(a, b *protocol.Header) bool {
	return a.Size == b.Size && a.Format == b.Format && a.SampleRate == b.SampleRate && a.Channels == b.Channels &&
		a.Samples == b.Samples && slices.Equal(a.Seek, b.Seek)
}
