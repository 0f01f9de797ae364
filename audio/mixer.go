package audio

import (
	"encoding/binary"
	"math"
)

// Level is how loud a track is to be.
type Level struct {
	// Gain is by how much louder it is made, in dB, as ReplayGain or a measurement
	// gives it; beyond MaxGain either way it is taken to be that.
	Gain float64
	// Peak is its true peak, 1 being full scale; 0 where that is unknown.
	Peak float64
}

// MaxGain bounds a Level's gain either way, in dB: what asks for more is noise, or a lie.
const MaxGain = 24

func (l Level) factor() float32 {
	if l.Gain == 0 {
		return 1
	}
	return float32(math.Pow(10, min(max(l.Gain, -MaxGain), MaxGain)/20))
}

// fits reports whether no peak can go beyond full scale.
func (l Level) fits(factor float32) bool {
	f := float64(factor)
	return f == 1 || f < 1 && l.Peak <= 1 || l.Peak > 0 && f*l.Peak <= ceiling
}

// Mixer makes one sound of tracks that follow one another, or fade into one another: each
// at its level, with peaks that would go beyond full scale limited. What need not be limited
// is multiplied and rounded, no more; at a gain of 0 nothing is changed at all.
//
// Of what is being limited it holds back some 80 samples, which come out with what
// follows, so that limiting goes on over a join. In all it gives as many samples as it takes.
//
// The PCM that a method returns is good until the next call of one.
type Mixer struct {
	limiter *limiter
	limits  bool // sound passes the limiter now
	buf     []byte
}

// NewMixer returns a mixer that holds nothing.
func NewMixer() *Mixer { return &Mixer{limiter: newLimiter()} }

// Play takes the next PCM of a track, and returns what is to sound next. It may return
// pcm itself, and changes nothing there.
func (m *Mixer) Play(pcm []byte, l Level) []byte {
	factor := l.factor()
	fits := l.fits(factor)
	if !fits {
		m.limits = true
	}
	if !m.limits {
		m.limiter.pass(pcm, factor)
		if factor == 1 {
			return pcm
		}
		m.buf = appendScaled(m.buf[:0], pcm, factor)
		return m.buf
	}
	m.limiter.expect(fits)
	for ; len(pcm) >= sampleSize; pcm = pcm[sampleSize:] {
		left, right := sampleOf(pcm)
		m.limiter.push(factor*left/fullScale, factor*right/fullScale)
	}
	m.buf = m.limiter.pull(m.buf[:0])
	if m.limiter.resting() {
		m.buf, m.limits = m.limiter.release(m.buf), false
	}
	return m.buf
}

// Fade is a place in a crossfade: Done of Length samples are over.
type Fade struct{ Done, Length int }

// Fade takes the next PCM of a track that begins and of one that ends, as many samples of
// either, or none of the one that ends where it has ended early. The curve is that of equal
// power, a quarter of a sine: two different pieces of music are as loud together as each
// alone (Fink, Holters, Zoelzer, "Signal-matched power-complementary cross-fading",
// DAFx-16, for uncorrelated signals).
func (m *Mixer) Fade(begins []byte, bl Level, ends []byte, el Level, f Fade) []byte {
	m.limits = true
	m.limiter.expect(false)
	in, out := bl.factor(), el.factor()
	for at := f.Done; len(begins) >= sampleSize; at++ {
		sin, cos := math.Sincos(math.Pi / 2 * (float64(at) + 0.5) / float64(f.Length))
		left, right := sampleOf(begins)
		gain := in * float32(sin)
		left, right = gain*left, gain*right
		begins = begins[sampleSize:]
		if len(ends) >= sampleSize {
			l, r := sampleOf(ends)
			gain := out * float32(cos)
			left, right = left+gain*l, right+gain*r
			ends = ends[sampleSize:]
		}
		m.limiter.push(left/fullScale, right/fullScale)
	}
	m.buf = m.limiter.pull(m.buf[:0])
	return m.buf
}

// End returns what is held back, where no more comes for now.
func (m *Mixer) End() []byte {
	m.buf = m.buf[:0]
	if m.limits {
		m.buf = m.limiter.finish(m.buf)
	}
	m.Drop()
	return m.buf
}

// Drop forgets what is held back, for a sound that has nothing to do with the last.
func (m *Mixer) Drop() {
	m.limiter.reset()
	m.limits = false
}

// sampleOf is the first sample of PCM, of both channels.
func sampleOf(pcm []byte) (left, right float32) {
	v := binary.LittleEndian.Uint32(pcm)
	return float32(int16(v)), float32(int16(v >> 16))
}

func appendSample(pcm []byte, left, right float32) []byte {
	return binary.LittleEndian.AppendUint32(pcm, uint32(uint16(round16(left)))|uint32(uint16(round16(right)))<<16)
}

func appendScaled(to, pcm []byte, factor float32) []byte {
	for ; len(pcm) >= sampleSize; pcm = pcm[sampleSize:] {
		left, right := sampleOf(pcm)
		to = appendSample(to, left*factor, right*factor)
	}
	return to
}
