package swarm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func TestUploadsStandBackForWhatPlaysHere(t *testing.T) {
	for name, test := range map[string]struct {
		priority protocol.Priority
		urgent   time.Duration // what plays here, for so long
		want     time.Duration
	}{
		"nothing is urgent":       {protocol.PriorityPrefetch, 0, 0},
		"until it is over":        {protocol.PriorityPlaying, 300 * time.Millisecond, 300 * time.Millisecond},
		"but not for long":        {protocol.PriorityPlaying, time.Minute, standBackFor},
		"nor where both hurry":    {protocol.PriorityUrgent, time.Minute, 0},
		"the last one waits, too": {protocol.PriorityBackground, 100 * time.Millisecond, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s Swarm
				if test.urgent > 0 {
					s.StandBack(true)
					over := time.AfterFunc(test.urgent, func() { s.StandBack(false) })
					defer over.Stop()
				}
				began := time.Now()
				if err := s.back.wait(t.Context(), test.priority); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(began); waited != test.want {
					t.Errorf("it waited %v, want %v", waited, test.want)
				}
			})
		})
	}
}

func TestAnUploadThatIsNoLongerWantedDoesNotStandBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Swarm
		s.StandBack(true)
		defer s.StandBack(false)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.back.wait(ctx, protocol.PriorityPlaying); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ends with %v", err)
		}
	})
}
