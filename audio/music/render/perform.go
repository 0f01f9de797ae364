package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// How a player differs from a machine: small enough not to be noticed, large
// enough to be missed. Timing errors of trained pianists are 10 to 20 ms; this
// stays below.
const (
	jitter    = 0.004 // seconds, standard deviation of a note's start
	maxJitter = 0.010 // seconds
	touch     = 0.05  // standard deviation of loudness
	sway      = 0.012 // of the tempo, over a phrase
	phrase    = 4     // bars
	spread    = 0.055 // seconds between the notes of an arpeggio
	downbeat  = 1.12  // loudness of the first note of a bar
	onBeat    = 1.04  // and of those on other beats
)

// Two strings a note, as on a lute or a piano, detuned by this many semitones
// each way (0.9 cents), so that they beat slowly instead of standing still.
const detune = 0.009

// tail is how long the hall may ring after the last note, in seconds; the
// last second of it fades.
const tail = 2.5

// Sound is stereo PCM at 44.1 kHz, full scale 1.
type Sound struct {
	Left, Right []float64
}

// played is a note in seconds and in place.
type played struct {
	start, hold float64 // seconds
	pitch       int
	loud, level float64
	pan         float64 // 0 left, 1 right
}

// clock returns the second at which each tick of the score begins.
func (s *Score) clock() []float64 {
	seconds := make([]float64, s.Bars*s.BarTicks+1)
	slowFrom := (s.Bars - s.SlowBars) * s.BarTicks
	for t := 1; t < len(seconds); t++ {
		tempo := s.Tempo * (1 + sway*math.Sin(2*math.Pi*float64(t)/float64(phrase*s.BarTicks)))
		if t > slowFrom {
			done := float64(t-slowFrom) / float64(s.SlowBars*s.BarTicks)
			tempo *= 1 + done*(s.SlowTo-1)
		}
		seconds[t] = seconds[t-1] + 60/tempo/crotchet
	}
	return seconds
}

// perform turns the score into notes in time, the same each time: its chance
// is seeded with the title.
func (s *Score) perform() []played {
	seed := fnv.New64a()
	seed.Write([]byte(s.Title))
	chance := rand.New(rand.NewPCG(seed.Sum64(), 1))
	clock := s.clock()
	notes := make([]played, len(s.Notes))
	for i, n := range s.Notes {
		off := max(-maxJitter, min(maxJitter, jitter*chance.NormFloat64()))
		start := max(0, clock[n.Start]+off+spread*float64(n.Rank))
		loud := n.Loud * (1 + touch*max(-2, min(2, chance.NormFloat64())))
		switch {
		case n.Start%s.BarTicks == 0:
			loud *= downbeat
		case n.Start%s.Beat == 0:
			loud *= onBeat
		}
		notes[i] = played{
			start: start,
			hold:  max(0.03, clock[n.Start+n.Length]-start),
			pitch: n.Pitch,
			loud:  min(1, loud),
			level: n.Level,
			// As at a keyboard: low notes to the left, four octaves wide.
			pan: max(0.2, min(0.8, 0.5+float64(n.Pitch-60)/80)),
		}
	}
	return notes
}

// Render plays the score: strings, then the hall, then the level.
func (s *Score) Render() Sound {
	notes := s.perform()
	end := 0.0
	for _, n := range notes {
		end = max(end, n.start+n.hold)
	}
	size := int((end + tail) * sampleRate)
	dry := Sound{make([]float64, size), make([]float64, size)}
	single := make([]float64, size)
	for i, n := range notes {
		chance := rand.New(rand.NewPCG(uint64(i), uint64(n.pitch)))
		for side := -1.0; side <= 1; side += 2 {
			from := int(n.start * sampleRate)
			used := pluck(single[:size-from], float64(n.pitch)+side*detune, n.loud, n.hold, s.Release, chance)
			place(dry, single[:used], from, n.level, n.pan+0.08*side)
			clear(single[:used])
		}
	}
	wet := hall(dry)
	fadeOut(wet, sampleRate)
	level(wet, !s.Encode.Stereo)
	return wet
}

// place mixes one string in, panned with constant power.
func place(to Sound, string []float64, from int, level, pan float64) {
	l, r := level*math.Cos(pan*math.Pi/2), level*math.Sin(pan*math.Pi/2)
	left, right := to.Left[from:], to.Right[from:]
	for i, x := range string {
		left[i] += l * x
		right[i] += r * x
	}
}

// fadeOut fades the last samples evenly to nothing.
func fadeOut(s Sound, samples int) {
	for i := range min(samples, len(s.Left)) {
		gain := float64(i) / float64(samples)
		s.Left[len(s.Left)-1-i] *= gain
		s.Right[len(s.Right)-1-i] *= gain
	}
}
