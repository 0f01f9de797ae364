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

// joinLate takes the server's answer where a neighbour's was first.
func (f *fetch) joinLate(ctx context.Context, first *opened) {
	timer := time.NewTimer(headerPatience)
	defer timer.Stop()
	for {
		select {
		case o := <-f.s.late:
			f.tell(ctx, func(f *fetch, _ time.Duration) {
				if first != nil && o.Header.Size != f.s.pieces.header.Size {
					first.conn.Lied()
					f.truth = o
					return
				}
				f.s.setReady()
				f.begin(ctx, o)
			})
			o.Connect(ctx)
		case <-timer.C:
			f.s.setReady()
		case <-ctx.Done():
			return
		}
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

// serversHeader asks the server for the track's header, when the start is over.
func (s *Stream) serversHeader(ctx context.Context) (h protocol.Header, ok bool) {
	select {
	case <-time.After(checkAfter):
	case <-ctx.Done():
		return h, false
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
