package tui

import (
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/sixel"

	"earshot/protocol"
)

// Covers in full resolution where the terminal draws sixels (DEC, VT330/VT340 Programmer
// Reference Manual, volume 2, chapter 14): pixels over the cells, of which the
// renderer knows nothing. It keeps those cells blank and so never writes there; the picture
// is drawn when they are, and where it is to go the whole screen is drawn anew.

const (
	// sixelAttribute is in a terminal's answer to DA1 where it draws sixels.
	sixelAttribute = 4
	// sixelAfter is how long behind a change the picture is drawn: the renderer has
	// written its cells by then, with a frame to spare.
	sixelAfter = 3 * time.Second / framesPerSecond
	// maxCellSide bounds the size that a terminal may say its cells have, in pixels.
	maxCellSide = 64
)

// askForSixels asks the terminal what it can, and how large its cells are. One that
// answers neither gets half blocks.
func askForSixels() tea.Cmd { return tea.Raw(ansi.RequestPrimaryDeviceAttributes + "\x1b[16t") }

// sixels is what is known of a terminal that draws them.
type sixels struct {
	can   bool
	cell  image.Point // its size in pixels
	shown picture     // on the screen now, or soon
}

// picture is a cover at a place of a screen of some size.
type picture struct {
	id            protocol.ID
	rows          int
	width, height int
}

// pictureMsg is a picture to be drawn, as sixels.
type pictureMsg struct {
	picture
	data string
}

// attributes takes the answer to DA1.
func (s *sixels) attributes(e uv.PrimaryDeviceAttributesEvent) {
	s.can = slices.Contains(e, sixelAttribute)
}

// size takes the size of a cell.
func (s *sixels) size(e uv.CellSizeEvent) {
	if e.Width > 0 && e.Height > 0 && e.Width <= maxCellSide && e.Height <= maxCellSide {
		s.cell = image.Pt(e.Width, e.Height)
	}
}

// draws reports whether covers are drawn as sixels.
func (s *sixels) draws() bool { return s.can && s.cell.X > 0 }

// follow has the picture drawn that is to be shown, and the one taken away that is not.
func (s *sixels) follow(m *model) tea.Cmd {
	if !s.draws() {
		return nil
	}
	var want picture
	if rows := m.shownRows(); rows > 0 {
		want = picture{m.cover.id, rows, m.width, m.height}
	}
	if want == s.shown {
		return nil
	}
	var clear tea.Cmd
	if s.shown.rows > 0 {
		clear = tea.ClearScreen
	}
	s.shown = want
	if want.rows > 0 {
		from, cell := m.cover.image, s.cell
		m.do(func(ctx context.Context) tea.Msg {
			timer := time.NewTimer(sixelAfter)
			defer timer.Stop()
			data := encodeSixels(from, want.rows, cell)
			select {
			case <-timer.C:
				return pictureMsg{want, data}
			case <-ctx.Done():
				return nil
			}
		})
	}
	return clear
}

// paint draws a picture, if it is still to be shown.
func (s *sixels) paint(msg pictureMsg) tea.Cmd {
	if msg.picture != s.shown || msg.data == "" {
		return nil
	}
	// The cursor is put back to where the renderer has it.
	return tea.Raw(ansi.SaveCursor + ansi.CursorPosition(artColumn+1, artLine+1) + msg.data + ansi.RestoreCursor)
}

// encodeSixels makes sixels of a picture, a square in as many rows of cells. It is
// empty where that cannot be.
func encodeSixels(from image.Image, rows int, cell image.Point) string {
	side := min(2*rows*cell.X, rows*cell.Y)
	var data strings.Builder
	if new(sixel.Encoder).Encode(&data, scale(from, side, side)) != nil {
		return ""
	}
	// Pixels that no colour is given for stay as they are: there are none.
	return fmt.Sprintf("\x1bP0;1q%s\x1b\\", &data)
}
