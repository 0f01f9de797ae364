package main

import "math"

// The hall is a feedback delay network (Jot and Chaigne, "Digital delay
// networks for designing artificial reverberators", AES 90, 1991): eight delay
// lines that feed one another through a Householder matrix, each losing as
// much as its length asks for.
const (
	hallTime = 1.7  // seconds to fall by 60 dB
	hallWet  = 0.20 // share of the hall in the mix
	hallDamp = 0.35 // of the low-pass in each line: how much sooner high tones die
	preDelay = 800  // samples, 18 ms, before the hall answers
)

// hallLines are the delays in samples: primes from 29 to 79 ms, so that their
// echoes do not fall together.
var hallLines = [8]int{1279, 1511, 1777, 2003, 2311, 2657, 3049, 3491}

// hall adds the reverberation of a small hall.
func hall(dry Sound) Sound {
	wet := Sound{make([]float64, len(dry.Left)), make([]float64, len(dry.Left))}
	var lines [len(hallLines)][]float64
	var gains, damped [len(hallLines)]float64
	for i, n := range hallLines {
		lines[i] = make([]float64, n)
		gains[i] = math.Pow(10, -3*float64(n)/(hallTime*sampleRate))
	}
	late := preDelay
	for n := range dry.Left {
		var in [2]float64
		if n >= late {
			in[0], in[1] = dry.Left[n-late], dry.Right[n-late]
		}
		var outs [len(hallLines)]float64
		sum, out := 0.0, [2]float64{}
		for i, line := range lines {
			damped[i] += (1 - hallDamp) * (line[n%len(line)] - damped[i])
			outs[i] = gains[i] * damped[i]
			sum += outs[i]
			// Every other line answers on the other side with its sign turned,
			// which makes the two sides unlike each other.
			sign := float64(1 - i/2%2*2)
			out[i%2] += sign * outs[i]
		}
		for i, line := range lines {
			line[n%len(line)] = outs[i] - 2*sum/float64(len(lines)) + in[i%2]
		}
		wet.Left[n] = dry.Left[n] + hallWet*out[0]
		wet.Right[n] = dry.Right[n] + hallWet*out[1]
	}
	return wet
}
