package swarm

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go/qlog"
)

// comesTo has a connection come, and returns how long it waited.
func comesTo(t *testing.T, l *uplink) time.Duration {
	began := time.Now()
	l.admit(t.Context())
	return time.Since(began)
}

func TestWhoComesWaitsForTheLineAndNotForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g := occupied()
		time.AfterFunc(20*time.Millisecond, func() { g.under(firstWindow / 2) })
		if waited := comesTo(t, l); waited != 20*time.Millisecond {
			t.Errorf("where the line has room in 20 ms one waits for %v", waited)
		}
		g.under(firstWindow)
		if waited := comesTo(t, l); waited != comePatience {
			t.Errorf("where it never has one waits for %v", waited)
		}
		l.rest()
		if waited := comesTo(t, l); waited > 0 {
			t.Errorf("at the end one waits for %v", waited)
		}
	})
}

// contest has so many connections come while turns are waited for, over a line that
// takes a quantum in each step, and returns in which step each had its turn.
func contest(t *testing.T, comers int, wants map[string]need) (came []int, had map[string]int) {
	const step = 2 * comeTime
	l, g := occupied()
	l.window.found = true
	began, had := time.Now(), map[string]int{}
	now := func() int { return int(time.Since(began) / step) }
	var mu sync.Mutex
	var wg sync.WaitGroup
	for name, n := range wants {
		l.wants(t, &wg, n, func(other *gauge) {
			other.under(quantum)
			mu.Lock()
			defer mu.Unlock()
			had[name] = now()
		})
	}
	wg.Go(func() { // as QUIC does, one after another
		for range comers {
			l.admit(t.Context())
			l.gauge().under(100)
			came = append(came, now())
		}
	})
	for sent := firstWindow; sent > 0; sent -= quantum {
		synctest.Wait()
		time.Sleep(step)
		g.under(sent - quantum)
	}
	wg.Wait()
	return came, had
}

func TestWhoComesGoesBeforeWhatCanWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		came, had := contest(t, comersRow+2, map[string]need{"later": {sound: true, due: time.Now().Add(later / 2)}})
		if had["later"] != 1 || came[comersRow-1] != 1 || came[comersRow] != 2 {
			t.Errorf("what can wait has its turn in step %d, who comes in steps %v", had["later"], came)
		}
		if came, _ := contest(t, comersRow+2, nil); came[comersRow+1] != 1 {
			t.Errorf("where nobody else waits they come in steps %v", came)
		}
	})
}

func TestWhoComesTakesTurnsWithAStartThatOthersWaitForAndWithSoundThatWouldEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		came, had := contest(t, 4, map[string]need{
			"first": {start: true},
			"dry":   {sound: true, due: time.Now().Add(hurry / 4)},
		})
		if want := []int{1, 2, 3, 3}; !slices.Equal(came, want) || had["dry"] != 1 || had["first"] != 2 {
			t.Errorf("they come in steps %v, want %v, the others' turns are in %v", came, want, had)
		}
	})
}

func TestWhatIsNoHandshakeHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newUplink()
		l.window.found = true
		l.admit(t.Context()) // nothing is ever sent to it
		if waited := comesTo(t, l); waited != comeTime {
			t.Errorf("the next waits for %v, want %v", waited, comeTime)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		turn, err := l.take(ctx, l.gauge(), need{due: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		turn.end()
	})
}

// QUIC takes the next while the one before is being answered.
func TestTheNextComesWhenTheOneBeforeHasBeenAnswered(t *testing.T) {
	early := qlog.PacketReceived{Header: qlog.PacketHeader{PacketType: qlog.PacketType0RTT}}
	for name, test := range map[string]struct {
		early  bool
		answer func(l *uplink, g *gauge)
		want   time.Duration
	}{
		"it has asked for nothing yet": {false, func(*uplink, *gauge) {}, 0},
		"its answer is no start":       {true, func(l *uplink, g *gauge) { l.answered(g) }, 0},
		"its start waits for its turn": {true, func(l *uplink, g *gauge) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if _, err := l.take(ctx, g, need{due: time.Now().Add(time.Minute)}); err == nil {
				t.Error("what can wait goes before who comes")
			}
		}, 0},
		"its answer takes longer than that may": {true, func(*uplink, *gauge) {}, comeTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newUplink()
			l.window.found = true
			l.admit(t.Context())
			g := l.gauge()
			if test.early {
				g.RecordEvent(early)
			}
			g.under(100)
			if l.comers.silent != test.early {
				t.Errorf("%s: its first packets let the next in: %v", name, !l.comers.silent)
			}
			test.answer(l, g)
			if waited := comesTo(t, l); waited != test.want {
				t.Errorf("%s: the next waits for %v, want %v", name, waited, test.want)
			}
		})
	}
}
