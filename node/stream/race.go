package stream

import (
	"cmp"
	"context"
	"slices"
	"time"

	"earshot/node/swarm"
)

const (
	// nearRTT is a round trip within which a neighbour is asked for the start
	// together with the server: on the same LAN, or at the same provider. From
	// there a start is sooner than from most servers, and what the losers send
	// for nothing burdens no thin line.
	nearRTT = 10 * time.Millisecond
	// maxRacers is how many are asked: some do not hold the track, or are busy.
	maxRacers = 4
)

// race asks the server and the near neighbours at the same moment; who answers
// first is first. Where that is a neighbour the server's answer, if it comes
// before the neighbour's first chunk is verified, goes to s.late; afterwards it
// is called off: the server has sent a flight or nothing.
func (s *Stream) race(ctx context.Context) (*opened, error) {
	near := s.near()
	if len(near) == 0 {
		return s.openAtServer(ctx, askHead)
	}
	type answer struct {
		o      *opened
		err    error
		server bool
	}
	answers := make(chan answer, 1+len(near))
	atServer, callOff := context.WithCancel(ctx)
	s.all.wg.Go(func() {
		o, err := s.openAtServer(atServer, askHead)
		answers <- answer{o, err, true}
	})
	for _, c := range near {
		s.all.wg.Go(func() {
			at, cancel := context.WithCancel(ctx)
			o, err := s.openAt(at, cancel, c, askHead)
			answers <- answer{o, err, false}
		})
	}
	var first *opened
	var failed error // the server's
	open := 1 + len(near)
	for first == nil && open > 0 {
		a := <-answers // each ends with ctx
		open--
		switch {
		case a.err == nil && (a.server || a.o.HeadCount > 0):
			first = a.o
		case a.err == nil:
			a.o.close()
		case a.server:
			failed = a.err
		}
	}
	if first == nil {
		callOff()
		return nil, failed
	}
	if first.conn.Server() {
		s.all.wg.Go(func() { // the losers
			defer callOff()
			for range open {
				if a := <-answers; a.o != nil {
					a.o.close()
				}
			}
			<-ctx.Done()
		})
		return first, nil
	}
	s.callOff = callOff
	s.all.wg.Go(func() {
		defer callOff()
		for range open {
			switch a := <-answers; {
			case a.o == nil:
			case a.server && atServer.Err() == nil:
				s.late <- a.o // one slot
			default:
				a.o.close()
			}
		}
		<-ctx.Done()
	})
	return first, nil
}

// near returns the neighbours to ask together with the server, the nearest first.
func (s *Stream) near() []*swarm.Conn {
	var near []*swarm.Conn
	for _, c := range s.all.config.Swarm.Neighbours() {
		if !c.Server() && c.Trusted() && c.Sharing() && c.RTT() > 0 && c.RTT() <= nearRTT {
			near = append(near, c)
		}
	}
	slices.SortFunc(near, func(a, b *swarm.Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
	return near[:min(len(near), maxRacers)]
}
