package main

import (
	"testing"
	"time"

	"earshot/node"
)

func TestRatesAreBitsOrBytesAsTheirUnitSays(t *testing.T) {
	for text, want := range map[string]int64{
		"2mbit": 250_000, "500kbit": 62_500, "1MB": 1_000_000, "1MB/s": 1_000_000, "1.5 Mbit/s": 187_500,
		"1gbit": 125_000_000, "100kB": 100_000, "8B": 8, "1MiB": 1 << 20,
		"": 0, "5": 0, "mbit": 0, "-1mbit": 0, "0mbit": 0, "0B": 0, "1e30gbit": 0, "NaNmbit": 0, "Infkbit": 0, "1mile": 0, "99999999999GB": 0,
	} {
		got, err := parseRate(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v: want %d", text, got, err, want)
		}
	}
}

func TestNightsAreARateAndTwoTimesOfDay(t *testing.T) {
	for text, want := range map[string]node.Night{
		"10mbit@23:00-07:00": {Rate: 1_250_000, From: 23 * time.Hour, To: 7 * time.Hour},
		"1MB@1:30 - 14:05":   {Rate: 1_000_000, From: 90 * time.Minute, To: 14*time.Hour + 5*time.Minute},
		"10mbit":             {}, "10mbit@": {}, "@23:00-07:00": {}, "10mbit@23:00": {}, "10mbit@24:00-07:00": {}, "10mbit@7-8": {},
		"10mbit@07:00-07:00": {}, "10mbit@23:00-07:00-08:00": {}, "0mbit@23:00-07:00": {}, "10mbit@23:60-07:00": {}, "": {},
	} {
		got, err := parseNight(text)
		if got != want || (err == nil) != (want.Rate > 0) {
			t.Errorf("%q: %+v, %v: want %+v", text, got, err, want)
		}
	}
}

func TestSizesAreNumbersOfBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"500MB": 500e6, "20 GB": 20e9, "1GiB": 1 << 30, "60000000": 60e6, "1.5GB": 1.5e9,
		"": 0, "0": 0, "-1GB": 0, "lots": 0, "9999999TB": 0, "17EB": 0,
	} {
		got, err := parseSize(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v: want %d", text, got, err, want)
		}
	}
}

func TestSpansHaveDaysAndWeeks(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"7d": 7 * day, "12h": 12 * time.Hour, "2w": 14 * day, "1w2d3h": 9*day + 3*time.Hour, "90m": 90 * time.Minute, "100ms": 100 * time.Millisecond,
		"": 0, "7": 0, "d": 0, "-1d": 0, "-1h": 0, "0d": 0, "1d2w": 0, "9999999d": 0, "65535w": 0, "1h1d": 0, "x": 0, "300000h": 0,
	} {
		got, err := parseSpan(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v: want %v", text, got, err, want)
		}
	}
}

func TestMomentsAreClockTimes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "90": 90 * time.Second, "1:30": 90 * time.Second, "1:02:03": time.Hour + 2*time.Minute + 3*time.Second,
		"0:59.5": 59500 * time.Millisecond, "75:00": 75 * time.Minute, "1:5": 65 * time.Second,
	} {
		if got, err := parseMoment(text); got != want || err != nil {
			t.Errorf("%q: %v, %v: want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ":", "1:", ":30", "1:60", "1:60:00", "-1", "1:2:3:4", "1.5:00", "1e3", "NaN", "Inf", "0x10", "1..2", "99999999999999999999"} {
		if got, err := parseMoment(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// Whatever is typed, a parser's answer is in range.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"2mbit", "1w2d", "1:30", "500MB", "1e308gbit", "w", "::", "9223372036854775807"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseRate(text); err == nil && n < 1 {
			t.Errorf("rate %q: %d", text, n)
		}
		if n, err := parseNight(text); err == nil && (n.Rate < 1 || n.From == n.To || n.To >= 24*time.Hour) {
			t.Errorf("night %q: %+v", text, n)
		}
		if n, err := parseSize(text); err == nil && n < 1 {
			t.Errorf("size %q: %d", text, n)
		}
		if d, err := parseSpan(text); err == nil && (d <= 0 || d > maxSpan) {
			t.Errorf("span %q: %v", text, d)
		}
		if d, err := parseMoment(text); err == nil && (d < 0 || d > maxHours*time.Hour) {
			t.Errorf("moment %q: %v", text, d)
		}
	})
}
