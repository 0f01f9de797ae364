package main

import (
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"earshot/cmd/earshot/text"
	"earshot/node/control"
	"earshot/protocol"
)

// column is one of a table.
type column struct {
	name  string
	right bool // numbers
	give  bool // may be cut where the table is too wide
	spare int  // left out where it is much too wide, the one with the highest number first; 0: never
}

const (
	// minColumn is the width that a column is not cut below.
	minColumn = 8
	// readable is what of a column can still be told from others: narrower, one of
	// them is spared.
	readable = 14
)

// table writes rows under the names of their columns, as wide as the screen at
// the most.
func (s *screen) table(columns []column, rows [][]string) {
	columns, rows = spared(columns, rows, s.width())
	widths := widthsOf(columns, rows)
	fit(columns, widths, s.width())
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = c.name
	}
	s.line(cell{tableRow(columns, widths, head), dim})
	for _, row := range rows {
		s.line(cell{text: tableRow(columns, widths, row)})
	}
}

// widthsOf returns how wide columns are where nothing is cut.
func widthsOf(columns []column, rows [][]string) []int {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = textWidth(c.name)
		for _, row := range rows {
			widths[i] = max(widths[i], textWidth(row[i]))
		}
	}
	return widths
}

// spared leaves out what is least missed, until the others can be read.
func spared(columns []column, rows [][]string, limit int) ([]column, [][]string) {
	for limit > 0 {
		least, spare := columnGap*(len(columns)-1), -1
		for i, w := range widthsOf(columns, rows) {
			if columns[i].give {
				w = min(w, readable)
			}
			least += w
			if c := columns[i].spare; c > 0 && (spare < 0 || c > columns[spare].spare) {
				spare = i
			}
		}
		if least <= limit || spare < 0 {
			break
		}
		columns = slices.Delete(slices.Clone(columns), spare, spare+1)
		rows = slices.Clone(rows)
		for i, row := range rows {
			rows[i] = slices.Delete(slices.Clone(row), spare, spare+1)
		}
	}
	return columns, rows
}

// columnGap is between columns.
const columnGap = 2

// fit makes the widest of the columns that give narrower, until all fit.
func fit(columns []column, widths []int, limit int) {
	total := columnGap * (len(columns) - 1)
	for _, w := range widths {
		total += w
	}
	for limit > 0 && total > limit {
		widest := -1
		for i, c := range columns {
			if c.give && widths[i] > minColumn && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
		total--
	}
}

func tableRow(columns []column, widths []int, row []string) string {
	var b strings.Builder
	for i, text := range row {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", columnGap))
		}
		text = fitText(text, widths[i])
		space := strings.Repeat(" ", max(0, widths[i]-textWidth(text)))
		if columns[i].right {
			b.WriteString(space + text)
		} else {
			b.WriteString(text + space)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// textWidth is the width of text on a screen, in columns.
func textWidth(s string) int { return text.Width(s) }

// fitText cuts text that is wider than so many columns, and says so with dots.
func fitText(s string, columns int) string { return text.Fit(s, columns) }

// oneLine is text for the end of a line of ours.
func oneLine(text string) string { return strings.TrimSpace(plain(text)) }

// trackColumns and trackRow are how tracks are listed.
var trackColumns = [...]column{
	{name: "ID"}, {name: "TITLE", give: true}, {name: "ARTIST", give: true, spare: 1}, {name: "ALBUM", give: true, spare: 2}, {name: "LENGTH", right: true},
}

func trackRow(t protocol.Track) []string {
	return []string{t.ID.Short(), t.Title, t.Artist, t.Album, clockOf(t.Duration)}
}

func trackRows(tracks []protocol.Track) (rows [][]string) {
	for _, t := range tracks {
		rows = append(rows, trackRow(t))
	}
	return rows
}

// clockOf writes a time as M:SS or H:MM:SS.
func clockOf(d time.Duration) string { return clock(int(d / time.Second)) }

// titleOf names a track in a sentence.
func titleOf(t protocol.Track) string {
	title := oneLine(t.Title)
	if title == "" {
		title = t.ID.Short()
	}
	if artist := oneLine(t.Artist); artist != "" {
		title += " - " + artist
	}
	return title
}

// bytesOf writes a number of bytes.
func bytesOf(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// sharesBar draws where bytes came from, in so many columns: a letter for each
// part, so that it reads without colours, too.
func sharesBar(s control.Shares, columns int) []cell {
	total := s.Total()
	if total <= 0 {
		return []cell{{strings.Repeat(".", columns), dim}}
	}
	at := func(n int64) int { return int(float64(n) / float64(total) * float64(columns)) }
	first, second := at(s.Server), at(s.Server+s.Peers)
	return []cell{
		{strings.Repeat("S", first), yellow},
		{strings.Repeat("P", second-first), green},
		{strings.Repeat("C", columns-second), cyan},
	}
}

// percent writes a share.
func percent(n, total int64) int {
	if total <= 0 {
		return 0
	}
	return int(100*float64(n)/float64(total) + 0.5)
}

// progressBar draws how much of something is done.
func progressBar(done, total int64, columns int) string {
	full := columns
	if total > 0 {
		full = min(columns, max(0, int(float64(done)/float64(total)*float64(columns))))
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", columns-full) + "]"
}
