package schedule

import (
	"time"

	"earshot/protocol"
)

// heartbeat is the longest that Step lets pass while chunks are missing. What
// happens at a known time is waited for exactly; this is for the rest.
const heartbeat = time.Second

// farWindow is how many blocks rarest first looks at, beginning with the next
// free one: 4 MiB, some three minutes of sound. Wide enough for listeners to
// hold different parts, narrow enough that what plays soon comes sooner.
const farWindow = 64

// Step decides what to do now. The actions are valid until the next call of
// any method. It is to be called again after the next event, at next at the
// latest.
func (s *State) Step(now time.Duration) (actions []Action, next time.Duration) {
	s.begin(now)
	s.actions = s.actions[:0]
	s.next = now + heartbeat
	if s.jumped {
		s.leaveBehind(now)
		if s.sought {
			s.overtake(now)
		}
		s.jumped, s.sought = false, false
	}
	s.chase(now)
	s.shareHead(now)
	far := s.fillNear(now)
	s.fillFar(now, far)
	s.fillTrickle(now, far)
	for _, id := range s.cancels {
		s.actions = append(s.actions, Action{Kind: Cancel, ID: id})
	}
	s.cancels = s.cancels[:0]
	if s.left == 0 && len(s.requests) == 0 {
		s.next = Never
	}
	return s.actions, s.next
}

// wake has Step called again at t.
func (s *State) wake(now, t time.Duration) {
	if t > now {
		s.next = min(s.next, t)
	}
}

// chase looks after late requests: one whose next chunk is urgent is hedged
// (Dean and Barroso 2013), one that is much too late is taken back.
func (s *State) chase(now time.Duration) {
	for k := 0; k < len(s.requests); k++ {
		r := &s.requests[k]
		late := s.lateAt(r)
		if now < late {
			s.wake(now, late)
			continue
		}
		c := s.have.nextClear(r.delivered(), int(r.first+r.count))
		if c >= int(r.first+r.count) {
			continue
		}
		slack := s.slack(now, c)
		patience := giveUp
		if slack <= s.rules.Urgent {
			if s.hedge(now, r, c) {
				continue
			}
			patience /= 4
		} else if slack < Never {
			s.wake(now, now+slack-s.rules.Urgent)
		}
		if now < late+patience {
			s.wake(now, late+patience)
			continue
		}
		if !s.asked2.has(c) && s.another(now, r, c) >= 0 {
			i := int(r.src)
			s.cancel(now, k)
			s.beaten(now, i)
			s.fail(now, i, failBackoff, failMax, 2)
			k = -1 // requests have moved: look again from the first
		}
	}
}

// hedge sends a late request's next chunk to a second source, if the budget of
// duplicates allows, and reports whether it has.
func (s *State) hedge(now time.Duration, r *request, c int) bool {
	size := int64(protocol.ChunkLen(s.line.size, c))
	budget := int64(freeHedge) + int64(s.rules.Duplicates*float64(s.arrived))
	if s.asked2.has(c) || s.counts.Duplicate+size > budget || len(s.requests) >= maxRequests*3/2 {
		return false
	}
	i := s.another(now, r, c)
	if i < 0 {
		return false
	}
	s.counts.Hedges++
	s.counts.Duplicate += size
	s.ask(now, i, c, 1, s.priority(true)).hedge = true
	return true
}

// another returns the source that would deliver chunk c soonest, other than
// that of r; -1 if there is none.
func (s *State) another(now time.Duration, r *request, c int) int {
	best, soonest := -1, Never
	for _, slot := range s.order {
		src := &s.sources[slot]
		if slot == r.src || !src.usable(now) || !src.holds(c) || src.requests >= s.limit(src, true) {
			continue
		}
		if src.kind == Server && !s.serverWanted(c) {
			continue
		}
		if t := src.arrival(now, protocol.ChunkSize); t < soonest {
			best, soonest = int(slot), t
		}
	}
	return best
}

