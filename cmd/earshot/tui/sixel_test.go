package tui

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi/sixel"
)

// written reports whether something was written to the terminal, from a place on.
func (x *terminal) written(from int, what string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Contains(x.raw.String()[from:], what)
}

// length is how much was written.
func (x *terminal) length() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.Len()
}

const (
	drawsSixels = "\x1b[?62;4;22c"
	cellSize    = "\x1b[6;20;10t"
	beginsSixel = "\x1bP0;1q"
	place       = "\x1b[3;3H"
)

func TestATerminalOfSixelsGetsTheWholePicture(t *testing.T) {
	x := start(t, 120, 30, 2)
	x.shows("▀▀▀▀")
	x.press(drawsSixels + cellSize)
	x.until("the picture", func() bool { return x.written(0, place+beginsSixel) })
	x.until("blank cells", func() bool { return !strings.Contains(x.text(), "▀▀▀▀") })
	x.golden("now-120x30-sixel")

	x.mu.Lock()
	_, rest, _ := strings.Cut(x.raw.String(), beginsSixel)
	x.mu.Unlock()
	data, after, ended := strings.Cut(rest, "\x1b\\")
	if !ended || !strings.HasPrefix(after, "\x1b8") {
		t.Errorf("behind the picture comes %.10q", after)
	}
	picture, err := new(sixel.Decoder).Decode(bytes.NewReader([]byte(data)))
	if err != nil {
		t.Fatal(err)
	}
	if b := picture.Bounds(); b.Dx() != 360 || b.Dy() != 360 {
		t.Errorf("it has %v", b)
	}
	for y, red := range map[int]bool{10: true, 170: true, 190: false, 350: false} {
		if r, _, b, _ := picture.At(180, y).RGBA(); (r > b) != red {
			t.Errorf("line %d is another colour", y)
		}
	}

	// Another view draws over all of it; back, it is drawn again.
	from := x.length()
	x.press("2")
	x.shows("2 tracks")
	x.until("a cleared screen", func() bool { return x.written(from, "\x1b[2J") || x.written(from, "\x1b[J") })
	from = x.length()
	x.press("1")
	x.until("the picture again", func() bool { return x.written(from, beginsSixel) })
	from = x.length()
	x.resize(100, 30)
	x.until("the picture at another size", func() bool { return x.written(from, beginsSixel) })
	x.press("n")
	x.shows("Minuet")
}

// A terminal that draws sixels and does not say how large its cells are gets half blocks,
// as one does that only says the latter.
func TestSixelsAreForThoseThatCan(t *testing.T) {
	for _, answer := range []string{drawsSixels, "\x1b[?62;22c" + cellSize, drawsSixels + "\x1b[6;0;0t", drawsSixels + "\x1b[6;9999;9999t"} {
		x := start(t, 120, 30, 2)
		x.shows("▀▀▀▀")
		x.press(answer + "2")
		x.shows("2 tracks")
		x.press("1")
		x.shows("▀▀▀▀")
		x.press("q")
		x.wait()
		if x.written(0, beginsSixel) {
			t.Errorf("%q: sixels are written", answer)
		}
	}
}
