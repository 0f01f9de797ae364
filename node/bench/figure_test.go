package bench

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestAGoalIsMissedByMoreThanATenth(t *testing.T) {
	for _, c := range []struct {
		f      Figure
		missed bool
	}{
		{AtMost("", 100, 100, ""), false},
		{AtMost("", 109, 100, ""), false},
		{AtMost("", 111, 100, ""), true},
		{AtMost("", 0, 0, ""), false},
		{AtMost("", 1, 0, ""), true},
		{AtLeast("", 91, 100, ""), false},
		{AtLeast("", 89, 100, ""), true},
		{Told("", 1e9, ""), false},
	} {
		if got := c.f.Missed(); got != c.missed {
			t.Errorf("%v: missed is %v", c.f, got)
		}
	}
}

func TestWhatIsReportedIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures.jsonl")
	t.Setenv(Env, path)
	a, b := AtMost("copies", 1.1, 1.25, ""), Told("latency", 50, "ms")
	b.Samples = []float64{49, 50, 51}
	Report(t, "row 1", a)
	Report(t, "row 2", b, a)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	first, last := a, a
	first.Row, b.Row, last.Row = "row 1", "row 2", "row 2"
	if want := []Figure{first, b, last}; !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

func TestAReportFailsTheTestWhoseGoalIsMissed(t *testing.T) {
	t.Setenv(Env, "")
	quiet := &failures{TB: t}
	Report(quiet, "row", AtMost("a", 2, 1, ""), AtMost("b", 1, 1, ""), AtLeast("c", 1, 2, ""))
	if quiet.n != 2 {
		t.Errorf("%d figures fail, want 2", quiet.n)
	}
}

// failures counts errors in place of failing.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Errorf(string, ...any) { f.n++ }
