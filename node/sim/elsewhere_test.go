package sim

import (
	"testing"
	"time"

	"earshot/node/schedule"
)

func TestTheServerTellsWhoCanWaitOfWhoIsSentTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		to, first int32
		after     time.Duration
		within    time.Duration
		want      bool
	}{
		"far ahead":     {2, 7, time.Second, 10 * time.Second, true},
		"in no hurry":   {2, 7, time.Second, schedule.Never / 2, true},
		"needed soon":   {2, 7, time.Second, canWait - 1, false},
		"another chunk": {2, 8, time.Second, 10 * time.Second, false},
		"long after":    {2, 7, passedOnIn, 10 * time.Second, false},
		"asked again":   {1, 7, time.Second, 10 * time.Second, false},
	} {
		w := &world{lately: map[chunk]sending{}}
		if w.elsewhere(&flow{to: 1, first: 7, due: 10 * time.Second}) {
			t.Fatal("who asks first is told so")
		}
		w.now = c.after
		if got := w.elsewhere(&flow{to: c.to, first: c.first, due: w.now + c.within}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
