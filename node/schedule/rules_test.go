package schedule

import (
	"slices"
	"testing"
	"time"

	"earshot/protocol"
)

const (
	theServer SourceID = iota
	peerA
	peerB
)

// bench is one State and a table of sources that do only what a test says.
type bench struct {
	*testing.T
	*State
	now time.Duration
}

// newBench returns a State in a mode, past the first second, with sources that
// hold the whole track.
func newBench(t *testing.T, mode Mode, sources ...SourceID) *bench {
	b := &bench{t, New(Config{Timeline: track(), Seed: 1}), 0}
	b.Playhead(0, 0, 0, mode)
	b.now = 2 * time.Second // settled
	for _, id := range sources {
		b.add(id)
	}
	b.Playhead(b.now, 0, 0, mode)
	return b
}

func (b *bench) add(id SourceID) {
	kind := Peer
	if id == theServer {
		kind = Server
	}
	b.AddSource(b.now, id, Source{Kind: kind, RTT: 50 * time.Millisecond, Rate: 1e6, Key: uint64(id)})
	b.SetHave(b.now, id, protocol.FullBitmap(b.n))
}

// step returns the actions at a later time.
func (b *bench) step(after time.Duration) []Action {
	b.Helper()
	b.now += after
	actions, next := b.Step(b.now)
	if next <= b.now {
		b.Fatalf("at %v: come back at %v", b.now, next)
	}
	if err := sound(b.State); err != nil {
		b.Fatal(err)
	}
	return append([]Action(nil), actions...)
}

// serve answers a request in full.
func (b *bench) serve(a Action) {
	for c := a.First; c < a.First+a.Count; c++ {
		b.Progress(b.now, a.ID, protocol.ChunkLen(b.line.size, c))
		b.Arrived(b.now, c)
	}
	b.Finished(b.now, a.ID)
}

func of(actions []Action, kind ActionKind, id SourceID) (found []Action) {
	for _, a := range actions {
		if a.Kind == kind && (kind == Cancel || a.Source == id) {
			found = append(found, a)
		}
	}
	return found
}

// drain serves all that is asked for until nothing is.
func (b *bench) drain() (from map[SourceID]int) {
	from = map[SourceID]int{}
	for quiet := 0; quiet < 20; quiet++ {
		for _, a := range b.step(100 * time.Millisecond) {
			if a.Kind == Request {
				b.serve(a)
				from[a.Source] += a.Count
				quiet = 0
			}
		}
	}
	return from
}

func TestWhatIsNeededFirstIsAskedFirstAndInSmallRuns(t *testing.T) {
	b := newBench(t, Playing, theServer)
	a := b.step(0)
	if len(a) == 0 || a[0].First != 0 || a[0].Count != 1 || a[0].Priority != protocol.PriorityUrgent {
		t.Fatalf("first asked for: %+v", a)
	}
	for i := 1; i < len(a); i++ {
		if a[i].First != a[i-1].First+a[i-1].Count {
			t.Errorf("out of order: %+v", a)
		}
	}
}

func TestTheHeadIsNotAskedForAgain(t *testing.T) {
	b := newBench(t, Playing, theServer)
	id := b.Expect(b.now, theServer, 0, 8)
	for _, a := range b.step(0) {
		if a.First < 8 {
			t.Errorf("asked for %+v, which is on its way as %d", a, id)
		}
	}
}

func TestALateHeadIsHedgedAndTheLoserCancelled(t *testing.T) {
	b := newBench(t, Playing, theServer, peerA)
	id := b.Expect(b.now, theServer, 0, 8)
	var hedge []Action
	for range 10 {
		if hedge = of(b.step(100*time.Millisecond), Request, peerA); len(hedge) > 0 && hedge[0].First == 0 {
			break
		}
	}
	if len(hedge) == 0 || hedge[0].First != 0 || hedge[0].Count != 1 {
		t.Fatalf("not hedged: %+v", hedge)
	}
	if c := b.Counts(); c.Hedges != 1 || c.Duplicate != protocol.ChunkSize {
		t.Errorf("counted as %+v", c)
	}
	b.serve(hedge[0])
	a := b.step(0)
	if c := of(a, Cancel, 0); len(c) != 1 || c[0].ID != id {
		t.Errorf("the loser was not cancelled: %+v", a)
	}
	if next := of(a, Request, peerA); len(next) == 0 || next[0].First != 1 {
		t.Errorf("what the loser still owed was not asked of another: %+v", a)
	}
}

