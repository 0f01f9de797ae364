package sim

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours that are told apart by the colour-blind too (Okabe and Ito, 2008).
var (
	orange = color.RGBA{R: 230, G: 159, A: 255}
	green  = color.RGBA{G: 158, B: 115, A: 255}
	blue   = color.RGBA{G: 114, B: 178, A: 255}
)

// PlotShares draws where the bytes played came from, by hour, as SVG.
func (r *Result) PlotShares(to io.Writer) error {
	p := titled("Where the bytes played came from", "hour of the day", "share, in %")
	var server, peers, cache plotter.XYs
	for hour, s := range r.Hours {
		if s.Server+s.Peers+s.Cache == 0 {
			continue
		}
		a, b, c := s.Of()
		x := float64(hour) + 0.5 // in the middle of it
		server, peers, cache = append(server, plotter.XY{X: x, Y: 100 * a}), append(peers, plotter.XY{X: x, Y: 100 * b}), append(cache, plotter.XY{X: x, Y: 100 * c})
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 24, 0, 100
	p.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 6, Label: "6"}, {Value: 12, Label: "12"}, {Value: 18, Label: "18"}, {Value: 24, Label: "24"}}
	return draw(to, p, curve{"server", orange, server}, curve{"peers", green, peers}, curve{"cache", blue, cache})
}

// PlotLatency draws the distribution of playback latency as SVG.
func (r *Result) PlotLatency(to io.Writer) error {
	p := titled("Playback latency, cached plays included", "ms", "plays begun within, in %")
	var all plotter.XYs
	for percent, ms := range r.Latencies {
		all = append(all, plotter.XY{X: ms, Y: float64(percent)})
	}
	p.X.Min = 0
	return draw(to, p, curve{"", blue, all})
}

// PlotSizes draws what a listener costs the server, by listeners, as SVG.
func PlotSizes(to io.Writer, sizes []Size) error {
	p := titled("What each listener costs the server", "listeners", "MB sent by the server for each")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	var all plotter.XYs
	for _, s := range sizes {
		all = append(all, plotter.XY{X: float64(s.Listeners), Y: s.PerListener / 1e6})
	}
	p.Y.Min = 0
	return draw(to, p, curve{"", orange, all})
}

type curve struct {
	name   string
	colour color.Color
	at     plotter.XYs
}

func titled(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Legend.Top, p.Legend.Left = true, true // fonts differ: names begin where their lines end
	return p
}

// draw writes curves as SVG, 16 by 10 cm: as wide as a README's column.
func draw(to io.Writer, p *plot.Plot, curves ...curve) error {
	p.Add(plotter.NewGrid())
	for _, c := range curves {
		if len(c.at) == 0 {
			continue
		}
		l, err := plotter.NewLine(c.at)
		if err != nil {
			return fmt.Errorf("drawing %q: %w", p.Title.Text, err)
		}
		l.Color, l.Width = c.colour, vg.Points(1.5)
		p.Add(l)
		if c.name != "" {
			p.Legend.Add(c.name, l)
		}
	}
	if p.X.Scale == (plot.LogScale{}) && p.X.Min == p.X.Max { // one size only
		p.X.Max *= 2
	}
	canvas := vgsvg.New(16*vg.Centimeter, 10*vg.Centimeter)
	const edge = 14 // points, for what stands out beyond the axes
	p.Draw(vgdraw.Crop(vgdraw.New(canvas), edge/2, -edge, edge/2, -edge/2))
	if _, err := canvas.WriteTo(to); err != nil {
		return fmt.Errorf("writing the plot %q: %w", p.Title.Text, err)
	}
	return nil
}
