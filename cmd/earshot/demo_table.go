package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"earshot/node/control"
	"earshot/protocol"
)

// demoResult is how one track's play went, as `play --json` tells it.
type demoResult struct {
	ID        protocol.ID `json:"id"`
	LatencyMS float64     `json:"playback_latency_ms"`
	Stutters  int         `json:"stutters"`
	control.Shares
	Seconds float64 `json:"seconds_played"`

	measured bool // false: interrupted, and only the bytes are known
}

// readResults reads what `play --json` prints: JSON objects, of which those
// with seconds_played are results. Anything else is passed over; what is no
// JSON ends it.
func readResults(r io.Reader) []demoResult {
	var results []demoResult
	for d := json.NewDecoder(r); ; {
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return results
		}
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil || fields["seconds_played"] == nil {
			continue
		}
		result := demoResult{measured: true}
		if json.Unmarshal(raw, &result) == nil {
			results = append(results, result)
		}
	}
}

// withUnfinished adds the tracks that were heard but have no result, with the
// bytes that the strips saw.
func withUnfinished(results []demoResult, strips []*demoStrip) []demoResult {
	known := map[protocol.ID]bool{}
	for _, r := range results {
		known[r.ID] = true
	}
	for _, s := range strips {
		if !known[s.track.ID] && s.seen.Total() > 0 {
			results = append(results, demoResult{ID: s.track.ID, Shares: s.seen})
		}
	}
	return results
}

// numberColumns is the width of the table behind the title.
const numberColumns = 9 + 10 + 3*9

// demoTable writes a row for each track and one for all.
func demoTable(w io.Writer, width int, results []demoResult, tracks []protocol.Track) {
	titles := map[protocol.ID]string{}
	longest := len("track")
	for _, t := range tracks {
		titles[t.ID] = demoTitle(t)
		longest = max(longest, len([]rune(titles[t.ID])))
	}
	title := max(8, min(longest, width-numberColumns))
	row := func(name, latency, stutters string, cells ...string) {
		line := fmt.Sprintf("%s%9s%10s", cut(name, title), latency, stutters)
		for _, c := range cells {
			line += fmt.Sprintf("%9s", c)
		}
		fmt.Fprintln(w, line)
	}
	row("track", "latency", "stutters", "server", "peers", "cache")
	var all control.Shares
	stutters, measured := 0, true
	for _, r := range results {
		all = all.Add(r.Shares)
		stutters += r.Stutters
		latency, count := fmt.Sprintf("%.0f ms", r.LatencyMS), fmt.Sprint(r.Stutters)
		if !r.measured {
			latency, count, measured = "-", "-", false
		}
		row(titles[r.ID], latency, count, size(r.Server), size(r.Peers), size(r.Cache))
	}
	count := fmt.Sprint(stutters)
	if !measured {
		count = "-"
	}
	row("all", "", count, size(all.Server), size(all.Peers), size(all.Cache))
	if total := all.Total(); total > 0 {
		share := func(n int64) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(total)) }
		row("", "", "", share(all.Server), share(all.Peers), share(all.Cache))
	}
}

func size(n int64) string { return strings.TrimSpace(humanize.Bytes(uint64(max(0, n)))) }
