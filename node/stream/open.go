package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"earshot/node/swarm"
	"earshot/protocol"
)

const (
	// askHead is how long a head to ask for; the server sends less where peers
	// can help (package origin).
	askHead = 15 * time.Second
	// serverPatience is how long the server may take to answer *open* before
	// neighbours are asked for the header: three of the losses that one in
	// ten thousand opens meets, and less than it takes to give up a song.
	serverPatience = 3 * time.Second
)

// opened is the server's answer, under way.
type opened struct {
	*swarm.Opening
	conn   *swarm.Conn
	cancel context.CancelFunc
	coming bool // of one who begins too: its first chunk, as that comes there
}

// open finds the track's header, in the cache or wherever it is, and gets the
// track ready to be stored. Where the server was asked, its head is on its way.
func (s *Stream) open(ctx context.Context) (*opened, error) {
	if t, ok := s.all.config.Cache.AcquireCached(s.id); ok {
		s.pieces = newPieces(t.Header(), t)
		return nil, nil
	}
	first, err := s.ask(ctx)
	var header protocol.Header
	switch {
	case err == nil:
		header = first.Header
	case errors.Is(err, &protocol.Refused{Code: protocol.CodeNotFound}):
		return nil, ErrUnknownTrack
	default:
		h, ok := s.openAtPeers(ctx)
		if !ok {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		header = h
	}
	t, err := s.all.config.Cache.Acquire(header)
	if err != nil {
		if first != nil {
			first.close()
		}
		return nil, fmt.Errorf("making room for the track: %w", err)
	}
	s.pieces = newPieces(header, t)
	return first, nil
}

// ask asks for the start of the track: of all who may be near, or, where nobody
// is in a hurry, of the server, without a head.
func (s *Stream) ask(ctx context.Context) (*opened, error) {
	s.mu.Lock()
	hurry := s.wishes[wishFetch] == 0 || s.wishes[wishPlay]+s.wishes[wishHead]+s.wishes[wishPeers] > 0
	s.mu.Unlock()
	if hurry {
		return s.race(ctx)
	}
	return s.openAtServer(ctx, 0)
}

// openAtServer asks the server for all that is needed to begin.
func (s *Stream) openAtServer(ctx context.Context, head time.Duration) (*opened, error) {
	ctx, cancel := context.WithCancel(ctx)
	patience := time.AfterFunc(serverPatience, cancel)
	defer patience.Stop()
	conn, err := s.all.config.Swarm.Server(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return s.openAt(ctx, cancel, conn, head, false)
}

// openAt asks one node. cancel ends ctx, and with it what is under way.
func (s *Stream) openAt(ctx context.Context, cancel context.CancelFunc, conn *swarm.Conn, head time.Duration, coming bool) (*opened, error) {
	s.mu.Lock()
	from := s.from
	s.mu.Unlock()
	m := &protocol.Open{ID: s.id, From: from, Head: head, Wait: coming}
	if conn.Server() {
		m.Knows = s.all.config.Swarm.Knows()
	}
	o, err := conn.Open(ctx, m)
	if err != nil {
		cancel()
		return nil, err
	}
	return &opened{o, conn, cancel, coming}, nil
}

func (o *opened) close() {
	o.Head.Close()
	o.cancel()
}

// openAtPeers asks all neighbours for the header; the first good answer counts.
func (s *Stream) openAtPeers(ctx context.Context) (h protocol.Header, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	conns := s.all.config.Swarm.Neighbours()
	answers := make(chan *protocol.Header, len(conns))
	asked := 0
	for _, c := range conns {
		if c.Server() || !c.Trusted() {
			continue
		}
		asked++
		s.all.wg.Go(func() {
			o, err := c.Open(ctx, &protocol.Open{ID: s.id})
			if err != nil {
				answers <- nil
				return
			}
			o.Head.Close()
			answers <- &o.Header
		})
	}
	for range asked {
		if h := <-answers; h != nil {
			return *h, true
		}
	}
	return h, false
}
