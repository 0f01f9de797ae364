package audio

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// pieces gives PCM in pieces of odd lengths.
func pieces(pcm []byte) iter.Seq[[]byte] {
	r := rand.New(rand.NewPCG(1, 2))
	return func(yield func([]byte) bool) {
		for len(pcm) > 0 {
			n := min(len(pcm), sampleSize*(1+r.IntN(700)))
			if !yield(pcm[:n]) {
				return
			}
			pcm = pcm[n:]
		}
	}
}

// mixed is what a mixer makes of tracks, one after another.
func mixed(tracks ...levelled) (out []byte) {
	m := NewMixer()
	for _, t := range tracks {
		for p := range pieces(t.pcm) {
			before := bytes.Clone(p)
			out = append(out, m.Play(p, t.Level)...)
			if !bytes.Equal(p, before) {
				panic("it changes what it is given")
			}
		}
	}
	return append(out, m.End()...)
}

// levelled is a track, and how loud it is to be.
type levelled struct {
	pcm []byte
	Level
}

func level(pcm []byte, gain, peak float64) []byte { return mixed(levelled{pcm, Level{gain, peak}}) }

// scaled is PCM by a gain, in dB, rounded.
func scaled(pcm []byte, gain float64) []byte {
	return appendScaled(nil, pcm, float32(math.Pow(10, gain/20)))
}

func value(pcm []byte, i int) float64 {
	return float64(int16(binary.LittleEndian.Uint16(pcm[2*i:])))
}

// bursts is hostile to limiters: noise, impulses, squares and silence of any length, at
// any level up to full scale.
func bursts(seed uint64, d time.Duration) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, 0, soundBytes(d))
	for len(b) < cap(b) {
		kind, level, n := r.IntN(4), r.Float64()*32767, 1+r.IntN(3000)
		for i := range min(n, (cap(b)-len(b))/sampleSize) {
			for range 2 {
				v := 0.0
				switch kind {
				case 1:
					v = level * (2*r.Float64() - 1)
				case 2:
					v = level * float64(1-2*(i/7%2))
				case 3:
					v = level * math.Sin(float64(i)*float64(n)/1000)
				}
				if r.IntN(500) == 0 {
					v = 32767
				}
				b = binary.LittleEndian.AppendUint16(b, uint16(int16(v)))
			}
		}
	}
	return b
}

func TestALimiterNeverGoesBeyondFullScale(t *testing.T) {
	for seed := range uint64(fewer(10)) {
		pcm := bursts(seed, 2*time.Second)
		for _, gain := range []float64{0.1, 3, 12, 24} {
			out := level(pcm, gain, 0)
			if len(out) != len(pcm) {
				t.Fatalf("%d bytes of %d", len(out), len(pcm))
			}
			m := NewMeter(SampleRate)
			m.Write(out)
			if p := m.Peak(); p > 1 {
				t.Errorf("seed %d, %+.1f dB: a true peak of %.4f", seed, gain, p)
			}
			for i := range len(out) / 2 {
				if math.Abs(value(out, i)) > ceiling*fullScale+1 {
					t.Fatalf("seed %d, %+.1f dB: sample %d is %v", seed, gain, i, value(out, i))
				}
			}
		}
	}
}

// Where nothing would go beyond full scale, limiting is multiplying: to the bit.
func TestALimiterChangesNothingBelowFullScale(t *testing.T) {
	for seed := range uint64(fewer(5)) {
		pcm := scaled(music(seed, 2*time.Second), -8)
		const gain = 6
		want := scaled(pcm, gain)
		m := NewMeter(SampleRate)
		m.Write(want)
		if m.Peak() > ceiling {
			t.Fatal(m.Peak())
		}
		if out := level(pcm, gain, 0); !bytes.Equal(out, want) {
			t.Errorf("seed %d: a sample differs by %d", seed, largestError(out, want))
		}
	}
}

