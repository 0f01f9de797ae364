package stream

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"earshot/node/swarm"
	"earshot/protocol"
)

const (
	// nearRTT is a round trip within which a neighbour is asked for what it holds of the
	// start together with the server: on the same LAN, or at the same provider. From
	// there a start is sooner than from most servers, and what the losers send
	// for nothing burdens no thin line.
	nearRTT = 10 * time.Millisecond
	// maxNear is how many are asked for that: some do not hold the track, or are busy.
	maxNear = 4
	// maxBeginners is how many are asked for the start as it comes to them: in a crowd
	// that knows one another those dialled when the process began, and as many who
	// dialled it. Each may send what another has sent already.
	maxBeginners = 8
	// serverSlow is how long the server may take before neighbours that are not near
	// are asked for what they hold too, and theirs: one loss and the longest of round
	// trips. It may be away.
	serverSlow = time.Second
	// maxWide is how many of those are asked: the server's answer may come.
	maxWide = 8
)

// race is who was asked for the start of a track.
type race struct {
	s       *Stream
	held    map[protocol.NodeID]*swarm.Conn // asked for what they hold
	coming  map[protocol.NodeID]*swarm.Conn // asked for what comes to them
	wide    bool                            // the server is slow or away: all neighbours are asked for what they hold
	running int
	answers chan answer // all are received
}

// answer is what one racer came to.
type answer struct {
	o      *opened
	err    error
	from   *swarm.Conn // the neighbour who was asked; nil for none
	server bool
}

// race asks at the same moment the server, the near neighbours for what they hold of the
// start, and the others for what comes to them, as they may begin too; and so those who
// become neighbours meanwhile: a new process dials those it had. Who answers first is first.
// What the others answer until something of the start is verified goes to s.late. Then
// they are called off; the server is too where a neighbour holds the track: it has
// sent a flight or nothing. Else it tells more than the start.
func (s *Stream) race(ctx context.Context) (*opened, error) {
	r := &race{
		s: s, held: map[protocol.NodeID]*swarm.Conn{}, coming: map[protocol.NodeID]*swarm.Conn{},
		answers: make(chan answer, 2+maxBeginners+maxWide),
	}
	atServer, callOff := context.WithCancel(ctx)
	atBeginners, callOffBeginners := context.WithCancel(ctx)
	r.run(func() answer {
		o, err := s.openAtServer(atServer, askHead)
		return answer{o: o, err: err, server: true}
	})
	slow := time.NewTimer(serverSlow)
	defer slow.Stop()
	var failed error // the server's
	for {
		joined := s.all.config.Swarm.Joined()
		r.askNeighbours(ctx, atBeginners)
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
			case a.o != nil && (a.server || a.o.HeadCount > 0):
				s.coming, s.callOffBeginners = r.coming, callOffBeginners
				if !a.server && !a.o.coming {
					s.callOff = callOff
				}
				s.all.wg.Go(func() {
					defer callOff()
					defer callOffBeginners()
					r.finish(ctx, atServer, atBeginners)
					<-ctx.Done() // callOff would end what the server sends
				})
				return a.o, nil
			case a.o != nil:
				a.o.close()
			case a.server:
				failed = a.err
				if errors.Is(failed, swarm.ErrServerAway) {
					r.widen(ctx)
				}
				if errors.Is(failed, &protocol.Refused{Code: protocol.CodeNotFound}) {
					callOffBeginners() // nobody begins what is not there
				}
			}
		}
	}
	callOff()
	callOffBeginners()
	return nil, failed
}

// finish passes on what those come to who still run, unless they are called off.
func (r *race) finish(ctx, atServer, atBeginners context.Context) {
	for range r.running {
		a := <-r.answers
		if a.o != nil && !(a.server && atServer.Err() == nil || a.o.coming && atBeginners.Err() == nil) {
			a.o.close()
			continue
		}
		select {
		case r.s.late <- a:
		case <-ctx.Done():
		}
	}
}

func (r *race) run(ask func() answer) {
	r.running++
	r.s.all.wg.Go(func() { r.answers <- ask() })
}

// askNeighbours asks those that were not asked. One that was is asked again where that
// connection has ended, and another has taken its place.
func (r *race) askNeighbours(ctx, atBeginners context.Context) {
	most := maxNear
	if r.wide {
		most = maxWide
	}
	for _, c := range r.s.all.neighbours() {
		rtt := c.RTT()
		switch {
		case rtt > 0 && (r.wide || rtt <= nearRTT):
			if enters(r.held, c, most) {
				r.run(func() answer { return r.s.askHolder(ctx, atBeginners, c) })
			}
		case enters(r.coming, c, maxBeginners):
			r.run(func() answer { return r.s.askBeginner(ctx, atBeginners, c) })
		}
	}
}

// enters reports whether a neighbour is to be asked, and has it entered among those who
// are, of whom there are most.
func enters(asked map[protocol.NodeID]*swarm.Conn, c *swarm.Conn, most int) bool {
	if before, was := asked[c.Node()]; was {
		select {
		case <-before.Done():
		default:
			return false
		}
	} else if len(asked) == most {
		return false
	}
	asked[c.Node()] = c
	return true
}

// askHolder asks for what a neighbour holds of the start, and one that holds nothing of
// it for what comes to it.
func (s *Stream) askHolder(ctx, atBeginners context.Context, c *swarm.Conn) answer {
	a := s.askAt(ctx, ctx, c, false)
	if a.o != nil && a.o.HeadCount == 0 {
		a.o.close()
		a.o = nil
	}
	if a.o == nil && c.RTT() <= nearRTT && atBeginners.Err() == nil {
		a = s.askAt(ctx, atBeginners, c, true)
	}
	return a
}

// askBeginner asks for the start as it comes to a neighbour. One that has it already, and
// shows to be near, is asked for that.
func (s *Stream) askBeginner(ctx, atBeginners context.Context, c *swarm.Conn) answer {
	a := s.askAt(ctx, atBeginners, c, true)
	if rtt := c.RTT(); a.o == nil && rtt > 0 && rtt <= nearRTT && atBeginners.Err() == nil {
		a = s.askAt(ctx, ctx, c, false)
	}
	return a
}

// askAt asks a neighbour, until it has answered or until ends.
func (s *Stream) askAt(ctx, until context.Context, c *swarm.Conn, coming bool) answer {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(until, cancel)()
	o, err := s.openAt(ctx, cancel, c, askHead, coming)
	return answer{o: o, err: err, from: c}
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

// neighbours returns those peers that may be asked, the nearest first.
func (ss *Streams) neighbours() []*swarm.Conn {
	near := slices.DeleteFunc(ss.config.Swarm.Neighbours(), func(c *swarm.Conn) bool {
		return c.Server() || !c.Trusted() || !c.Sharing()
	})
	slices.SortFunc(near, func(a, b *swarm.Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
	return near
}
