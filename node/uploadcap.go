package node

import (
	"fmt"
	"time"
)

// UploadCap bounds what is uploaded, by the clock on the wall: in bytes a second, 0
// for no bound.
type UploadCap struct {
	Rate  int64 // by day, or always where there is no night
	Night Night
}

// Night is a part of each day that has a cap of its own. It may span midnight. The
// zero Night is none.
type Night struct {
	Rate     int64         // 0: there is no night
	From, To time.Duration // since midnight, local time; To is not part of it
}

// At returns the cap at a moment. Only the hands of the clock count, so that a day
// of 23 or 25 hours, or a clock that is set, is followed as people would.
func (c UploadCap) At(t time.Time) int64 {
	if c.Night.Rate > 0 && c.Night.holds(t) {
		return c.Night.Rate
	}
	return c.Rate
}

func (n Night) holds(t time.Time) bool {
	hour, minute, second := t.Local().Clock()
	at := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	if n.From <= n.To {
		return n.From <= at && at < n.To
	}
	return n.From <= at || at < n.To
}

// Hours names the part of the day, as in 23:00-07:00; empty where there is none.
func (n Night) Hours() string {
	if n.Rate == 0 {
		return ""
	}
	return clock(n.From) + "-" + clock(n.To)
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}
