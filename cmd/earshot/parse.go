package main

import (
	"errors"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"earshot/node"
)

var (
	errBadRate   = errors.New("a rate is a number with kbit, mbit or gbit, or in bytes a second with kB, MB or GB: 2mbit, 500kbit, 1MB")
	errBadSize   = errors.New("a size is a number with MB or GB: 500MB, 20GB")
	errBadSpan   = errors.New("a time span is a number with w, d, h or m: 7d, 12h, 2w")
	errBadMoment = errors.New("a moment is M:SS, H:MM:SS or seconds: 1:30")
	errBadNight  = errors.New("a night is a rate and two times of day: 10mbit@23:00-07:00")
	errBadHost   = errors.New("want HOST:PORT, as 192.0.2.1:4433, [2001:db8::1]:4433 or :4433")
)

// parseRate reads a rate of bits (mbit) or bytes (MB) a second, in bytes a second.
// The unit says which, so a bare number is refused: it would be wrong by eight.
func parseRate(text string) (int64, error) {
	unit := strings.ToLower(strings.TrimSpace(text))
	unit = strings.TrimSuffix(unit, "/s")
	for suffix, bits := range map[string]float64{"kbit": 1e3, "mbit": 1e6, "gbit": 1e9} {
		if number, ok := strings.CutSuffix(unit, suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if rate := n * bits / 8; err == nil && rate >= 1 && rate < math.MaxInt64/2 {
				return int64(rate), nil
			}
			return 0, errBadRate
		}
	}
	if !strings.HasSuffix(unit, "b") {
		return 0, errBadRate
	}
	n, err := humanize.ParseBytes(unit)
	if err != nil || n < 1 || n > math.MaxInt64/2 {
		return 0, errBadRate
	}
	return int64(n), nil
}

// parseNight reads a rate and the part of the day for which it is.
func parseNight(text string) (n node.Night, err error) {
	rate, hours, ok := strings.Cut(text, "@")
	from, to, ok2 := strings.Cut(hours, "-")
	if !ok || !ok2 {
		return n, errBadNight
	}
	if n.Rate, err = parseRate(rate); err != nil {
		return n, err
	}
	var errTo error
	n.From, err = parseTimeOfDay(from)
	n.To, errTo = parseTimeOfDay(to)
	if err != nil || errTo != nil || n.From == n.To {
		return node.Night{}, errBadNight
	}
	return n, nil
}

// parseTimeOfDay reads HH:MM, as the time since midnight.
func parseTimeOfDay(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	if err != nil {
		return 0, err
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// parseSize reads a number of bytes.
func parseSize(text string) (int64, error) {
	n, err := humanize.ParseBytes(strings.TrimSpace(text))
	if err != nil || n < 1 || n > math.MaxInt64/2 {
		return 0, errBadSize
	}
	return int64(n), nil
}

// maxSpan is the longest time span taken: beyond ten years a slip of the
// keyboard is likelier than the wish.
const maxSpan = 10 * 366 * 24 * time.Hour

// parseSpan reads a time span: package time's, with days (d) and weeks (w).
func parseSpan(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	var sum time.Duration
	for _, unit := range [...]struct {
		name string
		span time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, ok := strings.Cut(rest, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || time.Duration(n) > maxSpan/unit.span {
			return 0, errBadSpan
		}
		sum, rest = sum+time.Duration(n)*unit.span, after
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || d > maxSpan {
			return 0, errBadSpan
		}
		sum += d
	}
	if sum <= 0 || sum > maxSpan {
		return 0, errBadSpan
	}
	return sum, nil
}

// maxHours bounds a moment of a track: the longest track has fewer.
const maxHours = 1000

// parseMoment reads a moment of a track: M:SS, H:MM:SS or seconds, which may have
// decimals.
func parseMoment(text string) (time.Duration, error) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	if len(parts) > 3 {
		return 0, errBadMoment
	}
	var seconds float64
	for i, part := range parts {
		last := i == len(parts)-1
		if part == "" || strings.Trim(part, "0123456789.") != "" || !last && strings.Contains(part, ".") {
			return 0, errBadMoment
		}
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || i > 0 && n >= 60 {
			return 0, errBadMoment
		}
		seconds = seconds*60 + n
	}
	if seconds > maxHours*3600 {
		return 0, errBadMoment
	}
	return time.Duration(math.Round(seconds * float64(time.Second))), nil
}

// checkAddress refuses what is no HOST:PORT.
func checkAddress(flag, text string) error {
	if _, _, err := splitAddress(text); err != nil {
		return usagef("--%s %s: %v", flag, text, err)
	}
	return nil
}

// checkAdvertised refuses what others cannot connect to: it needs a host, and a
// port that is not 0.
func checkAdvertised(flag, text string) error {
	host, port, err := splitAddress(text)
	if err == nil && (host == "" || port == 0) {
		err = errors.New("others need a host and a port to connect to")
	}
	if err != nil {
		return usagef("--%s %s: %v", flag, text, err)
	}
	return nil
}

func splitAddress(text string) (host string, port uint64, err error) {
	host, number, err := net.SplitHostPort(text)
	if err == nil {
		port, err = strconv.ParseUint(number, 10, 16)
	}
	if err != nil {
		return "", 0, errBadHost
	}
	return host, port, nil
}
