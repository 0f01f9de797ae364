package swarm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go/qlog"
)

// occupied returns an uplink whose window is full with what the gauge has under way.
func occupied() (*uplink, *gauge) {
	l := newUplink()
	g := l.gauge()
	g.under(firstWindow)
	return l, g
}

// under has QUIC tell what is in flight.
func (g *gauge) under(bytes int) {
	g.RecordEvent(qlog.MetricsUpdated{BytesInFlight: bytes, CongestionWindow: 1 << 20, LatestRTT: time.Millisecond})
}

// wants has a new connection wait for a turn, do something in it and end it.
func (l *uplink) wants(t *testing.T, wg *sync.WaitGroup, n need, do func(g *gauge)) {
	g := l.gauge()
	wg.Go(func() {
		turn, err := l.take(t.Context(), g, n)
		if err != nil {
			t.Error(err)
			return
		}
		do(g)
		turn.end()
	})
}

func TestSoundGoesBeforeStartsAndStartsBeforeTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g := occupied()
		l.window.found = true
		now := time.Now()
		wants := map[string]need{
			"late":   {due: now.Add(-time.Second)},
			"soon":   {sound: true, due: now.Add(hurry / 2)},
			"sooner": {sound: true, due: now.Add(hurry / 4)},
			"start":  {start: true},
			"later":  {due: now.Add(2 * later)},
			"far":    {sound: true, due: now.Add(later / 2)},
		}
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for name, n := range wants {
			l.wants(t, &wg, n, func(*gauge) {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			})
		}
		synctest.Wait()
		for sent := firstWindow; sent > 0; sent -= quantum {
			g.under(sent - quantum)
			synctest.Wait()
		}
		wg.Wait()
		if want := []string{"sooner", "soon", "late", "start", "far", "later"}; !slices.Equal(order, want) {
			t.Errorf("they went in the order %v, want %v", order, want)
		}
	})
}

func TestAFullConnectionHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newUplink()
		full := l.gauge()
		full.RecordEvent(qlog.MetricsUpdated{BytesInFlight: 9000, CongestionWindow: 9000})
		got := make(chan *turn, 1)
		go func() {
			turn, _ := l.take(t.Context(), full, need{start: true})
			got <- turn
		}()
		synctest.Wait()
		turn, err := l.take(t.Context(), l.gauge(), need{due: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		turn.end()
		select {
		case <-got:
			t.Error("the full one got a turn")
		default:
		}
		full.under(1000)
		(<-got).end()
	})
}

func TestWhatADeadConnectionHasInFlightIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g := occupied()
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		go l.watch(ctx)
		began := time.Now()
		turn, err := l.take(t.Context(), l.gauge(), need{start: true})
		if err != nil {
			t.Fatal(err)
		}
		turn.end()
		if waited := time.Since(began); waited > 2*mute {
			t.Errorf("it waited for %v", waited)
		}
		g.under(firstWindow / 2) // it is back
		if l.inFlight != firstWindow/2 {
			t.Errorf("%d bytes count as in flight", l.inFlight)
		}
		g.Close()
		if l.inFlight != 0 {
			t.Errorf("%d bytes count as in flight of nobody", l.inFlight)
		}
	})
}

func TestATurnThatIsNotUsedIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newUplink()
		g := l.gauge()
		ctx, cancel := context.WithCancel(t.Context())
		var turns []*turn
		for l.granted < aloneWindow {
			turn, err := l.take(t.Context(), g, need{start: true})
			if err != nil {
				t.Fatal(err)
			}
			turns = append(turns, turn)
		}
		gone := make(chan error)
		go func() {
			_, err := l.take(ctx, g, need{start: true})
			gone <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		time.Sleep(2 * turnTime)
		synctest.Wait()
		if l.granted != 0 {
			t.Errorf("%d bytes are granted still", l.granted)
		}
		for _, turn := range turns {
			if turn.limit(1200) != 0 {
				t.Error("a turn that was lost still sends")
			}
			turn.end()
		}
	})
}

func TestNoMoreBeginThanTheLineBears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newUplink()
		l.window.found, l.window.rates[0] = true, 100_000
		l.sounds(1, startShare*100_000)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go l.watch(ctx)
		began := time.Now()
		turn, err := l.take(t.Context(), l.gauge(), need{start: true, due: began})
		if err != nil {
			t.Fatal(err)
		}
		defer turn.end()
		if took := time.Since(began); took <= startPatience || took > startPatience+mute/2 {
			t.Errorf("it began after %v, who waits for a peer waits %v", took, startPatience)
		}
	})
}

