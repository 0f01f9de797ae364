package audio

import "math"

// sincFilter returns the taps of a polyphase interpolator: of each phase, which is a
// fraction of a sample behind the middle of its taps. It is a sinc that ends at
// cutoff, as a part of the input's rate, in a Kaiser window of beta. Each phase sums to 1.
func sincFilter(phases, taps int, cutoff, beta float64) []float32 {
	filter := make([]float32, phases*taps)
	row := make([]float64, taps)
	window := newKaiser(beta)
	for phase := range phases {
		sum := 0.0
		first := float64(1-taps/2) - float64(phase)/float64(phases)
		// sin and cos of the sinc's angle turn by the same from tap to tap.
		sin, cos := math.Sincos(2 * math.Pi * cutoff * first)
		turnSin, turnCos := math.Sincos(2 * math.Pi * cutoff)
		for i := range row {
			x := first + float64(i)
			v := 2 * cutoff
			if x != 0 {
				v = sin / (math.Pi * x)
			}
			row[i] = v * window.at(x/float64(taps/2))
			sum += row[i]
			sin, cos = sin*turnCos+cos*turnSin, cos*turnCos-sin*turnSin
		}
		for i, v := range row {
			filter[phase*taps+i] = float32(v / sum)
		}
	}
	return filter
}

// kaiserTaps returns how many taps give a stop band so many dB down behind a transition
// band of a part of the input's rate, and the window's beta: Kaiser's formulas
// (Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3). The number is a
// multiple of four.
func kaiserTaps(down, transition float64) (taps int, beta float64) {
	n := (down-8)/(2.285*2*math.Pi*transition) + 1
	return int(math.Ceil(n/4)) * 4, 0.1102 * (down - 8.7)
}

// kaiserSteps is how fine the window's table is: interpolated, it is right to 1e-7,
// half a bit of a float32.
const kaiserSteps = 2048

// kaiser is a Kaiser window, by a table over the square of the distance from its
// middle: the window is smooth in that, and costs no root.
type kaiser [kaiserSteps + 2]float64

func newKaiser(beta float64) *kaiser {
	k := new(kaiser)
	for i := range k {
		k[i] = bessel(beta * math.Sqrt(max(0, 1-float64(i)/kaiserSteps)))
	}
	return k
}

// at returns the window at u, from -1 to 1; it is 0 beyond.
func (k *kaiser) at(u float64) float64 {
	place := u * u * kaiserSteps
	if place > kaiserSteps {
		return 0
	}
	i := int(place)
	return k[i] + (place-float64(i))*(k[i+1]-k[i])
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
