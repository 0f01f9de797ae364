package swarm

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// uplink is a server's line as all its connections share it: how much may be
// under way (window), and whose bytes go next. QUIC's own priorities order the
// streams of one connection only. Once it is known how fast the line is, no more goes
// than it takes: what waits here can still be overtaken, what waits in the line's own
// queue cannot, or is dropped there (CoDel, RFC 8289, after 100 ms).
//
// First goes what sounds already and would end soon, the soonest needed first; then, by
// turns with a start that others wait for, connections that come (comers); then what is
// needed by now; then those who wait for their first sound, in order of
// their coming; then everything, the soonest needed first. So a line that is too
// thin for all who begin starts as many as it can carry, one after another, and
// lets none of them wait again; those who can have the start from a peer wait for
// that where more sound than the line bears well.
type uplink struct {
	mu       sync.Mutex
	window   window
	inFlight int // bytes that QUIC counts as under way, of all connections
	granted  int // bytes that may be sent and are in no packet yet
	order    uint64
	sound    turns   // what sounds already, by when it is needed
	starts   turns   // those who wait for their first sound, by when they came
	others   turns   // by when they are needed
	sounding float64 // bytes a second that heads under way need, whose start was sent
	heads    int     // how many they are
	gauges   map[*gauge]struct{}
	comers   comers
	busy     time.Time   // until when the line is, with what was sent
	again    *time.Timer // to look again whose turn it is; nil before there is one
}

const (
	// quantum is what one turn sends, in bytes: four packets, so that a turn
	// costs little, and 20 ms of 2 Mbit/s.
	quantum = 4 * packetSize
	// packetSize is about what QUIC's packets hold (RFC 9000, section 14.1).
	packetSize = 1200
	// hurry is what sound is needed so soon that it goes before those who have not
	// begun: the way to a listener, with a queue, and hurryTurns bytes of others. With
	// many who sound already it is hurryEach for each of them, as the line may be
	// all theirs: 20 at 4 Mbit/s are.
	hurry      = 70 * time.Millisecond
	hurryTurns = 2 * quantum
	hurryEach  = 7 * time.Millisecond
	// hurryUnknown is the same while the line is not known: in a moment the window is
	// larger, or others wait for their start; at 4 Mbit/s the first window is 70 ms.
	hurryUnknown = 80 * time.Millisecond
	// later is what is needed so late that it leaves half of the window to others.
	later = time.Second
	// startShare is how much of the line those who sound may need for one more to
	// begin.
	startShare = 0.7
	// startPatience is how long one who could begin waits for another to pass the
	// start on: half again as long as that takes in a crowd.
	startPatience = 700 * time.Millisecond
	// step is how long the start takes from one listener to the next, in a crowd: the
	// way, and the time to send it to some.
	step = 100 * time.Millisecond
	// few is how many may be connected for the first window to be whole: more may be a
	// crowd, and with the answers to their *open*, 600 bytes each, a whole one would be
	// 190 ms of queue at 2 Mbit/s, in which routers drop (CoDel, after 100 ms) what all
	// wait for.
	few = 8
	// fewNew is how many may have come within newFor, as those do who begin at once, for
	// it to be whole: their handshakes, 1.2 KB each, are in that queue too.
	fewNew = 3
	newFor = time.Second
	// crowdWindow is the first window of more than that: 70 ms of 2 Mbit/s.
	crowdWindow = firstWindow / 2
	// aloneWindow is the first window of one who is alone: a start from inside a track at
	// 192 kbit/s, with the second before it that decoders begin at, in whole chunks.
	aloneWindow = 2 * firstWindow
	// turnTime is when a turn that sends nothing is lost: its connection waits
	// for its reader, and not for the line.
	turnTime = 250 * time.Millisecond
	// mute is when what a connection has in flight counts no more, as nothing
	// of it was acknowledged: it is not on the line, the other side is gone. Its
	// probes go on (RFC 9002, section 6.2).
	mute = time.Second
)

func newUplink() *uplink {
	return &uplink{window: newWindow(), gauges: map[*gauge]struct{}{}}
}

