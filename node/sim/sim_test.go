package sim

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small is a quick day: a few hours of few listeners.
func small(listeners int) Config {
	c := Default(listeners)
	c.Duration = 3 * time.Hour
	c.Sessions = 12 // so that they meet
	c.Tracks = 1000
	c.Favourites = 20
	return c
}

func run(t *testing.T, c Config) *Result {
	t.Helper()
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheSameSeedGivesTheSameResult(t *testing.T) {
	a, b := run(t, small(60)), run(t, small(60))
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs with one seed differ")
	}
	c := small(60)
	c.Seed++
	if reflect.DeepEqual(a.Latencies, run(t, c).Latencies) {
		t.Error("another seed changes nothing")
	}
}

func TestNoByteIsMadeOrForgotten(t *testing.T) {
	r := run(t, small(100))
	if r.BytesSent != r.BytesReceived+r.BytesLost || r.BytesSent != r.ServerBytes+r.PeerBytes {
		t.Errorf("%d sent (%d + %d), %d received, %d lost", r.BytesSent, r.ServerBytes, r.PeerBytes, r.BytesReceived, r.BytesLost)
	}
	if r.BytesSent == 0 || r.PeerBytes == 0 || r.Sounded == 0 {
		t.Errorf("nothing happened: %+v", r)
	}
	var sum Shares
	for _, h := range r.Hours {
		sum.Server, sum.Peers, sum.Cache = sum.Server+h.Server, sum.Peers+h.Peers, sum.Cache+h.Cache
		sum.FromServer += h.FromServer
	}
	if sum.Server != r.Played.Server || sum.Peers != r.Played.Peers || sum.Cache != r.Played.Cache || sum.FromServer != r.ServerBytes {
		t.Errorf("the hours add up to %+v, not %+v", sum, r.Played)
	}
}

// crowd has n listeners play one track once, so far apart.
func crowd(n int, apart time.Duration) Config {
	c := Default(n)
	c.Alike, c.Length, c.Bitrate, c.Duration = true, 120*time.Second, 192_000, 120*time.Second*2+time.Duration(n)*apart
	c.Reach, c.Local = 1, 0
	for i := range n {
		c.Plays = append(c.Plays, Play{At: time.Second + time.Duration(i)*apart, Listener: i})
	}
	return c
}

func TestEveryPlayPlaysItsTrackWhole(t *testing.T) {
	for _, apart := range []time.Duration{0, time.Second, 10 * time.Second} {
		r := run(t, crowd(5, apart))
		if got := r.Played.Server + r.Played.Peers + r.Played.Cache; r.Sounded != 5 || got != 5*120*192_000/8 {
			t.Errorf("%v apart: %d plays of %d bytes", apart, r.Sounded, got)
		}
		if r.Stuttered > 0 || r.Played.Cache > 0 || r.Played.Peers == 0 {
			t.Errorf("%v apart: %d stutter; played %+v", apart, r.Stuttered, r.Played)
		}
	}
}

func TestTheFirstSoundTakesOneRoundTrip(t *testing.T) {
	r := run(t, crowd(1, 0))
	if r.P50 < 50 || r.P50 > 55 {
		t.Errorf("%.1f ms at 50 ms of round trip", r.P50)
	}
}

func TestMoreListenersCostTheServerLessEach(t *testing.T) {
	last := 1e18
	for _, n := range []int{1, 4, 16} {
		r := run(t, crowd(n, 5*time.Second))
		each := float64(r.ServerBytes) / float64(n)
		t.Logf("%d listeners: %.2f copies", n, float64(r.ServerBytes)/2_880_000)
		if each > 0.8*last {
			t.Errorf("%d listeners cost the server %.0f bytes each, fewer %.0f", n, each, last)
		}
		last = each
	}
}

func TestWithoutUploadsTheServerCarriesAllButTheCache(t *testing.T) {
	c := small(50)
	c.NoUploads = true
	r := run(t, c)
	if r.PeerBytes != 0 || r.Played.Peers != 0 || r.Played.Server == 0 || r.Played.Cache == 0 {
		t.Errorf("%+v, of peers %d", r.Played, r.PeerBytes)
	}
}

func TestSharingKeepsTheServerFree(t *testing.T) {
	c := small(200)
	shared := run(t, c)
	c.NoUploads = true
	if alone := run(t, c); 2*shared.ServerBytes > alone.ServerBytes {
		t.Errorf("the server sends %d bytes, without sharing %d", shared.ServerBytes, alone.ServerBytes)
	}
}

