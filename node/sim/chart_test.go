package sim

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"testing"
)

func TestAnAxisHasRoundMarksAndRoomForAll(t *testing.T) {
	for _, test := range []struct {
		most  float64
		marks []float64
	}{
		{0, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{1.3, []float64{0, 0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4}},
		{7.9, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{100, []float64{0, 20, 40, 60, 80, 100}},
		{108, []float64{0, 20, 40, 60, 80, 100, 120}},
		{23456, []float64{0, 5000, 10000, 15000, 20000, 25000}},
	} {
		a := axisTo(test.most)
		near := func(x, y float64) bool { return x-y < 1e-9 && y-x < 1e-9 }
		if !slices.EqualFunc(a.marks, test.marks, near) || !near(a.to, test.marks[len(test.marks)-1]) {
			t.Errorf("to %v: %v, to %v", test.most, a.marks, a.to)
		}
	}
}

func TestChartsOfLittleAreWholeToo(t *testing.T) {
	var empty Result
	for name, draw := range map[string]func(io.Writer) error{
		"no plays":  empty.PlotShares,
		"no delays": empty.PlotLatency,
		"no sizes":  func(w io.Writer) error { return PlotSizes(w, nil) },
		"one size":  func(w io.Writer) error { return PlotSizes(w, []Size{{Listeners: 1}}) },
	} {
		var b bytes.Buffer
		if err := draw(&b); err != nil {
			t.Fatal(err)
		}
		in := xml.NewDecoder(bytes.NewReader(b.Bytes()))
		var err error
		for err == nil {
			_, err = in.Token()
		}
		if err != io.EOF || bytes.Contains(b.Bytes(), []byte("NaN")) || bytes.Contains(b.Bytes(), []byte("Inf")) {
			t.Errorf("%s: %v: %s", name, err, b.Bytes())
		}
	}
}