func TestALateWinnerCancelsTheHedge(t *testing.T) {
	b := newBench(t, Playing, theServer, peerA)
	id := b.Expect(b.now, theServer, 0, 8)
	var hedge []Action
	for range 10 {
		if hedge = of(b.step(100*time.Millisecond), Request, peerA); len(hedge) > 0 && hedge[0].First == 0 {
			break
		}
	}
	b.Progress(b.now, id, protocol.ChunkSize)
	b.Arrived(b.now, 0)
	if c := of(b.step(0), Cancel, 0); len(c) != 1 || c[0].ID != hedge[0].ID {
		t.Errorf("cancelled %+v, want the hedge %d", c, hedge[0].ID)
	}
}

func TestAPeerIsPreferredWhereItIsSurelyInTime(t *testing.T) {
	b := newBench(t, Playing, theServer, peerA)
	for c := range 3 { // 2 s in hand
		b.Arrived(b.now, c)
	}
	if a := b.step(0); len(a) == 0 || len(of(a, Request, theServer)) > 0 {
		t.Errorf("asked %+v", a)
	}
}

func TestTheFirstPeerIsNotStampeded(t *testing.T) {
	b := newBench(t, Playing, theServer)
	for c := range 30 {
		b.Arrived(b.now, c)
	}
	b.add(peerA)
	if a := of(b.step(0), Request, peerA); len(a) != 1 || a[0].Count > maxRun {
		t.Fatalf("an unproven peer is asked for %+v", a)
	}
	// It proves itself, and is asked for more.
	most := 0
	for range 40 {
		b.step(20 * time.Millisecond)
		if len(b.requests) > 0 {
			r := b.requests[0]
			b.serve(Action{ID: r.id, First: int(r.first), Count: int(r.count)})
		}
		b.step(0)
		most = max(most, b.sources[b.find(peerA)].requests)
	}
	if most < 2 {
		t.Errorf("a proven peer had at most %d requests outstanding", most)
	}
}

func TestASeekLeavesBehindWhatItNoLongerNeeds(t *testing.T) {
	b := newBench(t, Playing, theServer)
	before := of(b.step(0), Request, theServer)
	at := 100
	b.Playhead(b.now, int64(at)*protocol.ChunkSize, 0, Playing)
	a := b.step(0)
	if len(of(a, Cancel, 0)) != len(before) {
		t.Errorf("%d requests, cancelled %+v", len(before), of(a, Cancel, 0))
	}
	if r := of(a, Request, theServer); len(r) == 0 || r[0].First != at || r[0].Priority != protocol.PriorityUrgent {
		t.Errorf("asked for %+v, want chunk %d first", r, at)
	}
	// Back to what is there: nothing to be in a hurry for, nothing cancelled.
	b = newBench(t, Playing, theServer)
	for c := range 40 {
		b.Arrived(b.now, c)
	}
	b.Playhead(b.now, 30*protocol.ChunkSize, 0, Playing)
	b.step(0)
	b.Playhead(b.now, 5*protocol.ChunkSize, 0, Playing)
	if c := of(b.step(0), Cancel, 0); len(c) > 0 {
		t.Errorf("cancelled %+v", c)
	}
}

func TestAHeadThatThePlayheadIsInIsNotLeftBehind(t *testing.T) {
	const first, count = 100, 80 // some 20 s, more than what is near
	b := newBench(t, Idle)
	b.add(theServer)
	b.Playhead(b.now, first*protocol.ChunkSize, 0, Playing)
	b.Expect(b.now, theServer, first, count)
	b.step(0)
	// The reader reads what arrives before it is told of as whole.
	b.Playhead(b.now, (first+1)*protocol.ChunkSize, 0, Playing)
	if a := b.step(10 * time.Millisecond); len(of(a, Cancel, 0)) > 0 {
		t.Errorf("cancelled %+v", a)
	}
}

func TestAloneTheServerGivesABoundedLead(t *testing.T) {
	b := newBench(t, Paused, theServer)
	b.drain()
	if got := b.Buffered(b.now); got < 30*time.Second || got > 34*time.Second {
		t.Errorf("%v buffered, want 30 s and a run", got)
	}
}

