package audio

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// pcmDecoder gives PCM as it is, in pieces of odd lengths.
type pcmDecoder struct {
	pcm  []byte
	rest []byte
	r    *rand.Rand
}

func playsPCM(pcm []byte) *pcmDecoder { return &pcmDecoder{pcm, pcm, rand.New(rand.NewPCG(1, 2))} }

func (d *pcmDecoder) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), sampleSize*(1+d.r.IntN(700)))], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *pcmDecoder) Seek(t time.Duration) error {
	d.rest = d.pcm[min(soundBytes(t), int64(len(d.pcm))):]
	return nil
}

func levelled(t testing.TB, pcm []byte, gain, peak float64) []byte {
	t.Helper()
	out, err := io.ReadAll(Level(playsPCM(pcm), gain, peak))
	if err != nil {
		t.Fatal(err)
	}
	return out
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
	for seed := range uint64(10) {
		pcm := bursts(seed, 2*time.Second)
		for _, gain := range []float64{0.1, 3, 12, 24} {
			out := levelled(t, pcm, gain, 0)
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
	for seed := range uint64(5) {
		pcm := music(seed, 2*time.Second)
		scale(pcm, 0.4)
		const gain = 6
		want := bytes.Clone(pcm)
		scale(want, float32(math.Pow(10, gain/20.)))
		l := &limited{dec: playsPCM(pcm), limiter: newLimiter(math.Pow(10, gain/20.)), buf: make([]byte, frameBytes)}
		m := NewMeter(SampleRate)
		m.Write(want)
		out, err := io.ReadAll(l)
		if m.Peak() > ceiling || err != nil {
			t.Fatal(m.Peak(), err)
		}
		for i := range len(want) / 2 {
			if math.Abs(value(want, i)-value(out, i)) > 1 { // the order of two roundings
				t.Fatalf("seed %d: sample %d is %v, want %v", seed, i, value(out, i), value(want, i))
			}
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
	out := levelled(t, pcm, 9, 0)
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
	if out := levelled(t, pcm, 0, 0); !bytes.Equal(out, pcm) {
		t.Error("0 dB changes the sound")
	}
	scale(pcm, 0.1)
	loudness := func(pcm []byte) float64 {
		m := NewMeter(SampleRate)
		m.Write(pcm)
		return m.Loudness()
	}
	for _, gain := range []float64{-30, -7.3, -0.5, 0.5, 5, 99} {
		got := loudness(levelled(t, pcm, gain, 0.01)) - loudness(pcm)
		if want := min(max(gain, -MaxGain), MaxGain); math.Abs(got-want) > 0.1 {
			t.Errorf("%+.1f dB: %+.3f dB", gain, got)
		}
	}
}

func TestALevelledTrackSeeks(t *testing.T) {
	pcm := bursts(7, 4*time.Second)
	for _, gain := range []float64{-6, 6} {
		whole := levelled(t, pcm, gain, 0.9)
		d := Level(playsPCM(pcm), gain, 0.9)
		io.ReadAll(d)
		if err := d.Seek(time.Second); err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(d)
		if err != nil || len(out) != len(pcm)-int(soundBytes(time.Second)) {
			t.Fatalf("%v, %d bytes", err, len(out))
		}
		settled := int(soundBytes(500 * time.Millisecond))
		if n := largestError(out[settled:], whole[len(whole)-len(out)+settled:]); gain < 0 && n > 0 || n > 300 {
			t.Errorf("%+.0f dB: behind a seek it differs by up to %d", gain, n)
		}
	}
}

func BenchmarkLevel(b *testing.B) {
	for name, gain := range map[string]float64{"softer": -6, "louder": 6} {
		b.Run(name, func(b *testing.B) {
			pcm := music(1, 5*time.Second)
			p := make([]byte, frameBytes)
			b.ReportAllocs()
			for b.Loop() {
				for d := Level(playsPCM(pcm), gain, 1); ; {
					if _, err := d.Read(p); err != nil {
						break
					}
				}
			}
			b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
		})
	}
}
