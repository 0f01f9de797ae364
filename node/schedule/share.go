package schedule

import (
	"time"

	"earshot/protocol"
)

// standIn is how long nothing may have come, from anyone, before the next in
// line takes what another listener should have taken from the server, where no
// deadline says: several runs at the trickle's pace (1.4 s each at twice the
// bitrate of a track of 192 kbit/s).
const standIn = 5 * time.Second

// rank returns how many other listeners come before this one for the block of
// chunk c: highest random weight (rendezvous) hashing (Thaler and Ravishankar,
// IEEE/ACM ToN 6(1), 1998). Every listener who knows the same others gets the
// same order, and when one goes only its own blocks move.
func (s *State) rank(c int) int {
	block := mix(s.salt + uint64(c/runChunks))
	own, rank := mix(block^s.self), 0
	for _, slot := range s.order {
		src := &s.sources[slot]
		if !s.shares(src) {
			continue
		}
		if w := mix(block ^ src.key); w > own || w == own && src.key > s.self {
			rank++
		}
	}
	return rank
}

// maxStrangers bounds what outranked counts, which is done for many chunks: over that
// a block has a taker so seldom that more change little.
const maxStrangers = 64

// outranked reports whether one of those whom this listener does not know is likely
// to take the block of chunk c. Where the server counts 50 listeners and each knows 15
// others, three would else be the first in line for each block, as each of them sees
// it. So as many more are drawn as are not known: of all, one in 50 takes a block at
// first. As the chunk comes near, fewer count, until it is urgent and none does; what
// one has taken by then the others hear of.
func (s *State) outranked(c int, slack time.Duration) bool {
	far := s.rules.Near - s.rules.Urgent
	strangers := s.others
	for _, slot := range s.order {
		if s.sources[slot].kind == Peer { // known, whether it holds all or fetches
			strangers--
		}
	}
	strangers = min(strangers, maxStrangers)
	if slack < s.rules.Near {
		strangers = int(float64(strangers) * float64(slack-s.rules.Urgent) / float64(far))
	}
	block := mix(s.salt + uint64(c/runChunks))
	own := mix(block ^ s.self)
	for i := range max(strangers, 0) {
		if mix(block^mix(s.self+uint64(i)+1)) > own {
			return true
		}
	}
	return false
}

// sharers is how many take their part of the server's chunks, this one
// included.
func (s *State) sharers() int {
	n := 1
	for i := range s.sources {
		if s.shares(&s.sources[i]) {
			n++
		}
	}
	return n
}

// headEnd is the first chunk behind the head.
func (s *State) headEnd() int { return s.line.after(s.pos + s.rules.Head) }

// serverWanted reports whether the mode lets the server be asked for chunk c.
func (s *State) serverWanted(c int) bool {
	switch s.mode {
	case Playing, Paused, Background:
		return true
	case PrefetchHead, HeadOnly:
		return c >= s.ph && c < s.headEnd()
	}
	return false
}

// mayAskServer reports whether it is this listener's turn to ask the server for
// a near or urgent chunk that no peer brings in time. The first in rank always
// may; the others stand in one after another as the deadline comes near, so
// that a run which the first does not take costs the server one more copy and
// not one for each listener.
func (s *State) mayAskServer(now time.Duration, c int, slack time.Duration) bool {
	if s.mode == HeadOnly {
		return true
	}
	if s.elsewhere(now, c, slack) {
		return false
	}
	if s.inPart(c) {
		return true
	}
	if s.others > 0 && now < s.born+s.rules.Settle && slack > lastCall {
		s.wake(now, now+slack-lastCall)
		return false
	}
	if slack > s.rules.Urgent/3 && now < s.born+s.rules.Settle {
		s.wake(now, s.born+s.rules.Settle)
		s.wake(now, now+slack-s.rules.Urgent/3)
		return false
	}
	rank := s.rank(c)
	if rank == 0 && !s.outranked(c, slack) {
		return true
	}
	turn := s.rules.Urgent / time.Duration(rank+1) // 1.5 s, 1 s, 0.75 s ...
	s.wake(now, now+slack-turn)
	return slack <= turn
}