// limit is how many requests a source may have outstanding. Urgent ones may go
// beyond its window, as the server's do: the alternative is silence. On a thin line
// the server has two at least: with one, each would leave it idle for a round trip.
func (s *State) limit(src *source, urgent bool) int {
	switch {
	case !urgent && s.thin && src.kind == Server:
		return max(src.window, 2)
	case !urgent:
		return src.window
	case src.kind == Server:
		return maxWindow
	}
	return min(src.window+1, maxWindow)
}

// fillNear asks for the urgent and near chunks, in order, and returns the
// first chunk that is far.
func (s *State) fillNear(now time.Duration) int {
	if s.mode == Idle || s.mode == Background {
		return s.ph
	}
	end := s.n
	if s.mode == HeadOnly {
		end = s.headEnd()
	}
	for c := s.want.next(s.ph, end); c < end; {
		slack := s.slack(now, c)
		if slack > s.rules.Near {
			s.wake(now, now+slack-s.rules.Near)
			return c
		}
		c = s.want.next(max(c+1, s.assign(now, c, slack)), end)
	}
	return end
}

// assign asks the fitting source for the run at chunk c, if there is one, and
// returns the chunk behind the run.
func (s *State) assign(now time.Duration, c int, slack time.Duration) int {
	urgent := slack <= s.rules.Urgent
	if len(s.requests) >= maxRequests && !urgent || len(s.requests) >= maxRequests*3/2 {
		return c
	}
	peer, server := -1, -1
	inTime := false // some peer will deliver in time, perhaps when it has a request less
	peerArrival, serverArrival := Never, Never
	for _, slot := range s.order {
		src := &s.sources[slot]
		if src.unwilling || !src.holds(c) {
			continue
		}
		t := src.arrival(now, protocol.ChunkSize)
		if src.distrusted {
			t += failMax // the server first
		}
		sure := t + src.margin()
		if src.kind == Peer && (sure < slack/2 || !urgent && sure < slack) {
			inTime = true
		}
		if !src.usable(now) {
			s.wake(now, src.until)
			continue
		}
		if src.requests >= s.limit(src, urgent) {
			continue
		}
		if s.thin && !urgent && s.owesSooner(int(slot), c) { // it would share the line with what is needed first
			continue
		}
		if src.kind == Server {
			if t < serverArrival && !s.asked.has(c) {
				server, serverArrival = int(slot), t
			}
		} else if t < peerArrival {
			peer, peerArrival = int(slot), t
		}
	}
	choice := peer
	switch {
	case inTime || server < 0 || !s.serverWanted(c):
	case peer >= 0 && urgent && peerArrival <= serverArrival:
	case s.mayAskServer(now, c, slack):
		choice = server
	}
	if choice < 0 {
		return c
	}
	n := s.run(&s.sources[choice], c, s.nearRun(&s.sources[choice], slack))
	s.ask(now, choice, c, n, s.priority(urgent && !s.owesSooner(choice, c)))
	if choice == server && s.others > 0 && slack <= lastCall {
		s.want.set(c) // whoever has it first
	}
	return c + n
}

// owesSooner reports whether a source still owes a head that is needed before
// chunk c: that must not be overtaken. A head of one chunk cannot be: the server
// sends it before all else.
func (s *State) owesSooner(i, c int) bool {
	for k := range s.requests {
		if r := &s.requests[k]; r.head && r.count > 1 && int(r.src) == i && int(r.first) < c {
			return true
		}
	}
	return false
}

// nearRun is how many chunks to ask for at once: few where the first is needed
// soon, as they come in order and others can bring the next.
func (s *State) nearRun(src *source, slack time.Duration) int {
	switch {
	case slack <= s.rules.Urgent/3:
		return 1
	case slack <= s.rules.Urgent:
		return 2
	}
	return min(src.runLength(), runChunks)
}

// runLength is how many chunks keep a source busy for runTime.
func (src *source) runLength() int {
	return min(max(int(src.rate*runTime.Seconds()/protocol.ChunkSize), 1), maxRun)
}

