package cache

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestPercentilesAreWithinAPercent(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		var h histogram
		scale := math.Exp(r.Float64() * math.Log(60e6)) // microseconds, to a minute
		samples := make([]time.Duration, 1+r.IntN(2000))
		for i := range samples {
			us := min(scale*math.Exp(r.NormFloat64()), 60e6)
			samples[i] = time.Duration(us) * time.Microsecond
			h.add(samples[i])
		}
		slices.Sort(samples)
		for _, q := range []float64{0.5, 0.75, 0.9, 1} {
			want := samples[int(math.Ceil(q*float64(len(samples))))-1]
			got := h.quantile(q)
			if diff := (got - want).Abs(); float64(diff) > 0.01*float64(want)+1000 {
				t.Fatalf("p%g of %d samples: %v, want %v", 100*q, len(samples), got, want)
			}
		}
	}
}

func TestEveryDurationHasABucket(t *testing.T) {
	last := 0
	for us := int64(0); us <= int64(maxLatency/time.Microsecond); us += 1 + us/1000 {
		d := time.Duration(us) * time.Microsecond
		b := bucketOf(d)
		if b < last || b >= histogramBuckets {
			t.Fatalf("%v is in bucket %d after %d", d, b, last)
		}
		last = b
		if diff := (middleOf(b) - d).Abs(); float64(diff) > float64(d)/100 {
			t.Fatalf("%v is taken for %v", d, middleOf(b))
		}
	}
	for _, d := range []time.Duration{-1, math.MinInt64, math.MaxInt64, time.Hour} {
		if b := bucketOf(d); b < 0 || b >= histogramBuckets {
			t.Errorf("%v is in bucket %d", d, b)
		}
	}
}

func TestCountsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	if got := c.Ledger().Snapshot(); got != (Totals{}) {
		t.Errorf("a new cache counts %+v", got)
	}
	count := func(l *Ledger) {
		l.Asked(true)
		l.Asked(false)
		l.Asked(true)
		l.Play(100 * time.Millisecond)
		l.Play(200 * time.Millisecond)
		l.Play(300 * time.Millisecond)
		l.Play(2 * time.Second)
		l.Stutter(5)
		l.Played(1, 20, 300)
		l.Played(1, 0, 0)
		l.Uploaded(77)
	}
	count(c.Ledger())
	before := c.Ledger().Snapshot()
	closeTest(t, c)
	c = openTest(t, dir, Options{}, testSeams())
	after := c.Ledger().Snapshot()
	if after != before {
		t.Errorf("%+v, before it %+v", after, before)
	}
	after.Latency = Percentiles{}
	want := Totals{Hits: 2, Misses: 1, Plays: 4, Stutters: 5, FromServer: 2, FromPeers: 20, FromCache: 300, Uploaded: 77}
	if !reflect.DeepEqual(after, want) {
		t.Errorf("%+v, want %+v", after, want)
	}
	count(c.Ledger())
	got := c.Ledger().Snapshot().Latency
	for _, p := range []struct{ got, want time.Duration }{
		{got.P50, 200 * time.Millisecond}, {got.P75, 300 * time.Millisecond}, {got.P90, 2 * time.Second},
	} {
		if diff := (p.got - p.want).Abs(); diff > p.want/100 {
			t.Errorf("%v, want %v", p.got, p.want)
		}
	}
	if got.Count != 8 {
		t.Errorf("%d samples", got.Count)
	}
}

func TestDamagedCountsBeginAtZero(t *testing.T) {
	for _, b := range []string{"", "{", `{"hits":"x"}`, `[]`} {
		l := &Ledger{changed: func() {}}
		if err := l.decode([]byte(b)); err == nil {
			t.Errorf("%q is taken for counts", b)
		}
	}
	l := &Ledger{changed: func() {}}
	if err := l.decode([]byte(`{"latency":{"-1":5,"99999":5,"7":-5,"8":2}}`)); err != nil || l.Snapshot().Latency.Count != 2 {
		t.Errorf("%v, %+v", err, l.Snapshot())
	}
}