// lastCall is the slack at which the server is asked for what other listeners
// should have brought: two round trips of most.
const lastCall = 250 * time.Millisecond

// inPart reports whether the server wants this listener to take chunk c.
func (s *State) inPart(c int) bool { return c >= s.partFirst && c < s.partEnd }

// fillTrickle takes from the server, one run at a time, what no peer holds and
// is this listener's part.
func (s *State) fillTrickle(now time.Duration, from int) {
	if s.mode != Playing && s.mode != Paused && s.mode != Background {
		return
	}
	i := s.server(now, from)
	if i < 0 || s.mode == Playing && s.Buffered(now) < s.rules.Urgent && s.have.nextClear(s.ph, s.n) < s.n {
		return // the own need comes first
	}
	if at := max(s.nextTrickle, s.born+s.rules.Settle); now < at {
		s.wake(now, at)
		return
	}
	c := s.part(now, from, s.n)
	if c < 0 && s.want.next(s.ph, s.n) == s.n { // all ahead is there or on its way
		c = s.part(now, 0, s.ph)
	}
	if c < 0 {
		return
	}
	src := &s.sources[i]
	r := s.ask(now, i, c, s.run(src, c, min(src.runLength(), runChunks)), s.farPriority())
	s.nextTrickle = now + time.Duration(float64(r.size)/s.pace(src)*float64(time.Second))
}

// server returns a server that owes nothing, as the trickle never queues, or one
// request where all it can send is needed and nothing before near is left to ask
// for; -1 if there is none.
func (s *State) server(now time.Duration, near int) int {
	owes := 0
	if s.thin && s.want.next(s.ph, near) == near {
		owes = 1 // unless it is a head
	}
	for _, slot := range s.order {
		if src := &s.sources[slot]; src.kind == Server && src.requests <= owes && src.usable(now) && (src.requests == 0 || !s.owesSooner(int(slot), s.n)) {
			return int(slot)
		}
	}
	return -1
}

// part returns the first chunk in [from, to) that is free, that no peer holds,
// and that is this listener's to take now; -1 if there is none.
func (s *State) part(now time.Duration, from, to int) int {
	lead := s.rules.Lead * time.Duration(s.sharers())
	if s.thin {
		lead = Never
	}
	patience := int((now - s.news) / standIn)
	for c := s.want.nextWhere(s.want, s.held, from, to); c < to; {
		slack := s.slack(now, c)
		if slack != Never && slack > lead {
			s.wake(now, now+slack-lead)
			return -1
		}
		if rank := s.rank(c); !s.asked.has(c) && !s.elsewhere(now, c, slack) && (rank == 0 && !s.outranked(c, slack) || slack == Never && rank <= patience) {
			return c
		}
		c = s.want.nextWhere(s.want, s.held, (c/runChunks+1)*runChunks, to)
	}
	return -1
}

// pace is how fast the trickle may run, in bytes a second. The listeners
// together take Rules.Trickle times the bitrate at least; one takes no more
// than that, and no more than half of what the server has been seen to send,
// so that the other half of a crowded uplink is there for who is urgent. One
// who is alone with the track, and in no hurry, takes that half: nobody else
// has to be given it, and a program may wait for it, as one does that reads up to
// the place it seeks to. So does each of those who are all on one LAN: what one has
// they all have at once, and who has more than its share to take, as chance has it, is
// not to be the one whom they wait for.
func (s *State) pace(src *source) float64 {
	most := s.rules.Trickle * s.line.rate
	if others, all := s.onLAN(); all && (others > 0 || s.mode == Background) {
		return max(most, src.rate/2)
	}
	return min(max(most/float64(s.sharers()), src.rate/2), max(most, protocol.ChunkSize/10))
}

// onLAN returns how many others are known to hold the track, or to fetch it, and whether
// those on the LAN are all.
func (s *State) onLAN() (others int, all bool) {
	for _, slot := range s.order {
		if src := &s.sources[slot]; src.kind == Peer {
			if src.minRTT > nearEnough {
				return others, false
			}
			others++
		}
	}
	return others, others >= s.others
}
