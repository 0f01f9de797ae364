package schedule

import (
	"math/rand/v2"
	"testing"
	"time"

	"earshot/protocol"
)

// arriving returns a Throughput that has seen a line of so many bytes a second for a
// time, in packets, and the time by then.
func arriving(rate func(now time.Duration) float64, length time.Duration) (*Throughput, time.Duration) {
	t := new(Throughput)
	t.Busy(0, true)
	now, left := time.Duration(0), 0.0
	for ; now < length; now += time.Millisecond {
		for left += rate(now) / 1000; left >= packet; left -= packet {
			t.Arrived(now, packet)
		}
	}
	return t, now
}

func steady(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// fromStart is the rest of a track that is to be played from its beginning and of
// which so much sound is there.
func fromStart(line *Timeline, there time.Duration) Rest {
	have := protocol.NewBitmap(line.Chunks())
	n := line.after(there)
	for c := range n {
		have.Set(c)
	}
	return Rest{Line: line, Have: have, Alone: true}
}

func TestWhereThroughputIsPlentifulPlayingBeginsAtOnce(t *testing.T) {
	line := track()
	for _, times := range []float64{1.7, 3, 100} {
		flow, now := arriving(steady(times*line.rate), known*period+time.Second)
		if wait, _ := flow.Wait(now, fromStart(line, 0), 1); wait != 0 {
			t.Errorf("at %v times the bitrate it waits %v", times, wait)
		}
	}
}

func TestTheFirstPacketsTellWhetherTheLineIsPlentiful(t *testing.T) {
	line := track()
	for _, c := range []struct {
		name    string
		spacing time.Duration // of packets of 1200 bytes
		packets int
		alone   bool
		begins  bool
	}{
		{"one packet alone", 0, 1, true, false},
		{"two at 50 Mbit/s", 200 * time.Microsecond, 2, true, true},
		{"all at once", 0, 3, true, true},
		{"at 1 Mbit/s", 9600 * time.Microsecond, 3, true, true},
		{"at 400 kbit/s", 24 * time.Millisecond, 3, true, false},
		{"at 400 kbit/s, others bring the rest", 24 * time.Millisecond, 3, false, true},
	} {
		flow := new(Throughput)
		flow.Busy(0, true)
		now := 50 * time.Millisecond // the round trip counts for nothing
		for i := range c.packets {
			if i > 0 {
				now += c.spacing
			}
			flow.Arrived(now, 1200)
		}
		rest := fromStart(line, 0)
		rest.Alone, rest.Partly = c.alone, 1200*c.packets
		if wait, _ := flow.Wait(now, rest, 1); (wait == 0) != c.begins {
			t.Errorf("%s: it waits %v", c.name, wait)
		}
	}
}

func TestWhatIsReadAtOnceHasComeAtOnce(t *testing.T) {
	line := track()
	flow := new(Throughput)
	flow.Busy(0, true)
	flow.Arrived(50*time.Millisecond, 16<<10)
	rest := fromStart(line, 0)
	rest.Partly = 16 << 10
	if wait, _ := flow.Wait(120*time.Millisecond, rest, 1); wait != 0 { // whoever asks was busy
		t.Errorf("it waits %v", wait)
	}
}

func TestATrackThatIsThereBeginsWhateverTheLineIs(t *testing.T) {
	line := track()
	flow, now := arriving(steady(0.1*line.rate), 5*time.Second)
	rest := fromStart(line, 2*line.at(line.Chunks()))
	if wait, _ := flow.Wait(now, rest, 1); wait != 0 {
		t.Errorf("it waits %v for nothing", wait)
	}
	if wait, _ := new(Throughput).Wait(0, rest, 1); wait != 0 {
		t.Errorf("where nothing was measured it waits %v", wait)
	}
}

func TestATrackThatTheLineCannotCarryWaitsForWhatIsLackingAtItsEnd(t *testing.T) {
	line := track()
	length := line.at(line.Chunks())
	const times = 0.8
	flow, now := arriving(steady(times*line.rate), 60*time.Second)
	wait, sound := flow.Wait(now, fromStart(line, 0), 1)
	least := time.Duration(float64(length) * (1/times - 1)) // by the fluid model
	if wait < least-period || wait > least+least/10+2*time.Second {
		t.Errorf("it waits %v, want %v at least and little more", wait, least)
	}
	if want := time.Duration(float64(wait) * times); (sound - want).Abs() > time.Second {
		t.Errorf("%v of sound come by then, want %v", sound, want)
	}
}

func TestWithOthersToBringTheRestTheWaitIsShort(t *testing.T) {
	line := track()
	flow, now := arriving(steady(0.5*line.rate), leastInCompany*period+time.Second)
	rest := fromStart(line, 0)
	alone, _ := flow.Wait(now, rest, 1)
	rest.Alone = false
	if wait, _ := flow.Wait(now, rest, 1); wait == 0 || wait > 2*inCompany || wait >= alone {
		t.Errorf("it waits %v, alone %v", wait, alone)
	}
}

func TestWhatWasMeasuredLongAgoSaysNothing(t *testing.T) {
	line := track()
	flow, now := arriving(steady(0.5*line.rate), 10*time.Second)
	flow.Busy(now, false)
	now += stale + time.Second
	flow.Busy(now, true)
	flow.Arrived(now, 1200)
	flow.Arrived(now, 4800)
	if wait, _ := flow.Wait(now, fromStart(line, 0), 1); wait != 0 {
		t.Errorf("it waits %v", wait)
	}
}

func TestOnlyWhatComesWhileAllIsAskedForIsMeasured(t *testing.T) {
	line := track()
	flow, now := arriving(steady(4*line.rate), 2*time.Second)
	measured := len(flow.samples)
	flow.Busy(now, false)
	for range 100 {
		now += period
		flow.Arrived(now, 100)
	}
	if len(flow.samples) != measured || flow.Thin(now, line) {
		t.Errorf("%d samples, had %d", len(flow.samples), measured)
	}
}

// TestHardlyAPlayRunsDryThatWouldAtOnce plays what the rule lets begin over lines that
// go on as they were: chains of two rates, each kept for a while. What a minute and a
// half tells of such a line is off by a few per cent, hence more than 1 in 100.
func TestHardlyAPlayRunsDryThatWouldAtOnce(t *testing.T) {
	line := track()
	rng := rand.New(rand.NewPCG(1, 2))
	const plays = 300
	dry, atOnce := 0, 0
	for i := range plays {
		good, bad := 1.4+rng.Float64(), rng.Float64()
		state, until := true, time.Duration(0)
		rate := func(now time.Duration) float64 {
			if now >= until {
				state = !state
				until = now + time.Duration(rng.ExpFloat64()*float64(300*time.Millisecond))
			}
			if state {
				return good * line.rate
			}
			return bad * line.rate
		}
		flow, now := arriving(rate, 90*time.Second)
		wait, _ := flow.Wait(now, fromStart(line, 0), uint64(i))
		if runsDry(line, rate, now, wait) {
			dry++
		}
		state, until = true, 0
		if runsDry(line, rate, now, 0) {
			atOnce++
		}
	}
	if dry > plays/20 || atOnce < plays/2 {
		t.Errorf("of %d plays %d run dry, at once %d", plays, dry, atOnce)
	}
}

// runsDry plays a track over a line after a wait.
func runsDry(line *Timeline, rate func(time.Duration) float64, from, wait time.Duration) bool {
	got := 0.0
	for now := time.Duration(0); got < float64(line.size); now += 10 * time.Millisecond {
		got += rate(from+now) / 100
		if now > wait+50*time.Millisecond && line.atOffset(int64(got)) < now-wait-50*time.Millisecond {
			return true
		}
	}
	return false
}

func TestTheSameThroughputGivesTheSameWait(t *testing.T) {
	line := track()
	rng := rand.New(rand.NewPCG(3, 4))
	flow, now := arriving(func(time.Duration) float64 { return 2 * line.rate * rng.Float64() }, 20*time.Second)
	rest := fromStart(line, time.Second)
	wait, sound := flow.Wait(now, rest, 7)
	for range 3 {
		if w, s := flow.Wait(now, rest, 7); w != wait || s != sound {
			t.Fatalf("%v and %v, then %v and %v", wait, sound, w, s)
		}
	}
}

// FuzzWait: whatever arrives, and whatever is there, a wait is within its bounds, and
// what is there more makes it no longer by much.
func FuzzWait(f *testing.F) {
	f.Add([]byte{}, int64(0), 0, uint64(1))
	f.Add([]byte("2222220022222200"), int64(1<<14), 3000, uint64(2))
	f.Add([]byte{255, 0, 255, 0, 0, 0, 0, 1, 128, 7}, int64(-5), -1, uint64(3))
	f.Fuzz(func(t *testing.T, in []byte, place int64, partly int, seed uint64) {
		line := NewTimeline(header(192_000, 30*time.Second))
		flow, now := new(Throughput), time.Duration(0)
		rest := fromStart(line, 0)
		for i, b := range in[:min(len(in), 3000)] {
			switch {
			case b == 255:
				now += stale / 2
			case b == 254:
				flow.Busy(now, i%2 == 0)
			case b == 253:
				rest.Have.Set(i % line.Chunks())
			case b == 252:
				rest.Alone = !rest.Alone
			default:
				if i == 0 {
					flow.Busy(now, true)
				}
				flow.Arrived(now, int(b)*50)
				now += time.Duration(b%40) * 5 * time.Millisecond
			}
		}
		rest.Place, rest.Partly = min(max(place, 0), line.size), max(partly, 0)
		wait, sound := flow.Wait(now, rest, seed)
		if wait < 0 || wait > longest || sound < 0 {
			t.Fatalf("it waits %v for %v", wait, sound)
		}
		if len(flow.samples) > maxSamples {
			t.Fatalf("%d samples", len(flow.samples))
		}
		whole := rest
		whole.Have = protocol.FullBitmap(line.Chunks())
		if wait, _ := flow.Wait(now, whole, seed); wait != 0 {
			t.Fatalf("with all there it waits %v", wait)
		}
	})
}

func BenchmarkWait(b *testing.B) {
	line := NewTimeline(header(192_000, 4*time.Minute))
	rng := rand.New(rand.NewPCG(1, 1))
	flow, now := arriving(func(time.Duration) float64 { return 2 * line.rate * rng.Float64() }, 2*time.Minute)
	for b.Loop() {
		flow.Wait(now, fromStart(line, 0), 1)
	}
}

func TestABunchThatComesLateIsNoSignOfPlenty(t *testing.T) {
	line := track()
	for _, c := range []struct {
		after time.Duration // asking
		plays bool
	}{{50 * time.Millisecond, true}, {600 * time.Millisecond, false}} {
		var flow Throughput
		flow.Busy(0, true)
		flow.Arrived(c.after, 2*leastBurst) // all at once: the first packet was lost
		if wait, _ := flow.Wait(c.after, fromStart(line, 0), 1); wait == 0 != c.plays {
			t.Errorf("after %v it waits %v", c.after, wait)
		}
		flow.Busy(c.after, false) // for a moment
		if wait, _ := flow.Wait(c.after, fromStart(line, 0), 1); wait == 0 != c.plays {
			t.Errorf("after %v, and nothing more, it waits %v", c.after, wait)
		}
	}
}

func TestAFewSamplesThatEndWellAreNoPromise(t *testing.T) {
	line := track()
	var flow Throughput
	flow.Busy(0, true)
	now := time.Duration(0)
	playing := int(line.rate * period.Seconds())
	for _, times := range []float64{0.6, 0, 0, 0.6, 0, 0, 0, 1.2, 1.2, 1.2} { // on average half
		flow.Arrived(now, 1+int(times*float64(playing)))
		now += period
	}
	dry := 0
	for seed := range uint64(50) {
		if wait, _ := flow.Wait(now, fromStart(line, 0), seed); wait == 0 {
			dry++
		}
	}
	if dry > 0 {
		t.Errorf("of 50 it begins at once %d times", dry)
	}
}
