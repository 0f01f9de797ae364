package audio

import (
	"encoding/binary"
	"math"
)

// fullScale is the value of a sample of full scale.
const fullScale = 32768

const (
	peakPhases = 4  // BS.1770-4, annex 2: four times the rate of 44.1 or 48 kHz
	peakTaps   = 20 // right to 0.2 dB up to 20 kHz at 44.1
	peakBlock  = 64 // samples looked at together: few, so that quiet ones among loud ones are passed over
)

// interpolator gives a signal's values between its samples: row p those p+1 quarters of a
// sample behind the middle of peakTaps samples.
type interpolator struct {
	rows  [peakPhases - 1][peakTaps]float32
	reach float32 // the largest that it makes of samples of 1 at the most
}

func newInterpolator() *interpolator {
	ip := new(interpolator)
	flat := sincFilter(peakPhases, peakTaps, 0.5, 4)
	for p := range ip.rows {
		sum := float32(0)
		for k := range ip.rows[p] {
			ip.rows[p][k] = flat[(p+1)*peakTaps+k]
			sum += abs32(ip.rows[p][k])
		}
		ip.reach = max(ip.reach, sum)
	}
	return ip
}

// between returns the largest magnitude on and between the samples of x, but for what
// is not above known: most of music is nowhere near its peak, and there most of
// the work is spared.
func (ip *interpolator) between(x []float32, known float32) float32 {
	top := magnitude(x)
	if top*ip.reach <= known {
		return top
	}
	for ; len(x) >= peakTaps; x = x[1:] {
		w := (*[peakTaps]float32)(x)
		for p := range ip.rows {
			top = max(top, abs32(dot(w, &ip.rows[p])))
		}
	}
	return top
}

func dot(x, y *[peakTaps]float32) float32 {
	var a, b, c, d float32 // which need not wait for one another
	for k := 0; k < peakTaps; k += 4 {
		a += x[k] * y[k]
		b += x[k+1] * y[k+1]
		c += x[k+2] * y[k+2]
		d += x[k+3] * y[k+3]
	}
	return a + b + c + d
}

// truePeak finds the largest value of a stereo signal, between samples too.
type truePeak struct {
	*interpolator
	channels [2][peakTaps - 1 + peakBlock]float32
	n        int     // samples of each behind the first peakTaps-1, which were looked at
	top      float32 // 1 is full scale
}

func (t *truePeak) push(pcm []byte) {
	for len(pcm) >= sampleSize {
		n := min(len(pcm)/sampleSize, peakBlock-t.n)
		at := peakTaps - 1 + t.n
		left, right := t.channels[0][at:at+n], t.channels[1][at:at+n]
		for i := range left {
			left[i] = float32(int16(binary.LittleEndian.Uint16(pcm[i*sampleSize:]))) / fullScale
			right[i] = float32(int16(binary.LittleEndian.Uint16(pcm[i*sampleSize+2:]))) / fullScale
		}
		pcm = pcm[n*sampleSize:]
		if t.n += n; t.n == peakBlock {
			t.look()
		}
	}
}

// look takes the largest value of what is there and moves on.
func (t *truePeak) look() {
	for c := range t.channels {
		x := t.channels[c][:peakTaps-1+t.n]
		t.top = max(t.top, t.between(x, t.top))
		copy(x, x[t.n:])
	}
	t.n = 0
}

// most returns the peak so far. Silence is taken to follow.
func (t *truePeak) most() float64 {
	end := *t
	end.push(make([]byte, peakTaps*sampleSize))
	end.look()
	return float64(end.top)
}

// magnitude returns the largest magnitude of x.
func magnitude(x []float32) float32 {
	low, high := float32(0), float32(0)
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return max(high, -low)
}

func abs32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }
