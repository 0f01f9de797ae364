package main

import (
	"fmt"
	"strings"
	"time"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
	"earshot/protocol"
)

// Where a second came from: the letters and colours of the strip.
var demoSources = [...]struct {
	letter, name, background string
}{
	{"S", "server", "43"}, // yellow
	{"P", "peers", "42"},  // green
	{"C", "cache", "46"},  // cyan
}

// maxStripRows bounds the rows of one track's strip; a longer track has more
// than a second to a cell.
const maxStripRows = 8

// maxCells bounds the cells of a track, whatever length its header claims:
// a day.
const maxCells = 24 * 60 * 60

// demoStrip is one track's row of cells, one a second, each as the most of its
// bytes came: from the server, from peers or from the cache. It takes the
// player's reads to go through the file from its start to its end, and a second
// to be its part of the bytes, which is so for constant bitrates and nearly so
// for others.
type demoStrip struct {
	track protocol.Track
	seen  control.Shares // of the last poll
	cells [][3]int64     // bytes of each source; index as demoSources

	// Once it is on the screen:
	perRow int // cells
	each   int // seconds that a cell on the screen stands for
	shown  int // cells
}

func newDemoStrip(t protocol.Track) *demoStrip {
	seconds := int((t.Duration + time.Second - 1) / time.Second)
	return &demoStrip{track: t, cells: make([][3]int64, max(1, min(seconds, maxCells)))}
}

// heard takes a later count of the track's bytes. The bytes since the last one
// fill the cells in the order server, cache, peers: what begins a track comes
// from the server, and what is held comes before what is fetched.
func (s *demoStrip) heard(now control.Shares) {
	if min(now.Server, now.Peers, now.Cache) < 0 || now.Total() <= s.seen.Total() {
		return
	}
	at, more := s.seen.Total(), now.Total()-s.seen.Total()
	for _, part := range []struct {
		source int
		bytes  int64
	}{
		{0, now.Server - s.seen.Server},
		{2, now.Cache - s.seen.Cache},
		{1, now.Peers - s.seen.Peers},
	} {
		if n := min(part.bytes, more); n > 0 {
			s.fill(at, n, part.source)
			at, more = at+n, more-n
		}
	}
	s.seen = now
}

// fill credits bytes from an offset on to the cells that hold them.
func (s *demoStrip) fill(at, bytes int64, source int) {
	bytes = min(bytes, s.track.Size-at)
	for bytes > 0 {
		cell := s.cellAt(at)
		n := bytes
		if cell+1 < len(s.cells) {
			n = min(bytes, s.cellStart(cell+1)-at)
		}
		s.cells[cell][source] += n
		at, bytes = at+n, bytes-n
	}
}

// cellAt returns the cell that holds a byte; cellStart the first byte of one.
// cellStart(cellAt(x)) <= x < cellStart(cellAt(x)+1).
func (s *demoStrip) cellAt(at int64) int {
	n := int64(len(s.cells))
	cell := int(float64(at) / float64(s.track.Size) * float64(n))
	cell = max(0, min(cell, len(s.cells)-1))
	for cell > 0 && s.cellStart(cell) > at {
		cell--
	}
	for cell+1 < len(s.cells) && s.cellStart(cell+1) <= at {
		cell++
	}
	return cell
}

func (s *demoStrip) cellStart(cell int) int64 {
	return int64(float64(s.track.Size) * float64(cell) / float64(len(s.cells)))
}

// full returns how many cells will not change any more: those that the reads
// have passed, or all that have bytes, once the track has ended.
func (s *demoStrip) full(ended bool) int {
	at := s.seen.Total()
	switch {
	case at >= s.track.Size:
		return len(s.cells)
	case at == 0:
		return 0
	case ended:
		return s.cellAt(at-1) + 1
	}
	return s.cellAt(at)
}

// span returns how many seconds a cell on the screen stands for, so that the
// strip keeps to its rows.
func (s *demoStrip) span(perRow int) int {
	for _, n := range []int{1, 2, 5, 10, 30, 60, 300} {
		if (len(s.cells)+n-1)/n <= perRow*maxStripRows {
			return n
		}
	}
	return 600
}

// source returns where most of some cells' bytes came from.
func (s *demoStrip) source(from, to int) (source int, ok bool) {
	var sum [3]int64
	for _, c := range s.cells[from:min(to, len(s.cells))] {
		for i, n := range c {
			sum[i] += n
		}
	}
	for i, n := range sum {
		if n > sum[source] {
			source = i
		}
	}
	return source, sum[source] > 0
}

// stripLabel is the width of the time before a row of cells.
const stripLabel = 8

// cellsInRow returns how many cells fit: groups of ten with a space between.
func cellsInRow(width int) int { return 10 * max(1, (width-stripLabel+1)/11) }

// draw adds to the screen the cells that are new. Rows keep the length that the
// first one had, also where the window changes.
func (s *demoStrip) draw(screen *demoScreen, ended bool) {
	if s.perRow == 0 {
		s.perRow = cellsInRow(screen.width())
		s.each = s.span(s.perRow)
		screen.say("")
		screen.say("%s", strings.TrimRight(cut(demoTitle(s.track), screen.width()), " "))
	}
	done := s.full(ended)
	whole := done / s.each
	if ended || done == len(s.cells) {
		whole = (done + s.each - 1) / s.each
	}
	for ; s.shown < whole; s.shown++ {
		if !screen.open {
			screen.add(fmt.Sprintf("%*s ", stripLabel-1, clock(s.shown*s.each)))
		} else if s.shown%10 == 0 {
			screen.add(" ")
		}
		screen.add(s.cell(screen, s.shown))
		if (s.shown+1)%s.perRow == 0 {
			screen.end()
		}
	}
	if ended || done == len(s.cells) {
		screen.end()
	}
}

// cell draws one cell: a letter, on its colour where there are colours.
func (s *demoStrip) cell(screen *demoScreen, i int) string {
	source, ok := s.source(i*s.each, (i+1)*s.each)
	if !ok {
		return "."
	}
	return screen.paint(demoSources[source].letter, demoSources[source].background)
}

// demoLegend explains the strip.
func demoLegend(screen *demoScreen) string {
	var parts []string
	for _, s := range demoSources {
		parts = append(parts, screen.paint(s.letter, s.background)+" from the "+s.name)
	}
	return "each second as it came: " + strings.Replace(strings.Join(parts, ", "), "the peers", "peers", 1)
}

func demoTitle(t protocol.Track) string {
	title := t.Title
	if title == "" {
		title = t.ID.String()[:12]
	}
	if t.Artist != "" {
		title = t.Artist + ": " + title
	}
	return title
}

// clock writes seconds as M:SS or H:MM:SS.
func clock(seconds int) string { return text.Clock(time.Duration(seconds) * time.Second) }
