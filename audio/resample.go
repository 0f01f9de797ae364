package audio

import (
	"encoding/binary"
	"math"
)

const (
	// taps is the length of the filter at each phase. 64 give the pass band up to
	// 19.4 kHz at 48 kHz (13.6 kHz at 32) with a Kaiser window of beta.
	taps = 64

	// beta gives a stop band of 96 dB, below 16 bits: Kaiser's formula,
	// 0.1102 (A - 8.7) (Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3).
	beta = 9.62

	// transition is half the filter's transition band as a part of the input's
	// rate, by Kaiser's formula (A - 8) / (2.285 (taps - 1)) / 4 pi. The band ends
	// where what is above half the output's rate would fold back below 20 kHz.
	transition = 0.0485
)

// resampler converts stereo PCM to SampleRate by a polyphase filter with a
// Kaiser-windowed sinc. Output sample n depends on n and the input around it only,
// so that conversion can begin anywhere.
type resampler struct {
	up, down int64     // output over input rate, in lowest terms
	filter   []float32 // taps of each of up phases
	in       []float32 // two channels
	base     int64     // the input sample at in[0]
	next     int64     // output sample
	end      int64     // input samples in all, once known
	finished bool
}

func newResampler(rate int) *resampler {
	g := gcd(rate, SampleRate)
	r := &resampler{up: int64(SampleRate / g), down: int64(rate / g)}
	r.filter = kaiserFilter(int(r.up), cutoff(rate))
	r.seek(0)
	return r
}

// cutoff returns the middle of the transition band as a part of the input's rate.
func cutoff(rate int) float64 {
	if rate < SampleRate {
		// Half of the band lies beyond the input's spectrum, where only the image
		// of what an encoder leaves out at this rate would be let through.
		return 0.5 - transition/2
	}
	// What folds back lands above 20 kHz as long as it is below 24.1 kHz.
	return (SampleRate-20_000)/float64(rate) - transition
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// kaiserFilter returns the taps of each phase, each of which sums to 1.
func kaiserFilter(phases int, cutoff float64) []float32 {
	filter := make([]float32, phases*taps)
	var row [taps]float64
	for phase := range phases {
		sum := 0.0
		for i := range taps {
			x := float64(i-taps/2+1) - float64(phase)/float64(phases)
			u := x / (taps / 2)
			v := 2 * cutoff
			if x != 0 {
				v = math.Sin(2*math.Pi*cutoff*x) / (math.Pi * x)
			}
			row[i] = v * bessel(beta*math.Sqrt(max(0, 1-u*u)))
			sum += row[i]
		}
		for i, v := range row {
			filter[phase*taps+i] = float32(v / sum)
		}
	}
	return filter
}

// bessel is the modified Bessel function I0, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// seek goes to output sample n and returns the input sample that is to be pushed
// first. What is before the sound counts as silence.
func (r *resampler) seek(n int64) int64 {
	r.next = n
	r.finished = false
	r.base = n*r.down/r.up - taps/2 + 1
	silence := max(0, -r.base)
	r.in = append(r.in[:0], make([]float32, 2*silence)...)
	return r.base + silence
}

// push takes PCM of the input.
func (r *resampler) push(pcm []byte) {
	for i := 0; i+1 < len(pcm); i += 2 {
		r.in = append(r.in, float32(int16(binary.LittleEndian.Uint16(pcm[i:]))))
	}
}

// finish says that the input has ended after n samples, and supplies the silence
// behind them. It reports false if it had before.
func (r *resampler) finish(n int64) bool {
	if r.finished {
		return false
	}
	r.finished, r.end = true, n
	r.in = append(r.in, make([]float32, taps)...)
	return true
}

// pull gives as much output as there is input for, and as fits p.
func (r *resampler) pull(p []byte) int {
	n := 0
	for ; n+sampleSize <= len(p); n += sampleSize {
		center := r.next * r.down / r.up
		at := 2 * (center - taps/2 + 1 - r.base)
		if at+2*taps > int64(len(r.in)) || r.finished && center >= r.end {
			break
		}
		phase := r.next * r.down % r.up
		left, right := convolve(r.in[at:at+2*taps], r.filter[phase*taps:(phase+1)*taps])
		binary.LittleEndian.PutUint16(p[n:], uint16(left))
		binary.LittleEndian.PutUint16(p[n+2:], uint16(right))
		r.next++
	}
	r.forget()
	return n
}

// forget drops input that is no longer needed.
func (r *resampler) forget() {
	old := r.next*r.down/r.up - taps/2 + 1 - r.base
	if old = min(old, int64(len(r.in)/2)); old > frameSamples/2 {
		r.in = append(r.in[:0], r.in[2*old:]...)
		r.base += old
	}
}

func convolve(in, filter []float32) (int16, int16) {
	in = in[:2*taps]
	filter = filter[:taps]
	var left, right, left2, right2 float32 // two sums each, which need not wait for one another
	for i := 0; i < taps; i += 2 {
		left += in[2*i] * filter[i]
		right += in[2*i+1] * filter[i]
		left2 += in[2*i+2] * filter[i+1]
		right2 += in[2*i+3] * filter[i+1]
	}
	return round16(left + left2), round16(right + right2)
}

func round16(x float32) int16 {
	return int16(math.Round(float64(min(max(x, math.MinInt16), math.MaxInt16))))
}
