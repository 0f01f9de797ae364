package audio

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// tone is n samples of a sine at rate Hz, of 0.9 of full scale.
func tone(hz, rate float64, n int) []byte {
	var b []byte
	for i := range n {
		v := uint16(int16(math.Round(0.9 * 32767 * math.Sin(2*math.Pi*hz*float64(i)/rate))))
		b = binary.LittleEndian.AppendUint16(b, v)
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

// convert resamples all of pcm.
func convert(rate int, pcm []byte) []byte {
	r := newResampler(rate)
	var out []byte
	p := make([]byte, 4000)
	for len(pcm) > 0 {
		n := min(len(pcm), frameBytes)
		r.push(pcm[:n])
		pcm = pcm[n:]
		for n := r.pull(p); n > 0; n = r.pull(p) {
			out = append(out, p[:n]...)
		}
	}
	return out
}

// fit takes the sine of hz at SampleRate out of the left channel of pcm, and
// returns its amplitude and the rms of what is left, both of full scale.
func fit(hz float64, pcm []byte) (amplitude, rest float64) {
	n := len(pcm) / sampleSize
	var x, ss, sc, cc, xs, xc float64
	at := func(i int) float64 { return float64(int16(binary.LittleEndian.Uint16(pcm[i*sampleSize:]))) / 32767 }
	for i := range n {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / SampleRate)
		x = at(i)
		ss, sc, cc, xs, xc = ss+s*s, sc+s*c, cc+c*c, xs+x*s, xc+x*c
	}
	det := ss*cc - sc*sc
	a, b := (xs*cc-xc*sc)/det, (xc*ss-xs*sc)/det
	sum := 0.0
	for i := range n {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / SampleRate)
		d := at(i) - a*s - b*c
		sum += d * d
	}
	return math.Hypot(a, b), math.Sqrt(sum / float64(n))
}

func decibel(x float64) float64 { return 20 * math.Log10(x) }

// A sine comes out as that sine and little else: 16 bits allow for 97 dB.
func TestResampledSinesAreClean(t *testing.T) {
	for _, c := range []struct {
		rate int
		hz   []float64
	}{
		{48000, []float64{100, 1000, 5000, 10_000, 15_000, 18_000, 19_000}},
		{32000, []float64{100, 1000, 5000, 10_000, 12_000, 13_000}},
	} {
		for _, hz := range c.hz {
			pcm := convert(c.rate, tone(hz, float64(c.rate), c.rate))
			amplitude, rest := fit(hz, pcm[100*sampleSize:])
			snr, loss := decibel(amplitude/math.Sqrt2/rest), decibel(amplitude/0.9)
			if snr < 90 || math.Abs(loss) > 0.1 {
				t.Errorf("%d Hz, sine of %.0f Hz: signal to noise %.1f dB, gain %.3f dB", c.rate, hz, snr, loss)
			}
		}
	}
}

// What does not fit below half the output's rate must not come back lower.
func TestResamplingDoesNotFold(t *testing.T) {
	_, rest := fit(1000, convert(48000, tone(23_900, 48000, 48000))[100*sampleSize:])
	// 20.2 kHz, where it would come back, is above what encoders keep.
	if level := decibel(rest / (0.9 / math.Sqrt2)); level > -60 {
		t.Errorf("a sine of 23.9 kHz leaves %.1f dB", level)
	}
}

func BenchmarkResample(b *testing.B) {
	for _, rate := range []int{48000, 32000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			pcm := tone(1000, float64(rate), rate)
			p := make([]byte, frameBytes)
			r := newResampler(rate)
			b.ReportAllocs()
			for b.Loop() {
				for at := 0; at < len(pcm); at += frameBytes {
					r.push(pcm[at:min(at+frameBytes, len(pcm))])
					for r.pull(p) > 0 {
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
		})
	}
}

func BenchmarkNewResampler(b *testing.B) {
	for b.Loop() {
		newResampler(32000)
	}
}
