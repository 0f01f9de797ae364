package bench

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// some are figures of each kind.
func some() []Figure {
	all := []Figure{
		AtMost("copies", 1.1, 1.25, ""), AtMost("a|b", 52, 50, "ms"), AtLeast("heard to", 3, 120, "s"),
		AtMost("stutters", 0, 0, ""), AtMost("gaps", 4, 0, ""), Told("told", 1, "MiB"),
		{What: "p50", Got: 50, Samples: []float64{60, 0, 50}}, {What: "each", Got: 1, Size: 1}, {What: "each", Got: 0.5, Size: 2},
	}
	for i := range all {
		all[i].Row = "row"
	}
	return all
}

func TestTheTableTellsWhatIsMissed(t *testing.T) {
	var b strings.Builder
	if err := WriteMarkdown(&b, some()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| row | copies | at most 1.25 | 1.1 | reached |", `|  | a\|b | at most 50 ms | 52 ms | reached within a tenth |`,
		"|  | heard to | at least 120 s | 3 s | **missed** |", "|  | gaps | at most 0 | 4 | **missed** |", "|  | told |  | 1 MiB |  |", "3 of 5 goals reached",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestAnyFiguresAreDrawn(t *testing.T) {
	for name, figures := range map[string][]Figure{"some": some(), "none": nil, "told only": some()[5:6], "one size": some()[7:8]} {
		for _, draw := range []func(io.Writer, []Figure) error{PlotGoals, PlotSamples, PlotSizes} {
			var a, b bytes.Buffer
			if err := draw(&a, figures); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := draw(&b, figures); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s: two drawings differ, %v", name, err)
			}
			if bytes.Count(a.Bytes(), []byte("</svg>")) != 1 || bytes.Contains(a.Bytes(), []byte("NaN")) {
				t.Errorf("%s: no plot", name)
			}
		}
	}
}

func TestWhatIsUsedOfAGoal(t *testing.T) {
	for _, c := range []struct {
		f    Figure
		used float64
	}{
		{AtMost("", 50, 100, ""), 50}, {AtLeast("", 200, 100, ""), 50}, {AtMost("", 0, 0, ""), 0}, {AtMost("", 1, 0, ""), most}, {AtLeast("", 0, 5, ""), most},
	} {
		if got := used(c.f); got != c.used {
			t.Errorf("%v uses %v %%, want %v", c.f, got, c.used)
		}
	}
}
