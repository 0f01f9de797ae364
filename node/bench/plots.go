package bench

import (
	"fmt"
	"image/color"
	"io"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours that are told apart by the colour-blind too (Okabe and Ito, 2008).
var (
	reached = color.RGBA{G: 158, B: 115, A: 255}
	nearly  = color.RGBA{R: 230, G: 159, A: 255}
	missed  = color.RGBA{R: 213, G: 94, A: 255}
	lines   = []color.Color{
		color.RGBA{G: 114, B: 178, A: 255}, reached, nearly, missed,
		color.RGBA{R: 204, G: 121, B: 167, A: 255}, color.RGBA{R: 86, G: 180, B: 233, A: 255},
	}
)

// most is where the bars of PlotGoals end, in percent of a goal: what is missed
// by more is missed all the same.
const most = 200

// PlotGoals draws how much of its goal each figure uses, as SVG: what is at most
// 100 % reaches it. A figure whose goal is 0 uses nothing, or all there is.
func PlotGoals(to io.Writer, figures []Figure) error {
	var bars []Figure
	for _, f := range slices.Backward(figures) { // the first at the top
		if f.Bound != None {
			bars = append(bars, f)
		}
	}
	p := titled("What is used of each goal", "%, at most 100 reaches it", "")
	if err := rule(p, 100, len(bars)); err != nil {
		return err
	}
	names, values := labels(vg.Points(7)), labels(vg.Points(7))
	for i, f := range bars {
		bar, err := plotter.NewBarChart(plotter.Values{min(used(f), most)}, vg.Points(7))
		if err != nil {
			return fmt.Errorf("drawing %q: %w", f.What, err)
		}
		bar.Horizontal, bar.XMin, bar.LineStyle.Width, bar.Color = true, float64(i), 0, reached
		switch {
		case f.Missed():
			bar.Color = missed
		case f.short():
			bar.Color = nearly
		}
		p.Add(bar)
		names.add(nameColumn, i, f.Row+": "+f.What)
		values.add(min(used(f), most)+3, i, number(f.Got)+" "+f.Unit)
	}
	if len(bars) > 0 {
		p.Add(names.all, values.all)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = nameColumn, most*1.2, -0.6, float64(len(bars))-0.4
	p.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 50, Label: "50"}, {Value: 100, Label: "100"}, {Value: 150, Label: "150"}, {Value: most, Label: "200 or more"}}
	p.HideY()
	return draw(to, p, 24*vg.Centimeter, (3+0.42*vg.Length(len(bars)))*vg.Centimeter)
}

// nameColumn is where the names of PlotGoals begin, left of its bars. They are
// inside the plot and not at its axis, as fonts differ: a wider one has room.
const nameColumn = -260

// rule draws the line of a goal across so many bars.
func rule(p *plot.Plot, at float64, bars int) error {
	l, err := plotter.NewLine(plotter.XYs{{X: at, Y: -0.6}, {X: at, Y: float64(bars) - 0.4}})
	if err != nil {
		return fmt.Errorf("drawing the goal: %w", err)
	}
	l.Dashes = []vg.Length{vg.Points(3), vg.Points(2)}
	p.Add(l)
	return nil
}

// column is texts, each beside a bar.
type column struct{ all *plotter.Labels }

func labels(size vg.Length) column {
	return column{&plotter.Labels{TextStyle: []text.Style{{
		Font: font.From(plotter.DefaultFont, size), YAlign: text.YCenter, Handler: plot.DefaultTextHandler,
	}}}}
}

func (c column) add(x float64, bar int, s string) {
	c.all.XYs = append(c.all.XYs, plotter.XY{X: x, Y: float64(bar)})
	c.all.Labels = append(c.all.Labels, s)
	for len(c.all.TextStyle) < len(c.all.Labels) {
		c.all.TextStyle = append(c.all.TextStyle, c.all.TextStyle[0])
	}
}

// used is how much of its goal a figure uses, in percent.
func used(f Figure) float64 {
	a, b := f.Got, f.Goal
	if f.Bound == Least {
		a, b = b, a
	}
	switch {
	case a == 0:
		return 0
	case b == 0:
		return most
	}
	return 100 * a / b
}

// PlotSamples draws the distribution of each figure that has samples, as SVG.
func PlotSamples(to io.Writer, figures []Figure) error {
	p := titled("Playback latency of each crowd, the network's part", "ms", "listeners that hear the first sound within, in %")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	n := 0
	for _, f := range figures {
		if len(f.Samples) == 0 {
			continue
		}
		sorted := slices.Sorted(slices.Values(f.Samples))
		at := plotter.XYs{{X: max(sorted[0], 1), Y: 0}}
		for i, v := range sorted {
			at = append(at, plotter.XY{X: max(v, 1), Y: 100 * float64(i+1) / float64(len(sorted))})
		}
		if err := curve(p, f.Row, n, at); err != nil {
			return err
		}
		n++
	}
	p.X.Min, p.X.Max = 5, max(p.X.Max*1.1, 1000) // from 5: room for the names
	p.Y.Min, p.Y.Max = 0, 100
	p.Legend.Top, p.Legend.Left, p.Legend.TextStyle.Font.Size = true, true, vg.Points(8)
	return draw(to, p, 18*vg.Centimeter, 11*vg.Centimeter)
}

// PlotSizes draws, as SVG, the figures that have a size against it.
func PlotSizes(to io.Writer, figures []Figure) error {
	p := titled("What each listener costs the server", "listeners who begin at once", "copies of the track")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.ConstantTicks{}
	byRow := map[string]plotter.XYs{}
	var rows []string
	var ticks plot.ConstantTicks
	for _, f := range figures {
		if f.Size == 0 {
			continue
		}
		if byRow[f.Row] == nil {
			rows = append(rows, f.Row)
		}
		byRow[f.Row] = append(byRow[f.Row], plotter.XY{X: float64(f.Size), Y: f.Got})
		ticks = append(ticks, plot.Tick{Value: float64(f.Size), Label: fmt.Sprint(f.Size)})
	}
	p.X.Tick.Marker = ticks
	for i, row := range rows {
		if err := curve(p, "", i, byRow[row]); err != nil {
			return err
		}
	}
	if p.X.Min >= p.X.Max { // none, or one only
		p.X.Min, p.X.Max = 1, 100
	}
	p.Y.Min = 0
	return draw(to, p, 16*vg.Centimeter, 10*vg.Centimeter)
}

func titled(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(6)
	p.Add(plotter.NewGrid())
	return p
}

// curve adds the n-th line of a plot, with its name in the legend.
func curve(p *plot.Plot, name string, n int, at plotter.XYs) error {
	l, points, err := plotter.NewLinePoints(at)
	if err != nil {
		return fmt.Errorf("drawing %q: %w", name, err)
	}
	l.Color, l.Width = lines[n%len(lines)], vg.Points(1.5)
	points.Color, points.Radius, points.Shape = l.Color, vg.Points(1.5), vgdraw.CircleGlyph{}
	p.Add(l, points)
	if name != "" {
		p.Legend.Add(name, l)
	}
	return nil
}

// draw writes a plot as SVG, with room for what stands out beyond the axes.
func draw(to io.Writer, p *plot.Plot, width, height vg.Length) error {
	const edge = 14 // points
	canvas := vgsvg.New(width, height)
	p.Draw(vgdraw.Crop(vgdraw.New(canvas), edge/2, -edge, edge/2, -edge/2))
	if _, err := canvas.WriteTo(to); err != nil {
		return fmt.Errorf("writing the plot %q: %w", p.Title.Text, err)
	}
	return nil
}