// run returns how many chunks from c on, at most n, are free to ask of a
// source. The server is asked within one block only, and not for what a peer
// holds.
func (s *State) run(src *source, c, n int) int {
	end := min(c+n, s.n)
	if src.kind == Server {
		end = min(end, (c/runChunks+1)*runChunks)
		if s.inPart(c) {
			end = min(end, s.partEnd) // what is behind it is another's
		}
	}
	if s.mode == HeadOnly || s.mode == PrefetchHead && src.kind == Server {
		end = min(end, s.headEnd())
	}
	for i := c + 1; i < end; i++ {
		if !s.want.has(i) || !src.holds(i) || src.kind == Server && s.held.has(i) {
			return i - c
		}
	}
	return end - c
}

// priority is what a request has in the queue of its source.
func (s *State) priority(urgent bool) protocol.Priority {
	switch s.mode {
	case Playing, Paused:
		if urgent {
			return protocol.PriorityUrgent
		}
		return protocol.PriorityPlaying
	case PrefetchPeers, PrefetchHead:
		return protocol.PriorityPrefetch
	}
	return protocol.PriorityBackground
}

// farPriority is that of what is far ahead.
func (s *State) farPriority() protocol.Priority {
	return max(s.priority(false), protocol.PriorityPrefetch)
}

// fillFar asks each peer that has room for what only a nearer one need not
// bring: rarest first (Legout et al., IMC 2006), from the first far chunk on,
// then what is behind the playhead.
func (s *State) fillFar(now time.Duration, from int) {
	if s.mode == Idle || s.mode == HeadOnly {
		return
	}
	clear(s.mask)
	nearer := 0
	for k := range s.order {
		i := int(s.order[k])
		src := &s.sources[i]
		for ; nearer < k && 2*s.sources[s.order[nearer]].minRTT+nearEnough <= src.minRTT; nearer++ {
			s.cover(now, &s.sources[s.order[nearer]])
		}
		if src.kind == Server || src.have == nil || src.dry {
			continue
		}
		if !src.usable(now) {
			s.wake(now, src.until)
			continue
		}
		for src.requests < src.window && len(s.requests) < maxRequests {
			c := s.rarest(src, from, s.n)
			if c < 0 {
				c = s.rarest(src, 0, s.ph)
			}
			if c < 0 {
				src.dry = s.nothingFar(src, from)
				break
			}
			s.ask(now, i, c, s.run(src, c, src.runLength()), s.farPriority())
		}
	}
}

// nearEnough is what is added to twice a peer's round trip before another
// counts as farther: on a LAN, wired or not, nobody is as far as a peer at the same
// provider, 5 ms away.
const nearEnough = 2 * time.Millisecond

// cover leaves to a near peer that can carry it what it holds: its rate has
// been measured, and is twice the track's.
func (s *State) cover(now time.Duration, src *source) {
	if src.have == nil || !src.proven || src.distrusted || !src.usable(now) || src.rate < 2*s.line.rate {
		return
	}
	for w, x := range src.have {
		s.mask[w] |= x
	}
}

// rarest returns the start of a free run in [from, to) that a source holds and
// the fewest peers do, of those in the window any one alike; -1 if there is
// none.
func (s *State) rarest(src *source, from, to int) int {
	best, fewest, ties := -1, uint16(0), uint64(0)
	for c, seen := s.free(src, from, to), 0; c < to && seen < farWindow; seen++ {
		switch a := s.avail[c]; {
		case best < 0 || a < fewest:
			best, fewest, ties = c, a, 1
		case a == fewest:
			if ties++; s.random()%ties == 0 {
				best = c
			}
		}
		c = s.free(src, (c/runChunks+1)*runChunks, to)
	}
	return best
}

// free returns the first chunk in [from, to) that a source holds, that is to
// be asked for, and that is not left to a nearer peer; or to.
func (s *State) free(src *source, from, to int) int {
	return s.want.nextWhere(src.have, s.mask, from, to)
}

// nothingFar reports whether a source holds nothing, left to nearer peers or
// not, that is to be asked for from a chunk on or behind the playhead.
func (s *State) nothingFar(src *source, from int) bool {
	nothing := func(from, to int) bool { // what is wanted is not had: no exception here
		return s.want.nextWhere(src.have, s.have, from, to) >= to
	}
	return nothing(from, s.n) && nothing(0, s.ph)
}
