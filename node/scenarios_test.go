//go:build figures

package node

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"earshot/node/bench"
)

// scenario is a row of the table of goals. Its name is what make scenarios
// ROW=... takes; run returns its figures, each with its goal.
type scenario struct {
	name string
	run  func(t *testing.T) []bench.Figure
}

// scenarios is the table, one group of rows a file.
func scenarios() []scenario {
	return slices.Concat(
		crowdScenarios(),

		faultScenarios(),

		guestScenarios(),

		listenScenarios(),

		officeScenarios(),

		nearScenarios(),

		thinScenarios(),
	)
}

// TestScenarios runs each row of the table by its name, and fails where a goal
// is missed by more than a tenth.
func TestScenarios(t *testing.T) {
	runtime.GOMAXPROCS(1) // a simulation is faster on one core
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) { bench.Report(t, s.name, s.run(t)...) })
	}
}

// virtual has a row run in virtual time, in a bubble of its own.
func virtual(run func(t *testing.T) []bench.Figure) func(t *testing.T) []bench.Figure {
	return func(t *testing.T) (figures []bench.Figure) {
		synctest.Test(t, func(t *testing.T) { figures = run(t) })
		return figures
	}
}

// scenarioTrack is what the table's goals are for.
func scenarioTrack() labTrack { return newLabTrack(1, 120*time.Second, 192_000) }

// connected starts nodes that have known the server for a while, each with its
// connection up.
func (l *lab) connected(n int, at line) []*Node {
	nodes := l.start(n, at)
	for _, n := range nodes {
		if _, err := n.swarm.Server(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Second)
	return nodes
}

// gaps is the figure that nobody may miss: how often the sound stopped.
func gaps(t *testing.T, all []heard) bench.Figure {
	t.Helper()
	var silence time.Duration
	for i, h := range all {
		if h.err != nil {
			t.Errorf("listener %d: %v", i, h.err)
		}
		silence += h.silence
	}
	return bench.AtMost(fmt.Sprintf("stutters (%v of silence)", silence.Round(time.Millisecond)), float64(stutters(all)), 0, "")
}

// latencies returns how long each waited for its first sound, in ms, sorted.
func latencies(all []heard) (list []float64) {
	for _, h := range all {
		list = append(list, ms(h.latency))
	}
	slices.Sort(list)
	return list
}

// percentile of a sorted list, by nearest rank.
func percentile(sorted []float64, percent int) float64 {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func stutters(all []heard) (n int) {
	for _, h := range all {
		n += h.stutters
	}
	return n
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