// gauge returns the account of a new connection.
func (l *uplink) gauge() *gauge {
	g := &gauge{line: l, since: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gauges[g] = struct{}{}
	l.comers.last = g
	l.window.share(len(l.gauges) > few)
	return g
}

// watch takes connections that fell silent out of account, until ctx ends.
func (l *uplink) watch(ctx context.Context) {
	ticker := time.NewTicker(mute / 4)
	defer ticker.Stop()
	defer l.rest()
	for {
		select {
		case now := <-ticker.C:
			l.passOver(now)
		case <-ctx.Done():
			return
		}
	}
}

func (l *uplink) passOver(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for g := range l.gauges {
		if g.counted > 0 && now.Sub(g.heard) > mute {
			l.inFlight -= g.counted
			g.counted, g.silent = 0, true
		}
	}
	l.grant(now)
}

// sounds counts one who is sent what sounds already, of so many bytes a second, and
// with sign -1 no more.
func (l *uplink) sounds(sign int, rate float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heads += sign
	l.sounding += float64(sign) * rate
}

// need is how soon bytes are needed.
type need struct {
	start bool      // nothing sounds before they come
	whole int       // bytes that are to go in one turn, if more than a quantum
	sound bool      // what sounds ends without them
	due   time.Time // where start is set, since when it is
}

// turn is the right to send a quantum.
type turn struct {
	need
	line  *uplink
	gauge *gauge
	order uint64
	index int // in its heap; -1: in none
	ready chan struct{}
	left  int // bytes that it may still send; under line.mu
	timer *time.Timer
}

// take waits for a turn; the caller ends it.
func (l *uplink) take(ctx context.Context, g *gauge, n need) (*turn, error) {
	t := &turn{need: n, line: l, gauge: g, ready: make(chan struct{})}
	l.mu.Lock()
	l.order++
	t.order = l.order
	l.push(t)
	l.comers.spoken(g)
	l.grant(time.Now())
	l.mu.Unlock()
	select {
	case <-t.ready:
		t.timer = time.AfterFunc(turnTime, t.giveUp)
		return t, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	t.withdraw()
	l.mu.Unlock()
	return nil, ctx.Err()
}

func (l *uplink) push(t *turn) { heap.Push(l.queue(t.need), t) }

// grant gives turns while there is room in the window. l.mu is held.
func (l *uplink) grant(now time.Time) {
	full := true
	for l.inFlight+l.granted < l.most(now) && !l.queues(now) {
		if l.letIn(now) {
			continue
		}
		t := l.pick(now)
		if t == nil {
			if full = l.comers.come(now); full {
				l.lookAgain(comeTime)
			}
			break
		}
		t.left = quantum
		if !l.window.thin() { // else others' answers go between, and none waits for long
			t.left = max(quantum, t.whole)
		}
		l.granted += t.left
		t.gauge.granted += t.left
		l.comers.row = 0
		close(t.ready)
	}
	if l.waiting() {
		l.window.wait(now)
	}
	l.window.room(now, !full)
}

// most is how much may be under way. While the line is not known that depends on how many
// are there: as many as are connected may begin at once, and have, if they have just come.
func (l *uplink) most(now time.Time) int {
	if l.window.found || l.window.size != firstWindow {
		return l.window.size
	}
	if len(l.gauges) > few {
		return crowdWindow
	}
	come, busy := 0, 0
	for g := range l.gauges {
		if now.Sub(g.since) < newFor {
			come++
		}
		if g.inFlight+g.granted > 0 {
			busy++
		}
	}
	switch {
	case come > fewNew:
		return crowdWindow
	case come < 2 && busy < 2 && l.comers.next == nil:
		return aloneWindow
	}
	return firstWindow
}

// pick takes out whose turn it is, nil if nobody's; those whose own connection is
// full wait for that.
func (l *uplink) pick(now time.Time) *turn {
	for l.waiting() {
		from := l.next(now)
		if from == nil {
			return nil
		}
		t := heap.Pop(from).(*turn)
		if t.gauge.hasRoom() {
			return t
		}
		t.gauge.waiting = append(t.gauge.waiting, t)
	}
	return nil
}

func (l *uplink) waiting() bool { return len(l.sound)+len(l.starts)+len(l.others) > 0 }

// next returns the queue whose first is next, nil if that is to wait: half of the
// window is kept for sound, as long as the line is not known, and from what is
// needed much later.
func (l *uplink) next(now time.Time) *turns {
	free := l.inFlight+l.granted < l.window.size/2
	from := &l.sound
	switch {
	case l.sound.needed(now.Add(l.hurry())):
		return &l.sound
	case l.comers.come(now) && !l.awaited():
		return nil // all else can wait
	case l.others.needed(now) && (free || l.window.found):
		return &l.others
	case l.mayStart(now):
		return &l.starts
	case len(l.sound) == 0 || len(l.others) > 0 && l.others[0].due.Before(l.sound[0].due):
		from = &l.others
	}
	if len(*from) > 0 && (free || l.window.found && from.needed(now.Add(later))) {
		return from
	}
	return nil
}

// hurry is what sound is needed so soon that it goes first.
func (l *uplink) hurry() time.Duration {
	rate := l.window.rate()
	if !l.window.found || rate == 0 {
		return hurryUnknown
	}
	turns := time.Duration(hurryTurns / rate * float64(time.Second))
	return max(hurry+turns, time.Duration(l.heads)*hurryEach)
}

// mayStart reports whether one more is to begin: of the line startShare is for what
// those who sound need, at the most. The others are told of someone who will have the
// start (package origin), and get it there, or have waited long enough.
func (l *uplink) mayStart(now time.Time) bool {
	return len(l.starts) > 0 &&
		(!l.window.found || l.sounding < l.window.rate()*startShare || now.Sub(l.starts[0].due) > startPatience)
}

// asked is since when one waits who is told of another who will have the start, in so
// many steps. On a thin line whom it would reach last is sent it first; on others that
// would be more copies for those who have it soon.
func (l *uplink) asked(now time.Time, steps int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.window.thin() {
		return now.Add(-time.Duration(steps) * step)
	}
	return now
}

// needed reports whether the first is needed by a time.
func (t turns) needed(by time.Time) bool { return len(t) > 0 && t[0].due.Before(by) }

// queue is where a need waits.
func (l *uplink) queue(n need) *turns {
	switch {
	case n.start:
		return &l.starts
	case n.sound:
		return &l.sound
	}
	return &l.others
}

// withdraw takes a turn out of whatever it is in, or gives it back. line.mu is held.
func (t *turn) withdraw() {
	l := t.line
	switch {
	case t.index >= 0:
		heap.Remove(l.queue(t.need), t.index)
	default:
		for i, other := range t.gauge.waiting {
			if other == t {
				t.gauge.waiting = append(t.gauge.waiting[:i], t.gauge.waiting[i+1:]...)
			}
		}
	}
	t.giveBack()
}

// giveBack lets go of what was not sent. line.mu is held.
func (t *turn) giveBack() {
	t.line.granted -= t.left
	t.gauge.granted -= t.left
	t.left = 0
	t.line.grant(time.Now())
}

// limit tells QUIC, while it makes a packet, how much of what is written may go
// into it: whole packets, so that none is sent that is not full.
func (t *turn) limit(most int) int {
	l := t.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.left <= 0 {
		return 0
	}
	used := min(most, t.left)
	t.left -= used
	l.granted -= used
	t.gauge.granted -= used
	return most
}

// end ends a turn.
func (t *turn) end() {
	t.timer.Stop()
	t.giveUp()
}

func (t *turn) giveUp() {
	t.line.mu.Lock()
	defer t.line.mu.Unlock()
	t.giveBack()
}

// turns is a heap of turns: starts by their coming, also where that takes several turns,
// the others by their need.
type turns []*turn

func (t turns) Len() int { return len(t) }
func (t turns) Less(i, j int) bool {
	if !t[i].due.Equal(t[j].due) {
		return t[i].due.Before(t[j].due)
	}
	return t[i].order < t[j].order
}
func (t turns) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}
func (t *turns) Push(x any) {
	x.(*turn).index = len(*t)
	*t = append(*t, x.(*turn))
}
func (t *turns) Pop() any {
	last := (*t)[len(*t)-1]
	(*t)[len(*t)-1] = nil
	*t = (*t)[:len(*t)-1]
	last.index = -1
	return last
}
