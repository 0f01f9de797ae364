package main

import (
	"fmt"
	"strings"

	"earshot/node/control"
	"earshot/node/player"
)

// playScreen tells how playing goes: on a terminal in one line that is written
// over each second, elsewhere a line when a track begins. With JSON there is an
// object for each track, as it ends, and warnings on stderr.
type playScreen struct {
	out    *screen
	err    *screen
	json   bool
	tracks int
	failed int
}

// event takes the player's events, in order.
func (s *playScreen) event(e player.Event) {
	switch e.Kind {
	case player.EventStarted:
		s.started(e)
	case player.EventProgress:
		s.progress(e)
	case player.EventWaiting:
		s.warn("%s waits: %s: it goes on when something does", titleOf(e.Track), oneLine(e.Err.Error()))
	case player.EventResumed:
		s.warn("%s goes on", titleOf(e.Track))
	case player.EventEnded:
		s.ended(e)
	case player.EventFailed:
		s.failed++
		if s.tracks > 1 { // of one alone the command's own error tells
			s.warn("%s: passing over it", oneLine(e.Err.Error()))
		}
		s.ended(e)
	}
}

func (s *playScreen) warn(format string, args ...any) {
	s.out.clear()
	s.err.say("earshot: "+format, args...)
}

func (s *playScreen) started(e player.Event) {
	if s.json {
		return
	}
	if s.out.tty {
		s.progress(e)
		return
	}
	s.out.say("playing %s (%s), begun after %s", titleOf(e.Track), clockOf(e.Track.Duration), latencyOf(e.Result))
}

func latencyOf(r player.Result) string { return fmt.Sprintf("%.0f ms", r.LatencyMS) }

// Widths of the live line's parts.
const (
	liveBar   = 20
	liveTitle = 12 // at the least
)

func (s *playScreen) progress(e player.Event) {
	if s.json || !s.out.tty {
		return
	}
	t := e.Track
	at := fmt.Sprintf("  %s/%s ", clockOf(e.Position), clockOf(t.Duration))
	bar := progressBar(int64(e.Position), int64(t.Duration), liveBar)
	r := e.Result
	shares := liveShares(r.Shares)
	end := "  " + latencyOf(r)
	if r.Stutters > 0 {
		end += "  " + count(r.Stutters, "stutter")
	}
	// What does not fit goes, the least missed first; the last column stays
	// free, as some terminals begin a new line after it.
	width := s.out.width() - 1
	room := func() int { return width - textWidth(at) - textWidth(bar) - cellsWidth(shares) - textWidth(end) }
	if room() < liveTitle {
		bar = ""
	}
	if room() < liveTitle {
		end = ""
	}
	if room() < liveTitle {
		shares = nil
	}
	cells := []cell{{text: fitText(titleOf(t), max(0, room()))}, {text: at}, {bar, dim}}
	cells = append(cells, shares...)
	s.out.overlay(append(cells, cell{end, dim})...)
}

// liveShares is where the bytes so far came from.
func liveShares(s control.Shares) []cell {
	total := s.Total()
	return []cell{
		{fmt.Sprintf("  S %d%%", percent(s.Server, total)), yellow},
		{fmt.Sprintf(" P %d%%", percent(s.Peers, total)), green},
		{fmt.Sprintf(" C %d%%", percent(s.Cache, total)), cyan},
	}
}

func cellsWidth(cells []cell) (columns int) {
	for _, c := range cells {
		columns += textWidth(c.text)
	}
	return columns
}

func (s *playScreen) ended(e player.Event) {
	r := e.Result
	if r.SecondsPlayed == 0 {
		return // it never sounded
	}
	if s.json {
		s.out.json(r)
		return
	}
	s.out.line(
		cell{text: fmt.Sprintf("played %s, %s: begun after %s, %s, ", titleOf(e.Track), clock(int(r.SecondsPlayed)), latencyOf(r), count(r.Stutters, "stutter"))},
		cell{text: sharesText(r.Shares), colour: dim},
	)
}

// end sums up.
func (s *playScreen) end(results []player.Result) {
	s.out.clear()
	if s.json || len(results) < 2 {
		return
	}
	var sum control.Shares
	var seconds float64
	stutters := 0
	for _, r := range results {
		sum = sum.Add(r.Shares)
		seconds += r.SecondsPlayed
		stutters += r.Stutters
	}
	parts := []string{count(len(results), "track"), clock(int(seconds)), count(stutters, "stutter"),
		fmt.Sprintf("server %s, peers %s, cache %s", bytesOf(sum.Server), bytesOf(sum.Peers), bytesOf(sum.Cache))}
	if s.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", s.failed))
	}
	s.out.say("in all: %s", strings.Join(parts, ", "))
}