// Around one peak the gain sinks and comes back without a jump.
func TestALimitersGainHasNoJumps(t *testing.T) {
	pcm := make([]byte, 4*SampleRate)
	for i := range len(pcm) / 2 {
		binary.LittleEndian.PutUint16(pcm[2*i:], 8000)
	}
	at := SampleRate / 2
	binary.LittleEndian.PutUint16(pcm[4*at:], 32767)
	out := level(pcm, 9, 0)
	last, lowest := 8000*math.Pow(10, 9./20), math.Inf(1)
	for i := range len(out) / 4 {
		if i == at || i < 100 || i > len(out)/4-100 { // the ends are peaks, too
			continue
		}
		v := value(out, 2*i)
		if math.Abs(v-last) > 22547./lookAhead {
			t.Fatalf("from sample %d to the next the level goes from %v to %v", i-1, last, v)
		}
		last, lowest = v, min(lowest, v)
	}
	if lowest > 22547/2.7 || last < 22547*0.98 {
		t.Errorf("the level sinks to %v and comes back to %v", lowest, last)
	}
}

func TestAGainIsAsAsked(t *testing.T) {
	pcm := music(1, time.Second)
	if out := level(pcm, 0, 0); !bytes.Equal(out, pcm) {
		t.Error("0 dB changes the sound")
	}
	pcm = scaled(pcm, -20)
	loudness := func(pcm []byte) float64 {
		m := NewMeter(SampleRate)
		m.Write(pcm)
		return m.Loudness()
	}
	for _, gain := range []float64{-30, -7.3, -0.5, 0.5, 5, 99} {
		got := loudness(level(pcm, gain, 0.01)) - loudness(pcm)
		if want := min(max(gain, -MaxGain), MaxGain); math.Abs(got-want) > 0.1 {
			t.Errorf("%+.1f dB: %+.3f dB", gain, got)
		}
	}
}

// A track that is limited and one that is not join as if nothing were between them, and
// what limits at the end of one goes on into the next.
func TestJoinsLoseNothing(t *testing.T) {
	whole := music(3, 3*time.Second)
	cut := int(soundBytes(1234 * time.Millisecond))
	for _, gain := range []float64{-6, 0, 6, 20} {
		once := level(whole, gain, 0)
		for _, peak := range []float64{0, 0.99} { // unknown, known
			if out := mixed(levelled{whole[:cut], Level{gain, peak}}, levelled{whole[cut:], Level{gain, peak}}); !bytes.Equal(out, once) {
				t.Errorf("%+.0f dB: in two halves it sounds otherwise: %d bytes of %d", gain, len(out), len(once))
			}
		}
	}
	quiet := scaled(music(4, time.Second), -40)
	for range 3 {
		loud, soft := levelled{bursts(5, time.Second), Level{12, 0}}, levelled{quiet, Level{-3, 1}}
		out := mixed(soft, loud, soft, soft, loud, soft)
		part := len(quiet)
		if len(out) != 6*part {
			t.Fatalf("%d bytes of %d", len(out), 6*part)
		}
		want := scaled(quiet, -3)
		if !bytes.Equal(out[:part-lookAhead*sampleSize], want[:part-lookAhead*sampleSize]) || !bytes.Equal(out[3*part:4*part-lookAhead*sampleSize], want[:part-lookAhead*sampleSize]) {
			t.Error("a soft track is limited where none is near that need be")
		}
		if bytes.Equal(out[2*part:2*part+part/20], want[:part/20]) {
			t.Error("the gain jumps back at the join")
		}
		if d := largestError(out[2*part+part*19/20:3*part], want[part*19/20:]); d > 1 {
			t.Errorf("a second later it is still limited, by up to %d", d)
		}
	}
}

// constant is PCM of one value.
func constant(value int16, samples int) (pcm []byte) {
	for range 2 * samples {
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(value))
	}
	return pcm
}

// faded is what a mixer makes of a track that fades into another over so many samples,
// and of the rest of that.
func faded(ends, begins levelled, length int) []byte {
	m := NewMixer()
	cut := len(ends.pcm) - length*sampleSize
	out := bytes.Clone(m.Play(ends.pcm[:cut], ends.Level))
	f := Fade{Length: length}
	for p := range pieces(begins.pcm[:length*sampleSize]) {
		out = append(out, m.Fade(p, begins.Level, ends.pcm[cut+f.Done*sampleSize:][:len(p)], ends.Level, f)...)
		f.Done += len(p) / sampleSize
	}
	out = append(out, m.Play(begins.pcm[length*sampleSize:], begins.Level)...)
	return append(out, m.End()...)
}

