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

// answer is what one racer came to.
type answer struct {
	o      *opened
	err    error
	server bool
}

// race asks the server and the near neighbours at the same moment, and those who
// become neighbours meanwhile: a new process dials those it had. Who answers
// first is first. Where that is a neighbour the server's answer, if it comes
// before the neighbour's first chunk is verified, goes to s.late; afterwards it
// is called off: the server has sent a flight or nothing.
func (s *Stream) race(ctx context.Context) (*opened, error) {
	answers := make(chan answer, 1+maxRacers)
	atServer, callOff := context.WithCancel(ctx)
	s.all.wg.Go(func() {
		o, err := s.openAtServer(atServer, askHead)
		answers <- answer{o, err, true}
	})
	asked := map[*swarm.Conn]bool{}
	running := 1
	var failed error // the server's
	for running > 0 {
		joined := s.all.config.Swarm.Joined()
		for _, c := range s.near() {
			if asked[c] || len(asked) == maxRacers {
				continue
			}
			asked[c] = true
			running++
			s.all.wg.Go(func() {
				at, cancel := context.WithCancel(ctx)
				o, err := s.openAt(at, cancel, c, askHead)
				answers <- answer{o, err, false}
			})
		}
		select {
		case <-joined:
			continue
		case a := <-answers: // each ends with ctx
			running--
			switch {
			case a.err == nil && (a.server || a.o.HeadCount > 0):
				s.finishRace(ctx, atServer, callOff, a, answers, running)
				return a.o, nil
			case a.err == nil:
				a.o.close()
			case a.server:
				failed = a.err
			}
		}
	}
	callOff()
	return nil, failed
}

// finishRace sees to those who still run.
func (s *Stream) finishRace(ctx, atServer context.Context, callOff context.CancelFunc, won answer, answers <-chan answer, running int) {
	if !won.server {
		s.callOff = callOff
	}
	s.all.wg.Go(func() {
		defer callOff()
		for range running {
			switch a := <-answers; {
			case a.o == nil:
			case a.server && atServer.Err() == nil:
				s.late <- a.o // one slot
			default:
				a.o.close()
			}
		}
		<-ctx.Done() // callOff would end what the server sends
	})
}

// near returns the neighbours to ask together with the server, the nearest first.
func (s *Stream) near() []*swarm.Conn {
	near := s.all.neighbours(func(c *swarm.Conn) bool { return c.RTT() > 0 && c.RTT() <= nearRTT })
	return near[:min(len(near), maxRacers)]
}

// neighbours returns those peers that may be asked and that fit, the nearest first.
func (ss *Streams) neighbours(fits func(c *swarm.Conn) bool) []*swarm.Conn {
	var near []*swarm.Conn
	for _, c := range ss.config.Swarm.Neighbours() {
		if !c.Server() && c.Trusted() && c.Sharing() && fits(c) {
			near = append(near, c)
		}
	}
	slices.SortFunc(near, func(a, b *swarm.Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
	return near
}
