package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"earshot/node/control"
	"earshot/protocol"
)

const (
	// artPixels is the side of the square that a cover is scaled to: as much as
	// the largest cover on a screen has, at 10 by 20 pixels a cell.
	artPixels = 240
	// maxArtRows bounds the height of a cover, in rows: more takes the eye off the
	// music, and a redraw costs its cells.
	maxArtRows = 18
	// minArtRows is the least that shows anything.
	minArtRows = 6
	// artPause is between two questions for a cover whose bytes are not here yet.
	artPause = 3 * time.Second
	// artAfter is how long a track plays before its cover is asked for: the start
	// is not to be held up by a picture.
	artAfter = time.Second
)

// The largest pictures that are decoded, in pixels: a decoder holds 1.5 bytes of
// each pixel, or 6 and more of a progressive JPEG or a PNG. 14 MB either way.
const (
	maxPixels      = 3000 * 3000
	maxPixelsDear  = 1500 * 1500
	maxPictureSide = 6000
)

// cover is the picture of the track that plays.
type cover struct {
	id     protocol.ID
	asking bool
	known  bool // image is the answer; nil: there is none
	asked  time.Time
	image  *image.RGBA // square, artPixels a side

	lines []string // as drawn last, in rows of twice as many columns
	rows  int
	sent  int // rows, as the terminal has the picture; 0: it has none of ours
}

type coverMsg struct {
	id    protocol.ID
	image *image.RGBA
	err   error
}

// seek asks for the cover of the track that plays, where it would be shown.
func (c *cover) seek(m *model) {
	t := m.state.Track
	if t == nil {
		return
	}
	if c.id != t.ID {
		*c = cover{id: t.ID, asking: c.asking}
	}
	if c.known || c.asking || m.artRows() == 0 || m.view != viewNow || m.state.Position < artAfter || time.Since(c.asked) < artPause {
		return
	}
	c.asking, c.asked = true, time.Now()
	node, id := m.config.Node, t.ID
	m.do(func(ctx context.Context) tea.Msg {
		data, err := node.Cover(ctx, id)
		if err != nil || len(data) == 0 {
			return coverMsg{id, nil, err}
		}
		return coverMsg{id, decodeCover(data), nil}
	})
}

func (c *cover) take(msg coverMsg) {
	c.asking = false
	if msg.id != c.id {
		return
	}
	c.known = !errors.Is(msg.err, control.ErrUnavailable) // else it may come yet
	c.image = msg.image
}

// artRows is how many rows a cover may take on this screen; 0 where it is too
// small, or without the colours that a picture needs.
func (m *model) artRows() int {
	rows := min(maxArtRows, m.height-8, (m.width-60)/2)
	if rows < minArtRows || !m.colours {
		return 0
	}
	return rows
}

// shownRows is how many rows of cover the screen shows now.
func (m *model) shownRows() int {
	rows := min(m.artRows(), m.height-4)
	if m.view != viewNow || m.state.Track == nil || m.cover.id != m.state.Track.ID || m.cover.image == nil || rows < minArtRows {
		return 0
	}
	return rows
}

// draw draws the cover in so many rows, and twice as many columns: each cell is
// two pixels, one above the other, as an upper half block and what is behind it.
func (c *cover) draw(rows int) []string {
	if c.rows == rows && c.lines != nil {
		return c.lines
	}
	small := scale(c.image, 2*rows, 2*rows)
	c.lines, c.rows = nil, rows
	for y := 0; y < 2*rows; y += 2 {
		var b strings.Builder
		last := ""
		for x := range 2 * rows {
			above, below := small.RGBAAt(x, y), small.RGBAAt(x, y+1)
			s := fmt.Sprintf("\x1b[38;2;%d;%d;%d;48;2;%d;%d;%dm", above.R, above.G, above.B, below.R, below.G, below.B)
			if s != last {
				b.WriteString(s)
				last = s
			}
			b.WriteString("▀")
		}
		b.WriteString("\x1b[m")
		c.lines = append(c.lines, b.String())
	}
	return c.lines
}

// decodeCover makes a square picture of a file; nil where it is none, or too
// large a one. What a stranger's file can cost is known before it is decoded.
func decodeCover(data []byte) *image.RGBA {
	decode, config := jpeg.Decode, jpeg.DecodeConfig
	dear := progressive(data)
	if bytes.HasPrefix(data, []byte("\x89PNG")) {
		decode, config, dear = png.Decode, png.DecodeConfig, true
	}
	c, err := config(bytes.NewReader(data))
	most := maxPixels
	if dear {
		most = maxPixelsDear
	}
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width > maxPictureSide || c.Height > maxPictureSide || c.Width*c.Height > most {
		return nil
	}
	picture, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	return scale(picture, artPixels, artPixels)
}

// progressive reports whether a JPEG is (ITU-T T.81, table B.1: SOF2), by its
// first frame header.
func progressive(data []byte) bool {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker := data[at+1]
		switch {
		case marker == 0xff:
			at++
			continue
		case marker == 0xc2:
			return true
		case marker == 0xc0, marker == 0xc1, marker == 0xda:
			return false
		}
		at += 2 + int(data[at+2])<<8 + int(data[at+3])
	}
	return true // whatever it is, it may be dear
}

// scale makes a picture of another size, in the middle of it where the shape is
// another, each pixel the mean of up to 9 of its own.
func scale(from image.Image, w, h int) *image.RGBA {
	b := from.Bounds()
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	side := max(b.Dx(), b.Dy())
	left, top := (side-b.Dx())/2, (side-b.Dy())/2
	for y := range h {
		for x := range w {
			var sum [3]uint32
			n := uint32(0)
			for i := range 9 {
				px := (2*(3*x+i%3)+1)*side/(6*w) - left
				py := (2*(3*y+i/3)+1)*side/(6*h) - top
				n++
				if px < 0 || py < 0 || px >= b.Dx() || py >= b.Dy() {
					continue // black beside it
				}
				r, g, bl, _ := from.At(b.Min.X+px, b.Min.Y+py).RGBA()
				sum[0], sum[1], sum[2] = sum[0]+r>>8, sum[1]+g>>8, sum[2]+bl>>8
			}
			to.SetRGBA(x, y, color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), 255})
		}
	}
	return to
}
