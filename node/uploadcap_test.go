package node

import (
	"testing"
	"time"
)

func TestTheCapFollowsTheHandsOfTheClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	local := time.Local
	time.Local = berlin
	defer func() { time.Local = local }()
	night := UploadCap{Rate: 1, Night: Night{Rate: 2, From: 23 * time.Hour, To: 7 * time.Hour}}
	noon := UploadCap{Rate: 1, Night: Night{Rate: 2, From: 11*time.Hour + 30*time.Minute, To: 14 * time.Hour}}
	for _, test := range []struct {
		cap  UploadCap
		at   string // with its offset
		want int64
	}{
		{night, "2026-01-10T22:59:59+01:00", 1},
		{night, "2026-01-10T23:00:00+01:00", 2},
		{night, "2026-01-11T00:00:00+01:00", 2},
		{night, "2026-01-11T06:59:59+01:00", 2},
		{night, "2026-01-11T07:00:00+01:00", 1},
		{night, "2026-01-10T22:30:00Z", 2}, // seen from London
		{noon, "2026-01-10T11:29:00+01:00", 1},
		{noon, "2026-01-10T11:30:00+01:00", 2},
		{noon, "2026-01-10T14:00:00+01:00", 1},
		// The nights when the clocks change: 2:00 is followed by 3:00, or comes twice.
		{night, "2026-03-29T01:59:00+01:00", 2},
		{night, "2026-03-29T03:00:00+02:00", 2},
		{night, "2026-03-29T07:00:00+02:00", 1},
		{night, "2026-10-25T02:30:00+02:00", 2},
		{night, "2026-10-25T02:30:00+01:00", 2},
		{night, "2026-10-25T07:00:00+01:00", 1},
		{UploadCap{Rate: 5}, "2026-01-10T23:30:00+01:00", 5},
		{UploadCap{Night: night.Night}, "2026-01-10T12:00:00+01:00", 0},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.cap.At(at); got != test.want {
			t.Errorf("%+v at %s is %d, want %d", test.cap, test.at, got, test.want)
		}
	}
	if got := night.Night.Hours(); got != "23:00-07:00" {
		t.Errorf("it is named %q", got)
	}
}
