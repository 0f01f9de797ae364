package main

import "math"

const (
	// loudness is the power of both sides together that pieces are brought to, in
	// dB of full scale: about -16 LUFS for plucked strings, the level that
	// streaming services settle on.
	loudness = -15.5
	// monoExtra makes up for most of that: in full it would cost the pieces their
	// attacks, in the limiter.
	monoExtra = 2
	// ceiling is the highest sample: -2 dB leaves room for what MP3 adds.
	ceiling = 0.79
	// lookAhead is how early the limiter begins to turn down, in samples:
	// 5 ms, so that the turning down is not heard itself.
	lookAhead = sampleRate / 200
)

// level brings a sound to the loudness, without a constant part, and holds it
// below the ceiling. Where mono, both sides become their mean first, which a
// meter of loudness counts once instead of twice: 3 dB less.
func level(s Sound, mono bool) {
	target := float64(loudness)
	if mono {
		fold(s)
		target += monoExtra
	}
	blockDC(s.Left)
	blockDC(s.Right)
	power := 0.0
	for i := range s.Left {
		power += (s.Left[i]*s.Left[i] + s.Right[i]*s.Right[i]) / float64(len(s.Left))
	}
	if power == 0 {
		return
	}
	gain := math.Pow(10, target/20) / math.Sqrt(power)
	for i := range s.Left {
		s.Left[i] *= gain
		s.Right[i] *= gain
	}
	limit(s)
}

func fold(s Sound) {
	for i := range s.Left {
		mean := (s.Left[i] + s.Right[i]) / 2
		s.Left[i], s.Right[i] = mean, mean
	}
}

// blockDC is a high-pass at 20 Hz, below the lowest string.
func blockDC(x []float64) {
	keep := 1 - 2*math.Pi*20/sampleRate
	in, out := 0.0, 0.0
	for i := range x {
		out = x[i] - in + keep*out
		in, x[i] = x[i], out
	}
}

// limit turns the sound down around each peak above the ceiling: the gain that
// a peak needs is held for the look-ahead on either side and then smoothed by
// a moving average as long, so that it is reached in time and has no corners.
func limit(s Sound) {
	size := len(s.Left)
	held := make([]float64, size)
	for i := range held {
		held[i] = 1
	}
	for i := range s.Left {
		peak := max(math.Abs(s.Left[i]), math.Abs(s.Right[i]))
		if peak <= ceiling {
			continue
		}
		for j := max(0, i-lookAhead); j < min(size, i+lookAhead+1); j++ {
			held[j] = min(held[j], ceiling/peak)
		}
	}
	const window = 2*(lookAhead/2) + 1
	sum := float64(window)
	for i := -lookAhead / 2; i < size; i++ {
		sum += at(held, i+lookAhead/2) - at(held, i-lookAhead/2-1)
		if i >= 0 {
			gain := sum / window
			s.Left[i] *= gain
			s.Right[i] *= gain
		}
	}
}

// at returns x[i], or 1, no change, beyond its ends.
func at(x []float64, i int) float64 {
	if i < 0 || i >= len(x) {
		return 1
	}
	return x[i]
}
