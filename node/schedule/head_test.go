package schedule

import (
	"testing"
	"time"
)

func TestAHeadIsShorterWherePeersHelpOrOthersWait(t *testing.T) {
	for _, test := range []struct {
		peers, crowd int
		want         time.Duration
	}{
		{0, 0, idleHead},
		{1, 0, sharedHead},
		{0, 1, idleHead / 2},
		{1, 1, sharedHead / 2},
		{0, 50, LeastHead},
		{1, 50, LeastHead},
		{10, 1 << 30, LeastHead},
	} {
		if got := Head(test.peers, test.crowd); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
