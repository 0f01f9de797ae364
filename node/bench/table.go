package bench

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes a table of the figures, a row of the scenario's name for
// the first of each.
func WriteMarkdown(to io.Writer, figures []Figure) error {
	var b strings.Builder
	b.WriteString("| scenario | figure | goal | measured | |\n|---|---|---|---|---|\n")
	last := ""
	for _, f := range figures {
		row, goal, verdict := f.Row, "", ""
		if row == last {
			row = ""
		}
		last = f.Row
		if f.Bound != None {
			goal, verdict = strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Bound, number(f.Goal), f.Unit)), "reached"
			if f.Missed() {
				verdict = "**missed**"
			} else if f.short() {
				verdict = "reached within a tenth"
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cellText(row), cellText(f.What), goal, strings.TrimSpace(number(f.Got)+" "+f.Unit), verdict)
	}
	met, all := Met(figures)
	fmt.Fprintf(&b, "\n%d of %d goals reached.\n", met, all)
	_, err := io.WriteString(to, b.String())
	return err
}

// cellText is a text as it may stand in a table.
func cellText(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// number is a value as people read it: four digits at most.
func number(v float64) string { return fmt.Sprintf("%.4g", v) }

// Met returns how many figures have a goal, and how many do not miss it.
func Met(figures []Figure) (met, all int) {
	for _, f := range figures {
		if f.Bound == None {
			continue
		}
		all++
		if !f.Missed() {
			met++
		}
	}
	return met, all
}