func TestACrossfadeIsOfEqualPower(t *testing.T) {
	const length = SampleRate / 2
	a, b := levelled{constant(8000, SampleRate), Level{}}, levelled{constant(-3000, SampleRate), Level{6, 0.1}}
	out := faded(a, b, length)
	if len(out) != (2*SampleRate-length)*sampleSize {
		t.Fatalf("%d bytes", len(out))
	}
	for i := range len(out) / sampleSize {
		x := min(max(float64(i-(SampleRate-length))+0.5, 0)/length, 1)
		in, away := math.Sin(math.Pi/2*x), math.Cos(math.Pi/2*x)
		if power := in*in + away*away; math.Abs(power-1) > 1e-12 {
			t.Fatalf("a power of %v", power)
		}
		want := math.Round(8000*away - 3000*math.Pow(10, 6./20)*in)
		if got := value(out, 2*i); math.Abs(got-want) > 1 || got != value(out, 2*i+1) {
			t.Fatalf("sample %d is %v, want %v", i, got, want)
		}
	}
	// Two sounds that have nothing in common are as loud together as each alone.
	loudness := func(pcm []byte) float64 {
		m := NewMeter(SampleRate)
		m.Write(pcm)
		return m.Loudness()
	}
	x, y := noiseAt(1, 2*time.Second), noiseAt(2, 2*time.Second)
	both := faded(levelled{x, Level{}}, levelled{y, Level{}}, 2*SampleRate)
	if d := loudness(both) - loudness(x); math.Abs(d) > 0.2 {
		t.Errorf("a crossfade is %+.2f dB louder than what it is of", d)
	}
}

// noiseAt is noise at a quarter of full scale.
func noiseAt(seed uint64, d time.Duration) (pcm []byte) {
	r := rand.New(rand.NewPCG(seed, 9))
	for range 2 * soundBytes(d) / sampleSize {
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(8192*(2*r.Float64()-1))))
	}
	return pcm
}

func TestTheSumOfACrossfadeIsLimited(t *testing.T) {
	loud := levelled{constant(32000, SampleRate), Level{0, 1}} // half way 1.4 times full scale
	for seed := range uint64(fewer(5)) {
		for _, out := range [][]byte{
			faded(loud, loud, SampleRate),
			faded(levelled{bursts(seed, time.Second), Level{9, 0}}, levelled{bursts(seed+50, time.Second), Level{3, 0}}, SampleRate/3),
		} {
			m := NewMeter(SampleRate)
			m.Write(out)
			if p := m.Peak(); p > 1 {
				t.Errorf("a true peak of %.4f", p)
			}
		}
	}
}

func TestAFadeOfATrackThatEndedEarlyGoesOn(t *testing.T) {
	m := NewMixer()
	out := bytes.Clone(m.Fade(constant(1000, 100), Level{}, nil, Level{}, Fade{0, 100}))
	out = append(out, m.End()...)
	if len(out) != 100*sampleSize || value(out, 0) > 20 || value(out, 199) < 999 {
		t.Errorf("%d bytes, from %v to %v", len(out), value(out, 0), value(out, 199))
	}
}

func BenchmarkMixer(b *testing.B) {
	for name, gain := range map[string]float64{"as it is": 0, "softer": -6, "louder": 6} {
		b.Run(name, func(b *testing.B) {
			pcm := music(1, 5*time.Second)
			m := NewMixer()
			b.ReportAllocs()
			for b.Loop() {
				for p := pcm; len(p) > 0; p = p[min(len(p), frameBytes):] {
					m.Play(p[:min(len(p), frameBytes)], Level{gain, 1})
				}
			}
			b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
		})
	}
	b.Run("crossfade", func(b *testing.B) {
		one, other := noiseAt(1, 5*time.Second), noiseAt(2, 5*time.Second)
		m := NewMixer()
		b.ReportAllocs()
		for b.Loop() {
			f := Fade{Length: len(one) / sampleSize}
			for at := 0; at < len(one); at += frameBytes {
				end := min(len(one), at+frameBytes)
				m.Fade(one[at:end], Level{}, other[at:end], Level{}, f)
				f.Done += (end - at) / sampleSize
			}
		}
		b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
	})
}
