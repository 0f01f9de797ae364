package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// sampleRate of everything rendered, in Hz: what MPEG-1 layer III calls 44.1.
const sampleRate = 44100

// How the strings sound. All were set by ear and by spectrogram.
const (
	pluckAt   = 0.21  // where along the string: a fifth, as on a lute; softens each fifth partial
	softness  = 0.16  // of the loop's low-pass, 0 to 0.5: how fast high partials die
	fade      = 0.002 // seconds of fade-in: a bare first sample would click
	silence   = 2e-4  // of full scale, -74 dB: a string below it has ended
	ringLow   = 7.0   // seconds for the C two octaves below middle C to fall by 60 dB
	ringHalve = 22.0  // semitones upwards that halve it
)

// pluck adds a plucked string to dst. It is the algorithm of Karplus and
// Strong with the extensions of Jaffe and Smith (both Computer Music Journal
// 7(2), 1983): a delay line as long as the period, closed by a low-pass (the
// damping) and an all-pass (the fraction of a sample, so that it is in tune).
// It starts with the shape that a finger gives: a pulse, whose partials fall
// as 1/n, and softer for quiet notes, with a little noise.
//
// pitch is a MIDI number (a fraction detunes), loud 0 to 1, hold and release
// in seconds. It returns how many samples it used of dst.
func pluck(dst []float64, pitch, loud, hold, release float64, noise *rand.Rand) int {
	freq := 440 * math.Exp2((pitch-69)/12)
	w := 2 * math.Pi * freq / sampleRate
	period := sampleRate / freq

	// The loop's low-pass is a(1-s) + b s over the last two samples.
	lowDelay := math.Atan2(softness*math.Sin(w), 1-softness+softness*math.Cos(w)) / w
	lowGain := math.Hypot(1-softness+softness*math.Cos(w), softness*math.Sin(w))
	line := make([]float64, int(period-lowDelay-0.3))
	fraction := period - lowDelay - float64(len(line))
	allpass := math.Sin(w*(1-fraction)/2) / math.Sin(w*(1+fraction)/2)

	ring := ringLow * math.Exp2((36-pitch)/ringHalve)
	gain := min(math.Pow(10, -3*period/(ring*sampleRate))/lowGain, 0.99998)
	excite(line, loud, noise)

	// The filters begin as if the string had been moving before: from rest they
	// would leave a step in it, which clicks at each period.
	last := line[len(line)-1]
	apIn, apOut := gain*last, gain*last
	at := 0
	held, dying := int(hold*sampleRate), math.Pow(10, -3/(release*sampleRate))
	damper := 1.0
	fadeIn := fade * sampleRate
	for n := range dst {
		out := line[at]
		low := gain * ((1-softness)*out + softness*last)
		last = out
		apOut = allpass*(low-apOut) + apIn
		apIn = low
		line[at] = apOut
		if at++; at == len(line) {
			at = 0
		}
		if n > held {
			if damper *= dying; damper < silence {
				return n
			}
		}
		dst[n] += out * damper * min(1, float64(n)/fadeIn)
	}
	return len(dst)
}

// excite fills a string with its first period: as loud as asked for, without
// a constant part, which would never sound but would fill the range.
func excite(line []float64, loud float64, noise *rand.Rand) {
	edge := int(pluckAt * float64(len(line)))
	for i := range line {
		line[i] = 0.1 * (2*noise.Float64() - 1)
		if i < edge {
			line[i]++
		}
	}
	// Through a two-pole low-pass; the quieter, the lower it starts: 1.5 to 6
	// kHz. Twice around, and only the second time counts: then it has settled,
	// and the string's end meets its beginning without a step.
	cutoff := 1500 + 4500*loud*loud
	keep := math.Exp(-2 * math.Pi * cutoff / sampleRate)
	shape := slices.Clone(line)
	y, z := 0.0, 0.0
	for range 2 {
		for i, x := range shape {
			y = keep*y + (1-keep)*x
			z = keep*z + (1-keep)*y
			line[i] = z
		}
	}
	mean, power := 0.0, 0.0
	for _, x := range line {
		mean += x / float64(len(line))
	}
	for i := range line {
		line[i] -= mean
		power += line[i] * line[i] / float64(len(line))
	}
	scale := 0.25 * loud / math.Sqrt(power)
	for i := range line {
		line[i] *= scale
	}
}
