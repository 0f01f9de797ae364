package audio

import (
	"encoding/binary"
	"math"
)

const (
	// stopBand is how far down the filter is where it must let nothing through, in
	// dB: a little below 16 bits.
	stopBand = 98

	// passEnd is up to where nothing is lost: the end of hearing.
	passEnd = 20_000 // Hz

	// imageBand is, for inputs of a lower rate than the output's, how wide the
	// transition is around the end of the input's spectrum, as a part of its rate:
	// from 0.46 to 0.54. Encoders leave that out at such rates.
	imageBand = 0.08
)

// resampler converts stereo PCM to SampleRate by a polyphase filter with a
// Kaiser-windowed sinc. Output sample n depends on n and the input around it only,
// so that conversion can begin anywhere.
type resampler struct {
	up, down int64     // output over input rate, in lowest terms
	taps     int64     // of each phase
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
	middle, width := transition(rate)
	taps, beta := kaiserTaps(stopBand, width)
	r.taps = int64(taps)
	r.filter = sincFilter(int(r.up), taps, middle, beta)
	r.seek(0)
	return r
}

// transition returns the middle and the width of the filter's transition band, as
// parts of the input's rate.
func transition(rate int) (middle, width float64) {
	if rate < SampleRate {
		return 0.5, imageBand
	}
	// What folds back lands above passEnd as long as it is below stop.
	const stop = SampleRate - passEnd
	return float64(stop+passEnd) / 2 / float64(rate), float64(stop-passEnd) / float64(rate)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// seek goes to output sample n and returns the input sample that is to be pushed
// first. What is before the sound counts as silence.
func (r *resampler) seek(n int64) int64 {
	r.next = n
	r.finished = false
	r.base = n*r.down/r.up - r.taps/2 + 1
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
	r.in = append(r.in, make([]float32, r.taps)...)
	return true
}

// pull gives as much output as there is input for, and as fits p.
func (r *resampler) pull(p []byte) int {
	n := 0
	for ; n+sampleSize <= len(p); n += sampleSize {
		center := r.next * r.down / r.up
		at := 2 * (center - r.taps/2 + 1 - r.base)
		if at+2*r.taps > int64(len(r.in)) || r.finished && center >= r.end {
			break
		}
		phase := r.next * r.down % r.up
		left, right := convolve(r.in[at:at+2*r.taps], r.filter[phase*r.taps:(phase+1)*r.taps])
		binary.LittleEndian.PutUint16(p[n:], uint16(left))
		binary.LittleEndian.PutUint16(p[n+2:], uint16(right))
		r.next++
	}
	r.forget()
	return n
}

// forget drops input that is no longer needed.
func (r *resampler) forget() {
	old := r.next*r.down/r.up - r.taps/2 + 1 - r.base
	if old = min(old, int64(len(r.in)/2)); old > frameSamples/2 {
		r.in = append(r.in[:0], r.in[2*old:]...)
		r.base += old
	}
}

// convolve returns one stereo sample. The filter's length is a multiple of four.
func convolve(in, filter []float32) (int16, int16) {
	var left, right, left2, right2 float32 // two sums each, which need not wait for one another
	for len(filter) >= 4 && len(in) >= 8 {
		f, x := filter[:4:4], in[:8:8]
		left += x[0]*f[0] + x[4]*f[2]
		right += x[1]*f[0] + x[5]*f[2]
		left2 += x[2]*f[1] + x[6]*f[3]
		right2 += x[3]*f[1] + x[7]*f[3]
		filter, in = filter[4:], in[8:]
	}
	return round16(left + left2), round16(right + right2)
}

func round16(x float32) int16 {
	return int16(math.Round(float64(min(max(x, math.MinInt16), math.MaxInt16))))
}