func TestNoMoreGoesThanALineThatIsKnownTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 250e3
		l := newUplink()
		defer l.rest()
		l.window = window{size: 4 * leastWindow, found: true, pace: paceGain * rate}
		g := l.gauge()
		g.under(8 * packetSize) // on the line: 31 ms at its pace
		start := time.Now()
		for i := range 3 {
			turn, err := l.take(t.Context(), g, need{start: true})
			if err != nil {
				t.Fatal(err)
			}
			want := time.Duration(float64(8*packetSize+i*quantum)/(paceGain*rate)*float64(time.Second)) - mostQueue
			if waited := time.Since(start); waited < want-time.Millisecond || waited > want+2*time.Millisecond {
				t.Errorf("turn %d came after %v, not when the line has 10 ms to do: %v", i, waited, want)
			}
			g.under(g.inFlight - quantum) // some come to be acknowledged
			turn.limit(quantum)
			g.under(g.inFlight + quantum)
			turn.end()
		}
	})
}

func TestAWindowThatIsKeptForOthersIsNotFull(t *testing.T) {
	for _, test := range []struct {
		name     string
		inFlight int
		short    bool
	}{{"half", firstWindow / 2, true}, {"full", firstWindow, false}} {
		synctest.Test(t, func(t *testing.T) {
			l := newUplink()
			l.window.found = true
			g := l.gauge()
			g.under(test.inFlight)
			ctx, cancel := context.WithCancel(t.Context())
			defer synctest.Wait()
			defer cancel()
			go l.take(ctx, l.gauge(), need{due: time.Now().Add(2 * later)})
			synctest.Wait()
			time.Sleep(2 * shortWait)
			g.under(test.inFlight + packetSize)
			if l.window.round.began.IsZero() {
				t.Error("nothing waits")
			}
			g.under(test.inFlight)
			if l.window.round.short != test.short {
				t.Errorf("%s: that the round is short is %v", test.name, l.window.round.short)
			}
		})
	}
}

func TestTheFirstWindowIsLessTheMoreThereAre(t *testing.T) {
	for _, test := range []struct{ connected, come, busy, most int }{
		{few, 0, 1, aloneWindow},
		{few, 0, 2, firstWindow},
		{few + 1, 0, 1, crowdWindow},
		{0, 1, 1, aloneWindow},
		{0, 2, 0, firstWindow},
		{0, fewNew, 0, firstWindow},
		{0, fewNew + 1, 0, crowdWindow},
		{few - fewNew, fewNew, 0, firstWindow},
		{0, few + 1, 0, crowdWindow},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newUplink()
			for range test.connected {
				l.gauge()
			}
			time.Sleep(newFor)
			for range test.come {
				l.gauge()
			}
			busy := 0
			for g := range l.gauges {
				if busy++; busy > test.busy {
					break
				}
				g.inFlight = 1
			}
			if got := l.most(time.Now()); got != test.most {
				t.Errorf("of %+v %d bytes may be under way", test, got)
			}
			l.window.found = true
			if got := l.most(time.Now()); got != firstWindow {
				t.Errorf("on a line that is known, %d", got)
			}
		})
	}
}

func TestWhoComesBehindOthersDoesNotTakeTheirQueueForTheWay(t *testing.T) {
	const way, queue = 50 * time.Millisecond, 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		l, _ := occupied()
		behind := l.gauge()
		behind.under(packetSize)
		if _, known := behind.way(time.Now(), way+queue); known {
			t.Error("behind others, on a line where no way is known, its own is")
		}
		l.window.base = way
		if got, known := behind.way(time.Now(), way+queue); got != way || !known {
			t.Errorf("behind others its way is %v, want %v", got, way)
		}
		time.Sleep(newFor)
		if got, known := behind.way(time.Now(), way+queue); got != way+queue || !known {
			t.Errorf("later it is %v, want what it has seen: %v", got, way+queue)
		}
		l = newUplink()
		first := l.gauge()
		first.under(packetSize)
		if got, known := first.way(time.Now(), way+queue); got != way+queue || !known {
			t.Errorf("of one who comes alone it is %v, want %v", got, way+queue)
		}
	})
}