func TestTheBusiestHourIsAMeanRate(t *testing.T) {
	for _, c := range []struct {
		lasts time.Duration
		want  float64
	}{{24 * time.Hour, 8e6}, {48 * time.Hour, 4e6}, {time.Hour, 8e6}, {30 * time.Minute, 16e6}} {
		r := Result{Config: Config{Duration: c.lasts}}
		r.Hours[3].FromServer, r.Hours[0].FromServer = 1e6, 3600e6
		if got := r.Busiest(); got != c.want {
			t.Errorf("in %v: %v bit/s, want %v", c.lasts, got, c.want)
		}
	}
}

func TestACancelledRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := small(200)
	c.Progress = func(time.Duration) { cancel() }
	if _, err := Run(ctx, c); err != context.Canceled {
		t.Errorf("the run ends with %v", err)
	}
}

func TestWhatCannotBeSimulatedIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"nobody":        func(c *Config) { c.Listeners = 0 },
		"too many":      func(c *Config) { c.Listeners = maxListeners + 1 },
		"no time":       func(c *Config) { c.Duration = 0 },
		"no line":       func(c *Config) { c.Up = 0 },
		"no track":      func(c *Config) { c.Tracks = 0 },
		"favourites":    func(c *Config) { c.Favourites = c.Tracks },
		"a lost script": func(c *Config) { c.Plays = []Play{{Listener: 99}} },
	} {
		c := small(10)
		spoil(&c)
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%s is simulated", name)
		}
	}
}

func TestPopularityIsThePapers(t *testing.T) {
	w := newWorld(small(10))
	top, n := 0, 100_000
	for range n {
		if w.popular() < 120 {
			top++
		}
	}
	if share := float64(top) / float64(n); share < 0.875 || share > 0.885 {
		t.Errorf("the top 12 %% get %.3f of the plays", share)
	}
}

func TestThePlotsAreTheSameToTheByte(t *testing.T) {
	c := small(40)
	draw := func() []byte {
		var b bytes.Buffer
		r, sizes, err := Sweep(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.PlotShares(&b), r.PlotLatency(&b), PlotSizes(&b, sizes)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	a, b := draw(), draw()
	if !bytes.Equal(a, b) {
		t.Error("two drawings of one seed differ")
	}
	if n := bytes.Count(a, []byte("</svg>")); n != 3 {
		t.Errorf("%d plots are drawn", n)
	}
	c.Seed++
	if bytes.Equal(a, draw()) {
		t.Error("another seed draws the same")
	}
}

func TestAThinServerAloneMakesListenersStutterOrWait(t *testing.T) {
	c := crowd(10, time.Second)
	c.ServerUp = 1_000_000 // for 10 times 192 kbit/s
	c.NoUploads = true
	if r := run(t, c); r.Stuttered == 0 || r.Silence == 0 || r.P50 < 10_000 { // the first ones begin before the others come
		t.Errorf("%d of 10 stutter, %v of silence, half wait %.0f ms", r.Stuttered, r.Silence, r.P50)
	}
	c.NoUploads = false
	if r := run(t, c); r.Stuttered > 0 || r.Sounded != 10 || r.P90 > 1000 {
		t.Errorf("sharing, %d of %d stutter, nine of ten wait %.0f ms", r.Stuttered, r.Sounded, r.P90)
	}
}

func TestAPlayBeginsWhenItIsNotLikelyToRunDry(t *testing.T) {
	for _, c := range []struct {
		times       float64 // the bitrate
		least, most float64 // ms
	}{
		{20, 50, 100},
		{2, 1000, 5000},
		{0.8, 30_000, 34_000}, // a quarter of the track
	} {
		config := crowd(1, 0)
		config.ServerUp = int(c.times * float64(config.Bitrate))
		if r := run(t, config); r.Stuttered > 0 || r.Sounded != 1 || r.P50 < c.least || r.P50 > c.most {
			t.Errorf("at %v times the bitrate it begins after %.0f ms (%d stutter), want %.0f to %.0f", c.times, r.P50, r.Stuttered, c.least, c.most)
		}
	}
}

func TestAFullCacheLetsTheOldestGoThatIsNotLeased(t *testing.T) {
	c := small(1)
	c.Favourites = 0
	w := newWorld(c)
	w.populate()
	n := &w.nodes[0]
	n.limit = 3 * w.size
	for track := range int32(5) {
		if h := w.lease(0, track); track != 0 { // the first goes on
			h.leases--
		}
	}
	if len(n.cache) != 3 || n.cache[0] == nil || n.cache[3] == nil || n.cache[4] == nil || n.used != 3*w.size || w.result.Evicted != 2 {
		t.Errorf("the cache holds %v, %d bytes; %d evicted", n.cache, n.used, w.result.Evicted)
	}
}
