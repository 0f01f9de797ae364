package audio

import "math"

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

// limiter holds the peaks of stereo sound, those between samples too, below full scale: the
// gain sinks before each peak that would go beyond, as far as it must, and comes back
// behind it. Where nothing would go beyond, each sample stays as it is.
//
// The gain that a peak asks for holds for lookAhead samples before it (a minimum that
// slides), comes back slowly, and is then averaged over lookAhead samples: so it sinks
// in a straight line, and is never above what any sample asks for.
type limiter struct {
	*interpolator

	in    [2][]float32 // input, behind peakTaps samples of what was there before
	next  int          // in in: the sample whose peak is looked at next
	fits  int          // in in: from here on nothing need be limited
	seen  int          // samples looked at
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

func newLimiter() *limiter {
	l := &limiter{interpolator: newInterpolator()}
	l.reset()
	return l
}

// reset begins a sound behind silence.
func (l *limiter) reset() {
	for c := range l.in {
		l.in[c] = append(l.in[c][:0], make([]float32, peakTaps)...)
	}
	l.begin()
}

// begin begins to limit behind what in holds.
func (l *limiter) begin() {
	l.next, l.fits, l.seen, l.loud, l.above = peakTaps, math.MaxInt, 0, 0, 0
	l.lows, l.sum, l.coming = l.lows[:0], lookAhead*one, one
	for i := range l.gains {
		l.gains[i] = one
	}
}

// pass tells of PCM that sounds at a gain without being limited: peaks between it and
// what is pushed next are seen. Nothing may be held back.
func (l *limiter) pass(pcm []byte, gain float32) {
	last := pcm[max(0, len(pcm)-peakTaps*sampleSize):]
	n := len(last) / sampleSize
	for c := range l.in {
		copy(l.in[c], l.in[c][n:])
		l.in[c] = l.in[c][:peakTaps-n]
	}
	for ; len(last) >= sampleSize; last = last[sampleSize:] {
		left, right := sampleOf(last)
		l.push(gain*left/fullScale, gain*right/fullScale)
	}
}

// expect says whether what is pushed from now on fits, whatever its peaks are.
func (l *limiter) expect(fits bool) {
	switch {
	case !fits:
		l.fits = math.MaxInt
	case l.fits == math.MaxInt:
		l.fits = len(l.in[0])
	}
}

// push takes a sample, 1 being full scale.
func (l *limiter) push(left, right float32) {
	l.in[0] = append(l.in[0], left)
	l.in[1] = append(l.in[1], right)
}

// pull appends to pcm what there is input for. It is behind the input by lookAhead
// and half of peakTaps samples.
func (l *limiter) pull(pcm []byte) []byte {
	for l.next+peakTaps/2 < len(l.in[0]) {
		gain := float32(l.look()) / (lookAhead * one)
		if l.seen < lookAhead {
			continue
		}
		at := l.next - lookAhead
		pcm = appendSample(pcm, l.in[0][at]*gain*fullScale, l.in[1][at]*gain*fullScale)
	}
	l.forget()
	return pcm
}

// resting reports whether nothing that is held back is limited, nor need be.
func (l *limiter) resting() bool {
	return l.next >= l.fits && l.coming == one && l.sum == lookAhead*one
}

// release appends all that is held back, where it need not be limited.
func (l *limiter) release(pcm []byte) []byte {
	first := l.next - min(l.seen, lookAhead-1)
	for at := first; at < len(l.in[0]); at++ {
		pcm = appendSample(pcm, l.in[0][at]*fullScale, l.in[1][at]*fullScale)
	}
	for c := range l.in {
		l.in[c] = append(l.in[c][:0], l.in[c][len(l.in[c])-peakTaps:]...)
	}
	l.begin()
	return pcm
}

// finish appends all that is held back, and takes silence to follow.
func (l *limiter) finish(pcm []byte) []byte {
	held := len(l.in[0]) - l.next + min(l.seen, lookAhead-1)
	all := len(pcm) + held*sampleSize
	for range lookAhead + peakTaps/2 {
		l.push(0, 0)
	}
	return l.pull(pcm)[:all]
}

// look takes in the next sample's peak, and returns the sum of the gains for the
// sample that is lookAhead - 1 before it.
func (l *limiter) look() int64 {
	asked := int32(one)
	if l.next >= l.fits {
		l.loud, l.above = 0, 0 // for what is looked at next
	} else if peak := l.peakAt(l.next); peak > ceiling {
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
		if l.fits != math.MaxInt {
			l.fits -= old
		}
	}
}
