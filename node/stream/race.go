package stream

import (
	"cmp"
	"context"
	"errors"
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
	// serverSlow is how long the server may take before neighbours that are not near
	// are asked too, and theirs: one loss and the longest of round trips. It may
	// be away.
	serverSlow = time.Second
	// maxWideRacers is how many of those are asked: the server's answer may come.
	maxWideRacers = 8
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
	r := &race{s: s, asked: map[*swarm.Conn]bool{}, answers: make(chan answer, 2+maxWideRacers)}
	atServer, callOff := context.WithCancel(ctx)
	r.run(func() answer {
		o, err := s.openAtServer(atServer, askHead)
		return answer{o, err, true}
	})
	slow := time.NewTimer(serverSlow)
	defer slow.Stop()
	var failed error // the server's
	for {
		joined := s.all.config.Swarm.Joined()
		r.askPeers(ctx)
		if r.running == 0 {
			break
		}
		select {
		case <-joined:
		case <-slow.C:
			r.widen(ctx)
		case a := <-r.answers: // each ends with ctx
			r.running--
			switch {
			case a.err == nil && a.o != nil && (a.server || a.o.HeadCount > 0):
				s.finishRace(ctx, atServer, callOff, a, r.answers, r.running)
				return a.o, nil
			case a.o != nil:
				a.o.close()
			case a.server:
				failed = a.err
				if errors.Is(failed, swarm.ErrServerAway) {
					r.widen(ctx)
				}
			}
		}
	}
	callOff()
	return nil, failed
}

// race is who was asked for the start.
type race struct {
	s       *Stream
	asked   map[*swarm.Conn]bool
	wide    bool // the server is slow or away: all neighbours are asked
	running int
	answers chan answer // room for all
}

func (r *race) run(ask func() answer) {
	r.running++
	r.s.all.wg.Go(func() { r.answers <- ask() })
}

// askPeers asks those neighbours that race and were not asked.
func (r *race) askPeers(ctx context.Context) {
	most := maxRacers
	if r.wide {
		most = maxWideRacers
	}
	racing := func(c *swarm.Conn) bool { return c.RTT() > 0 && (r.wide || c.RTT() <= nearRTT) }
	for _, c := range r.s.all.neighbours(racing) {
		if r.asked[c] || len(r.asked) == most {
			continue
		}
		r.asked[c] = true
		r.run(func() answer {
			at, cancel := context.WithCancel(ctx)
			o, err := r.s.openAt(at, cancel, c, askHead)
			return answer{o, err, false}
		})
	}
}

// widen asks all neighbours, and has them name others who hold the track.
func (r *race) widen(ctx context.Context) {
	if r.wide {
		return
	}
	r.wide = true
	r.run(func() answer {
		r.s.all.config.Swarm.FindPeers(ctx, r.s.id) // who is found joins, and the race
		return answer{}
	})
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
