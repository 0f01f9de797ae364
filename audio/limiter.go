package audio

import (
	"encoding/binary"
	"math"
)

const (
	// lookAhead is how long a limiter sees a peak coming, in samples: 1.5 ms. Sound
	// that gets softer within that is heard as no click, nor as dulled attacks.
	lookAhead = 64

	// ceiling is where a limiter holds the true peak, 1 being full scale: 0.1 dB below,
	// as what is found between samples is not exact (truepeak.go).
	ceiling = 0.9886

	// releaseTime is how long the gain takes to come back, to a third of what is
	// missing, in samples: 100 ms. Bass is distorted by less, and more is heard.
	releaseTime = SampleRate / 10

	// Gains are kept in fixed point, so that sums of them are exact.
	one = 1 << 24
)

// limiter makes stereo PCM louder or softer, and holds peaks, those between samples too,
// below full scale: the gain sinks before each peak that would go beyond, as far as
// it must, and comes back behind it. Where nothing would go beyond, each sample is multiplied
// by the gain and is else as it was.
//
// The gain that a peak asks for holds for lookAhead samples before it (a minimum that
// slides), comes back slowly, and is then averaged over lookAhead samples: so it sinks
// in a straight line, and is never above what any sample asks for.
type limiter struct {
	*interpolator
	gain float32

	in    [2][]float32 // input, gain applied; behind what was there before the first sample
	next  int          // in in: the sample whose peak is looked at next
	seen  int          // samples looked at
	given int          // samples given
	end   int          // samples in all, once known
	loud  int          // samples since one that may make a peak near it
	above float32      // the largest between the last sample looked at and the next

	lows   []low // gains asked for by samples within lookAhead, rising
	gains  [lookAhead]int32
	sum    int64 // of gains
	coming int32 // the newest of gains
}

// low is a gain that a sample asks for.
type low struct {
	at   int
	gain int32
}

func newLimiter(gain float64) *limiter {
	l := &limiter{interpolator: newInterpolator(), gain: float32(gain)}
	l.reset()
	return l
}

// reset begins another sound.
func (l *limiter) reset() {
	for c := range l.in {
		l.in[c] = append(l.in[c][:0], make([]float32, peakTaps)...) // silence
	}
	l.next, l.seen, l.given, l.end, l.loud, l.above = peakTaps, 0, 0, math.MaxInt, peakTaps, 0
	l.lows, l.sum, l.coming = l.lows[:0], lookAhead*one, one
	for i := range l.gains {
		l.gains[i] = one
	}
}

// push takes PCM.
func (l *limiter) push(pcm []byte) {
	for ; len(pcm) >= sampleSize; pcm = pcm[sampleSize:] {
		l.in[0] = append(l.in[0], l.gain*float32(int16(binary.LittleEndian.Uint16(pcm)))/fullScale)
		l.in[1] = append(l.in[1], l.gain*float32(int16(binary.LittleEndian.Uint16(pcm[2:])))/fullScale)
	}
}

// finish says that the sound ends with what was pushed. It reports false if it had
// before.
func (l *limiter) finish() bool {
	if l.end != math.MaxInt {
		return false
	}
	l.end = l.seen + len(l.in[0]) - l.next
	for c := range l.in {
		l.in[c] = append(l.in[c], make([]float32, lookAhead+peakTaps)...)
	}
	return true
}

// pull gives as much as there is input for and fits p. It is behind the input by
// lookAhead and half of peakTaps samples.
func (l *limiter) pull(p []byte) (n int) {
	for n+sampleSize <= len(p) && l.next+peakTaps/2 < len(l.in[0]) && l.given < l.end {
		gain := float32(l.look()) / (lookAhead * one)
		at := l.next - lookAhead
		if l.seen < lookAhead {
			continue
		}
		binary.LittleEndian.PutUint16(p[n:], uint16(round16(l.in[0][at]*gain*fullScale)))
		binary.LittleEndian.PutUint16(p[n+2:], uint16(round16(l.in[1][at]*gain*fullScale)))
		n += sampleSize
		l.given++
	}
	l.forget()
	return n
}

// look takes in the next sample's peak, and returns the sum of the gains for the
// sample that is lookAhead - 1 before it.
func (l *limiter) look() int64 {
	asked := int32(one)
	if peak := l.peakAt(l.next); peak > ceiling {
		asked = int32(ceiling / peak * one)
	}
	for k := len(l.lows); k > 0 && l.lows[k-1].gain >= asked; k-- {
		l.lows = l.lows[:k-1]
	}
	l.lows = append(l.lows, low{l.seen, asked})
	if l.lows[0].at <= l.seen-lookAhead {
		l.lows = append(l.lows[:0], l.lows[1:]...)
	}
	back := l.coming + (one-l.coming+releaseTime-1)/releaseTime
	l.coming = min(l.lows[0].gain, back)
	slot := &l.gains[l.seen%lookAhead]
	l.sum += int64(l.coming - *slot)
	*slot = l.coming
	l.seen++
	l.next++
	return l.sum
}

// peakAt returns the largest magnitude at a sample and half way to its neighbours.
func (l *limiter) peakAt(at int) float32 {
	left, right := abs32(l.in[0][at]), abs32(l.in[1][at])
	ahead := at + peakTaps/2
	if max(abs32(l.in[0][ahead]), abs32(l.in[1][ahead]))*l.reach > ceiling {
		l.loud = 0
	} else if l.loud++; l.loud > peakTaps {
		l.above = 0
		return max(left, right)
	}
	before := l.above
	from := at - peakTaps/2 + 1
	l.above = max(l.between(l.in[0][from:from+peakTaps], 0), l.between(l.in[1][from:from+peakTaps], 0))
	return max(left, right, before, l.above)
}

// forget drops input that is no longer needed.
func (l *limiter) forget() {
	const keep = lookAhead + peakTaps
	if old := l.next - keep; old > 4*frameSamples {
		for c := range l.in {
			l.in[c] = append(l.in[c][:0], l.in[c][old:]...)
		}
		l.next -= old
	}
}
