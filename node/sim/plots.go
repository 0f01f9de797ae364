package sim

import "io"

// PlotShares draws where the bytes played came from, by hour, as SVG.
func (r *Result) PlotShares(to io.Writer) error {
	var server, peers, cache []point
	for hour, s := range r.Hours {
		if s.Server+s.Peers+s.Cache == 0 {
			continue
		}
		a, b, c := s.Of()
		x := float64(hour) + 0.5 // in the middle of it
		server, peers, cache = append(server, point{x, 100 * a}), append(peers, point{x, 100 * b}), append(cache, point{x, 100 * c})
	}
	c := chart{
		title: "Where the bytes played came from", x: "hour of the day", y: "share, in %",
		across: axis{to: 24, marks: []float64{0, 6, 12, 18, 24}}, up: axisTo(100),
		curves: []curve{{"server", orange, server}, {"peers", green, peers}, {"cache", blue, cache}},
	}
	return c.draw(to)
}

// PlotLatency draws the distribution of playback latency as SVG.
func (r *Result) PlotLatency(to io.Writer) error {
	var all []point
	for percent, ms := range r.Latencies {
		all = append(all, point{ms, float64(percent)})
	}
	c := chart{
		title: "Playback latency, cached plays included", x: "ms", y: "plays begun within, in %",
		across: axisTo(r.Latencies[len(r.Latencies)-1]), up: axisTo(100), curves: []curve{{"", blue, all}},
	}
	return c.draw(to)
}

// PlotSizes draws what a listener costs the server, by listeners, as SVG.
func PlotSizes(to io.Writer, sizes []Size) error {
	across := axis{from: 1, to: 1, log: true}
	var all []point
	most := 0.0
	for i, s := range sizes {
		n := float64(s.Listeners)
		if i == 0 {
			across.from = n
		}
		across.to, across.marks = n, append(across.marks, n)
		all, most = append(all, point{n, s.PerListener / 1e6}), max(most, s.PerListener/1e6)
	}
	c := chart{
		title: "What each listener costs the server", x: "listeners", y: "MB sent by the server for each",
		across: across, up: axisTo(most), curves: []curve{{"", orange, all}},
	}
	return c.draw(to)
}
