package sim

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
)

// chart is curves over two axes, as SVG. It is written here as it is part of every
// process: a library that draws all there is parses its fonts when the program begins,
// which took a fifth of the time to the first sample, and 8 MB.
type chart struct {
	title, x, y string
	across, up  axis
	curves      []curve
}

// axis is what is seen of one direction.
type axis struct {
	from, to float64
	log      bool // for what is above 0
	marks    []float64
}

type curve struct {
	name   string // empty for none
	colour string
	at     []point
}

type point struct{ x, y float64 }

// Colours that are told apart by the colour-blind too (Okabe and Ito, 2008).
const (
	orange = "#e69f00"
	green  = "#009e73"
	blue   = "#0072b2"
)

// A chart is as wide as a README's column: in units of a CSS pixel, 1/96 inch.
const (
	chartWidth, chartHeight = 605, 378
	edgeLeft, edgeRight     = 64, 24
	edgeTop, edgeBottom     = 56, 52
	plotRight, plotBottom   = chartWidth - edgeRight, chartHeight - edgeBottom
	nameWidth               = 80 // of a curve, in a row above all
)

// axisTo is an axis from 0 to a number or more, with about five marks at round
// numbers: 1, 2 or 5 times a power of ten apart.
func axisTo(most float64) axis {
	if most <= 0 {
		most = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, times := range []float64{5, 2, 1} {
		if most/(times*step) >= 4 {
			step *= times
			break
		}
	}
	a := axis{to: step * math.Ceil(most/step)}
	for i := range int(math.Round(a.to/step)) + 1 {
		a.marks = append(a.marks, float64(i)*step)
	}
	return a
}

// place is where on an axis something is, 0 to 1.
func (a axis) place(v float64) float64 {
	from, to := a.from, a.to
	if a.log {
		from, to, v = math.Log(from), math.Log(to), math.Log(v)
	}
	if from == to { // one place only
		return 0.5
	}
	return (v - from) / (to - from)
}

func (c *chart) left(x float64) float64 { return edgeLeft + (plotRight-edgeLeft)*c.across.place(x) }
func (c *chart) top(y float64) float64  { return plotBottom - (plotBottom-edgeTop)*c.up.place(y) }

// draw writes the chart.
func (c *chart) draw(to io.Writer) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
<text x="%d" y="22" text-anchor="middle" font-size="14">%s</text>
`, chartWidth, chartHeight, chartWidth, chartHeight, (edgeLeft+plotRight)/2, c.title)
	c.drawAxes(w)
	for i, line := range c.curves {
		if len(line.at) == 0 {
			continue
		}
		var points strings.Builder
		for _, p := range line.at {
			fmt.Fprintf(&points, "%.1f,%.1f ", c.left(p.x), c.top(p.y))
		}
		fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.TrimSpace(points.String()), line.colour)
		if line.name == "" {
			continue
		}
		x, y := edgeLeft+nameWidth*i, edgeTop-10
		fmt.Fprintf(w, `<path d="M%d %dh20" stroke="%s" stroke-width="2"/><text x="%d" y="%d">%s</text>`+"\n", x, y-4, line.colour, x+26, y, line.name)
	}
	fmt.Fprintln(w, "</svg>")
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the plot %q: %w", c.title, err)
	}
	return nil
}

func (c *chart) drawAxes(w io.Writer) {
	for _, v := range c.across.marks {
		x := c.left(v)
		fmt.Fprintf(w, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%.6g</text>`+"\n", x, edgeTop, plotBottom, x, plotBottom+18, v)
	}
	for _, v := range c.up.marks {
		y := c.top(v)
		fmt.Fprintf(w, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.6g</text>`+"\n", edgeLeft, y, plotRight, edgeLeft-8, y+4, v)
	}
	fmt.Fprintf(w, `<path d="M%d %dV%dH%d" fill="none" stroke="black"/>`+"\n", edgeLeft, edgeTop, plotBottom, plotRight)
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (edgeLeft+plotRight)/2, chartHeight-12, c.x)
	fmt.Fprintf(w, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (edgeTop+plotBottom)/2, c.y)
}
