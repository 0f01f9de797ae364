package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
)

// Env names the file that figures are appended to, one JSON object a line.
const Env = "EARSHOT_BENCH"

// Figure is one measured value.
type Figure struct {
	Row  string  `json:"row"` // the scenario, as go test -run names it
	What string  `json:"what"`
	Got  float64 `json:"measured"`
	Unit string  `json:"unit,omitempty"`

	Bound Bound   `json:"bound,omitempty"`
	Goal  float64 `json:"goal"` // where there is a bound

	// Samples are all the values that Got stands for, and Size is how many
	// listeners it is for, where a plot shows them.
	Samples []float64 `json:"samples,omitempty"`
	Size    int       `json:"size,omitempty"`
}

// Bound says which side of its goal a figure should lie on.
type Bound string

// The bounds.
const (
	None  Bound = ""
	Most  Bound = "at most"
	Least Bound = "at least"
)

// Told is a figure without a goal.
func Told(what string, got float64, unit string) Figure {
	return Figure{What: what, Got: got, Unit: unit}
}

// AtMost is a figure that should not exceed its goal.
func AtMost(what string, got, goal float64, unit string) Figure {
	return Figure{What: what, Got: got, Unit: unit, Bound: Most, Goal: goal}
}

// AtLeast is a figure that should reach its goal.
func AtLeast(what string, got, goal float64, unit string) Figure {
	return Figure{What: what, Got: got, Unit: unit, Bound: Least, Goal: goal}
}

// tolerance is by how much of a goal a figure may miss it.
const tolerance = 0.1

// Missed reports whether the figure misses its goal by more than a tenth.
func (f Figure) Missed() bool {
	switch f.Bound {
	case Most:
		return f.Got > f.Goal*(1+tolerance)
	case Least:
		return f.Got < f.Goal*(1-tolerance)
	}
	return false
}

// short reports whether the figure misses its goal at all.
func (f Figure) short() bool {
	return f.Bound == Most && f.Got > f.Goal || f.Bound == Least && f.Got < f.Goal
}

// String is the figure as one line.
func (f Figure) String() string {
	goal := ""
	if f.Bound != None {
		goal = fmt.Sprintf("%s %.4g %s", f.Bound, f.Goal, f.Unit)
	}
	mark := ""
	if f.Missed() {
		mark = "  MISSED"
	}
	return fmt.Sprintf("%-32s %-64s %18s   measured %8.2f %s%s", f.Row, f.What, goal, f.Got, f.Unit, mark)
}

// Report prints the figures of a row, records them, and fails the test for each
// that misses its goal.
func Report(t testing.TB, row string, figures ...Figure) {
	t.Helper()
	for i := range figures {
		f := &figures[i]
		f.Row = row
		fmt.Println(f)
		if f.Missed() {
			t.Errorf("%s: %.2f %s, the goal is %s %.4g", f.What, f.Got, f.Unit, f.Bound, f.Goal)
		}
	}
	if path := os.Getenv(Env); path != "" {
		if err := record(path, figures); err != nil {
			t.Errorf("recording figures: %v", err)
		}
	}
}

func record(path string, figures []Figure) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	e := json.NewEncoder(f)
	for _, figure := range figures {
		err = errors.Join(err, e.Encode(figure))
	}
	return errors.Join(err, f.Close())
}

// maxLine bounds one recorded figure: 10,000 samples and more.
const maxLine = 1 << 20

// Read returns the figures of a file that Report has written.
func Read(from io.Reader) (all []Figure, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var f Figure
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return nil, fmt.Errorf("reading the figure in line %d: %w", len(all)+1, err)
		}
		all = append(all, f)
	}
	return all, lines.Err()
}
