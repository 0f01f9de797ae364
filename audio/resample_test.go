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

// usualRates are those that music and speech come in, in Hz.
var usualRates = []int{48000, 96000, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 64000, 88200, 176400, 192000}

// A sine comes out as that sine and little else, up to what people hear or the
// input's rate can carry: 16 bits allow for 97 dB.
func TestResampledSinesAreClean(t *testing.T) {
	t.Parallel()
	for _, rate := range usualRates[:fewer(len(usualRates))] {
		for _, hz := range []float64{97, 997, 5003, 10_007, 12_007, 13_999, 17_989, 19_001, 19_997} {
			if hz > 0.46*float64(rate) {
				continue
			}
			pcm := convert(rate, tone(hz, float64(rate), rate))
			amplitude, rest := fit(hz, pcm[1000*sampleSize:])
			snr, loss := decibel(amplitude/math.Sqrt2/rest), decibel(amplitude/0.9)
			if snr < 93 || math.Abs(loss) > 0.01 {
				t.Errorf("%d Hz, sine of %.0f Hz: signal to noise %.1f dB, gain %.4f dB", rate, hz, snr, loss)
			}
		}
	}
}

// What does not fit below half the output's rate must not come back where it is heard.
func TestResamplingDoesNotFold(t *testing.T) {
	for _, rate := range usualRates[:fewer(len(usualRates))] {
		for _, hz := range []float64{24_100, 30_000, 43_000, 60_000, 90_000} {
			if hz > float64(rate)/2 {
				continue
			}
			_, rest := fit(1000, convert(rate, tone(hz, float64(rate), rate))[100*sampleSize:])
			if level := decibel(rest / (0.9 / math.Sqrt2)); level > -90 {
				t.Errorf("%d Hz: a sine of %.0f Hz leaves %.1f dB", rate, hz, level)
			}
		}
	}
}

func BenchmarkResample(b *testing.B) {
	for _, rate := range []int{8000, 32000, 48000, 96000, 192000} {
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
	for _, rate := range []int{8000, 48000, 192000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			for b.Loop() {
				newResampler(rate)
			}
		})
	}
}