func TestModesAskForWhatTheyWantOnly(t *testing.T) {
	head := track().after(5 * time.Second)
	for _, test := range []struct {
		name         string
		mode         Mode
		server, peer bool // there
		want         map[SourceID]int
	}{
		{"idle", Idle, true, true, map[SourceID]int{}},
		{"prefetch from peers, none there", PrefetchPeers, true, false, map[SourceID]int{}},
		{"prefetch from peers", PrefetchPeers, true, true, map[SourceID]int{peerA: 176}},
		{"prefetch the head, no peer", PrefetchHead, true, false, map[SourceID]int{theServer: head}},
		{"prefetch the head", PrefetchHead, true, true, map[SourceID]int{peerA: 176}},
		{"head only, no peer", HeadOnly, true, false, map[SourceID]int{theServer: head}},
		{"head only", HeadOnly, false, true, map[SourceID]int{peerA: head}},
		{"background, no peer", Background, true, false, map[SourceID]int{theServer: 176}},
		{"background", Background, true, true, map[SourceID]int{peerA: 176}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, test.mode)
			if test.server {
				b.add(theServer)
			}
			if test.peer {
				b.add(peerA)
			}
			got := b.drain()
			if len(got) != len(test.want) {
				t.Fatalf("got %v, want %v", got, test.want)
			}
			for id, n := range test.want {
				if got[id] != n {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestWhatWasSkippedIsFetchedLast(t *testing.T) {
	b := newBench(t, Playing, peerA)
	from := 60
	b.Playhead(b.now, int64(from)*protocol.ChunkSize, 0, Playing)
	for !b.Done() {
		for _, a := range b.step(50 * time.Millisecond) {
			if a.Kind != Request {
				continue
			}
			if a.First < from && b.want.next(from, b.n) < b.n {
				t.Fatalf("asked for %+v while %d is missing", a, b.want.next(from, b.n))
			}
			b.serve(a)
		}
		if b.now > time.Minute {
			t.Fatalf("%d chunks missing", b.left)
		}
	}
}

func TestWhatOnlyAnotherListenerShouldTakeIsTakenWhenItDoesNot(t *testing.T) {
	// Both are listeners; the other takes nothing.
	for _, mode := range []Mode{Playing, Background} {
		b := newBench(t, mode, theServer)
		b.AddSource(b.now, peerA, Source{Key: 77})
		b.Listening(b.now, peerA, true)
		for range 3000 {
			for _, a := range b.step(100 * time.Millisecond) {
				if a.Kind == Request {
					b.serve(a)
				}
			}
		}
		if c := b.Counts(); !b.Done() || c.Missed > 0 {
			t.Errorf("mode %d: %d missing, %+v", mode, b.left, c)
		}
	}
}

func TestAMissIsCountedOnceAndMovesTheDeadlines(t *testing.T) {
	b := newBench(t, Playing, theServer)
	b.step(0)
	b.Arrived(b.now, 0) // the start is no miss
	start := b.now
	if b.Counts().Missed != 0 {
		t.Error("the first chunk counts as a miss")
	}
	b.now = start + 3*time.Second
	b.Playhead(b.now, protocol.ChunkSize, 0, Playing) // waiting
	b.Arrived(b.now, 2)
	b.now += time.Second
	b.Arrived(b.now, 1)
	if c := b.Counts(); c.Missed != 1 {
		t.Errorf("%d misses, want 1", c.Missed)
	}
	if got := b.slack(b.now, 3); got < time.Second || got > 2*time.Second {
		t.Errorf("chunk 3 is due in %v, want two chunks' time", got)
	}
}

func TestWhatTurnsOutWrongIsFetchedAgain(t *testing.T) {
	b := newBench(t, Playing, peerA)
	b.drain()
	if _, next := b.Step(b.now); !b.Done() || next != Never {
		t.Fatal("not done")
	}
	b.Missing(b.now, 10, 3)
	if got := b.drain()[peerA]; got != 3 || !b.Done() {
		t.Errorf("%d chunks fetched again, want 3", got)
	}
}

func TestRatesAreMeasured(t *testing.T) {
	b := newBench(t, Playing, peerA)
	rate := 250_000.0
	for range 30 {
		for _, a := range b.step(0) {
			if a.Kind != Request {
				continue
			}
			b.now += 50 * time.Millisecond
			for range a.Count * 4 {
				b.now += time.Duration(4096 / rate * 1e9)
				b.Progress(b.now, a.ID, 4096)
			}
			for c := range a.Count {
				b.Arrived(b.now, a.First+c)
			}
			b.Finished(b.now, a.ID)
		}
	}
	if got := b.Rate(peerA); got < 0.8*rate || got > 1.2*rate {
		t.Errorf("measured %.0f bytes a second, want %.0f", got, rate)
	}
}

func TestTimelineFollowsTheSeekTable(t *testing.T) {
	h := header(192_000, 120*time.Second)
	l := NewTimeline(h)
	for c := range l.Chunks() {
		want := h.TimeAt(int64(c) * protocol.ChunkSize)
		if d := l.at(c) - want; d < -time.Millisecond || d > time.Millisecond {
			t.Errorf("chunk %d at %v, want %v", c, l.at(c), want)
		}
		if got := l.after(l.at(c)); l.at(got) != l.at(c) {
			t.Errorf("chunk %d is not found by its time", c)
		}
	}
	empty := NewTimeline(&protocol.Header{})
	s := New(Config{Timeline: empty})
	s.Playhead(0, 0, 0, Playing)
	if _, next := s.Step(0); !s.Done() || next != Never {
		t.Error("an empty track is not done")
	}
}

// A reader is told of a chunk a moment before the schedule is.
func TestWhatIsFetchedInNoHurryIsNotTakenBackWhereverTheReaderIs(t *testing.T) {
	b := &bench{t, New(Config{Timeline: track(), Seed: 1}), 0}
	b.add(theServer)
	b.Playhead(0, 0, 0, Background)
	asked := of(b.step(2*time.Second), Request, theServer)
	if len(asked) != 1 || asked[0].Count < 2 {
		t.Fatalf("asked for %+v", asked)
	}
	b.Playhead(b.now, int64(asked[0].First+1)*protocol.ChunkSize, time.Minute, Background)
	for _, a := range b.step(50 * time.Millisecond) {
		if a.Kind == Cancel {
			t.Errorf("taken back: %+v", a)
		}
	}
}

func TestOnlyWhoIsAloneOrOnALANTakesHalfOfWhatTheServerCanSend(t *testing.T) {
	for _, c := range []struct {
		name   string
		others int
		peer   time.Duration // its round trip
		mode   Mode
		half   bool
	}{
		{name: "alone", mode: Background, half: true},
		{name: "alone, playing", mode: Playing},
		{name: "the server knows another", others: 1, mode: Background},
		{name: "a peer is known", peer: 50 * time.Millisecond, mode: Background},
		{name: "a peer is known, playing", others: 1, peer: 50 * time.Millisecond, mode: Playing},
		{name: "all are on the LAN", others: 1, peer: time.Millisecond, mode: Playing, half: true},
		{name: "on the LAN, the server knows one more", others: 2, peer: time.Millisecond, mode: Playing},
	} {
		b := &bench{t, New(Config{Timeline: track(), Seed: 1, Others: c.others}), 0}
		b.add(theServer)
		if c.peer > 0 {
			b.AddSource(0, 1, Source{Kind: Peer, RTT: c.peer, Key: 1})
		}
		b.Playhead(0, 0, 0, c.mode)
		src := &b.sources[b.find(theServer)]
		if got := b.pace(src) == src.rate/2; got != c.half {
			t.Errorf("%s: %.0f of %.0f bytes a second", c.name, b.pace(src), src.rate)
		}
	}
}

func TestASeekIntoWhatIsToComeMuchLaterAsksWhoBringsItSooner(t *testing.T) {
	const first, count = 100, 8
	for _, test := range []struct {
		name string
		to   int
		want int
	}{
		{"the first that it brings", first, 0},
		{"the last", first + count - 1, 1},
	} {
		b := newBench(t, Playing, theServer, peerA)
		b.step(0)
		b.Expect(b.now, peerA, first, count) // it owes them
		b.Playhead(b.now, int64(test.to)*protocol.ChunkSize, 0, Playing)
		asked := of(b.step(0), Request, theServer)
		asked = slices.DeleteFunc(asked, func(a Action) bool { return a.First != test.to })
		if len(asked) != test.want || test.want > 0 && (asked[0].Priority != protocol.PriorityUrgent || asked[0].Count != 1) {
			t.Errorf("a seek to %s: the server is asked for %+v", test.name, asked)
		}
	}
}
