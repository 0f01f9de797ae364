package tui

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"io"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi/kitty"
)

// Covers in full resolution, by the graphics protocol of the terminal kitty
// (sw.kovidgoyal.net/kitty/graphics-protocol): the picture is sent once, and then
// shown by characters that stand for its cells, which the renderer moves and
// takes away as any others.

const (
	// kittyID names our one picture at the terminal: the number of a colour, as
	// the characters carry it in theirs.
	kittyID = 69
	// kittyPart is how much of a picture one sequence carries, in bytes of base64.
	kittyPart = 4096
)

// hasKitty reports whether a terminal, as it names itself, knows the protocol
// with its placeholders. Others that know a part of it are not among them.
func hasKitty(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "kitty") || strings.HasPrefix(name, "ghostty")
}

// transmit sends the cover to the terminal, where it is to be shown and is not
// there yet in this size.
func (c *cover) transmit(m *model) tea.Cmd {
	rows := m.shownRows()
	if rows == 0 || c.sent == rows {
		return nil
	}
	c.sent = rows
	var file bytes.Buffer
	if png.Encode(&file, c.image) != nil {
		return nil
	}
	data := base64.StdEncoding.EncodeToString(file.Bytes())
	var b strings.Builder
	what := fmt.Sprintf("a=T,U=1,q=2,f=100,i=%d,c=%d,r=%d,", kittyID, 2*rows, rows)
	for len(data) > 0 {
		part := data[:min(len(data), kittyPart)]
		data = data[len(part):]
		more := 0
		if len(data) > 0 {
			more = 1
		}
		fmt.Fprintf(&b, "\x1b_G%sm=%d;%s\x1b\\", what, more, part)
		what = ""
	}
	return tea.Raw(b.String())
}

// placeholders are the characters that stand for a picture of so many rows.
func placeholders(rows int) (lines []string) {
	for y := range rows {
		var b strings.Builder
		fmt.Fprintf(&b, "\x1b[38;5;%dm", kittyID)
		for x := range 2 * rows {
			b.WriteRune(kitty.Placeholder)
			b.WriteRune(kitty.Diacritic(y))
			b.WriteRune(kitty.Diacritic(x))
		}
		b.WriteString("\x1b[m")
		lines = append(lines, b.String())
	}
	return lines
}

// forgetCover has the terminal forget the picture.
func (m *model) forgetCover(out io.Writer) {
	if m.kitty {
		fmt.Fprintf(out, "\x1b_Ga=d,d=I,q=2,i=%d\x1b\\", kittyID)
	}
}
