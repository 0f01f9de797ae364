package audio

import (
	"encoding/binary"
	"errors"
	"math"
)

// Meter measures the loudness of stereo PCM: integrated loudness and true peak, as
// ITU-R BS.1770-4 (2015) has them.
//
// Sound passes the K-weighting filter; its power is taken over blocks of 400 ms
// that begin every 100 ms; and the mean is of the blocks that the gates let pass:
// those above -70 LUFS, and of them those above 10 LU below their own mean.
type Meter struct {
	weigh   [2]weighting
	peak    truePeak
	step    int        // samples in 100 ms
	left    int        // samples until the step ends
	power   float64    // of the step so far, summed over samples and channels
	steps   [4]float64 // the last four, the oldest first
	filled  int        // how many of them there are
	gathers gathering
}

// Reference is the loudness, in LUFS, that ReplayGain 2.0 brings music to
// (wiki.hydrogenaudio.org, ReplayGain 2.0 specification, "Reference level").
const Reference = -18

// Blocks counts a track's blocks by loudness, from -70 LUFS on in steps of 0.1 LU. That of
// an album is the sum of its tracks'.
type Blocks [blockBins]uint32

const (
	absoluteGate = -70.0 // LUFS
	relativeGate = -10.0 // LU
	binsPerLU    = 10
	blockBins    = 80 * binsPerLU // to +10 LUFS: full scale at K-weighting's highest gain is +7.3
	blockOffset  = -0.691         // dB: takes back K-weighting's gain at 997 Hz
)

// NewMeter returns a meter of PCM at rate Hz.
func NewMeter(rate int) *Meter {
	m := &Meter{step: (rate + 5) / 10, peak: truePeak{interpolator: newInterpolator()}}
	m.left = m.step
	m.weigh = [2]weighting{newWeighting(float64(rate)), newWeighting(float64(rate))}
	return m
}

// Write takes PCM. It ends with whole samples.
func (m *Meter) Write(pcm []byte) (int, error) {
	if len(pcm)%sampleSize != 0 {
		return 0, errHalfSample
	}
	for rest := pcm; len(rest) > 0; {
		n := min(len(rest)/sampleSize, m.left)
		m.power += m.take(rest[:n*sampleSize])
		rest = rest[n*sampleSize:]
		if m.left -= n; m.left == 0 {
			m.endStep()
		}
	}
	return len(pcm), nil
}

// take returns the sum of the squares of pcm, K-weighted.
func (m *Meter) take(pcm []byte) float64 {
	m.peak.push(pcm)
	var sum float64
	left, right := m.weigh[0], m.weigh[1] // in registers, not in memory
	for ; len(pcm) >= sampleSize; pcm = pcm[sampleSize:] {
		l := left.next(float64(int16(binary.LittleEndian.Uint16(pcm))) / fullScale)
		r := right.next(float64(int16(binary.LittleEndian.Uint16(pcm[2:]))) / fullScale)
		sum += l*l + r*r
	}
	m.weigh[0], m.weigh[1] = left, right
	return sum
}

func (m *Meter) endStep() {
	copy(m.steps[:], m.steps[1:])
	m.steps[3] = m.power
	m.power, m.left = 0, m.step
	if m.filled++; m.filled < len(m.steps) {
		return
	}
	m.gathers.add((m.steps[0] + m.steps[1] + m.steps[2] + m.steps[3]) / float64(4*m.step))
}

// Loudness returns the integrated loudness of what was written, in LUFS; minus
// infinity where no block is above the gate: silence, or less than 400 ms.
func (m *Meter) Loudness() float64 { return m.gathers.loudness() }

// Peak returns the true peak of what was written, 1 being full scale: the largest
// value between samples too, at four times the rate (BS.1770-4, annex 2).
func (m *Meter) Peak() float64 { return m.peak.most() }

// Blocks returns the blocks of what was written.
func (m *Meter) Blocks() *Blocks { return &m.gathers.count }

// gathering is blocks by loudness, with the power that they sum up to: exact but
// for where the relative gate cuts a bin.
type gathering struct {
	count Blocks
	power [blockBins]float64
}

func (g *gathering) add(power float64) {
	if bin := binOf(power); bin >= 0 {
		g.count[bin]++
		g.power[bin] += power
	}
}

func (g *gathering) loudness() float64 {
	gate := binOf(mean(&g.count, &g.power, 0) * math.Pow(10, relativeGate/10))
	return loudnessOf(mean(&g.count, &g.power, max(gate, 0)))
}

// binOf returns where a block of so much power belongs; below 0 where the absolute
// gate holds it back.
func binOf(power float64) int {
	above := loudnessOf(power) - absoluteGate
	if !(above > 0) {
		return -1
	}
	return min(int(above*binsPerLU), blockBins-1)
}

// mean returns the mean power of the blocks from a bin on, 0 where there are none.
func mean(count *Blocks, power *[blockBins]float64, from int) float64 {
	var n, sum float64
	for bin := from; bin < blockBins; bin++ {
		n += float64(count[bin])
		sum += power[bin]
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// loudnessOf returns the loudness in LUFS of K-weighted power.
func loudnessOf(power float64) float64 { return blockOffset + 10*math.Log10(power) }

// Add adds the blocks of another track.
func (b *Blocks) Add(other *Blocks) {
	for bin, n := range other {
		b[bin] += n
	}
}

// Loudness is as of a Meter, to 0.05 LU.
func (b *Blocks) Loudness() float64 {
	g := gathering{count: *b}
	for bin, n := range b {
		middle := absoluteGate + (float64(bin)+0.5)/binsPerLU
		g.power[bin] = float64(n) * math.Pow(10, (middle-blockOffset)/10)
	}
	return g.loudness()
}

// AppendBinary appends the blocks, in some 200 bytes for a song: of each bin that has
// any, its distance from the one before and its count, as varints.
func (b *Blocks) AppendBinary(to []byte) ([]byte, error) {
	last := 0
	for bin, n := range b {
		if n > 0 {
			to = binary.AppendUvarint(to, uint64(bin-last))
			to = binary.AppendUvarint(to, uint64(n))
			last = bin
		}
	}
	return to, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (b *Blocks) UnmarshalBinary(from []byte) error {
	*b = Blocks{}
	for bin := uint64(0); len(from) > 0; {
		skip, n := binary.Uvarint(from)
		count, k := binary.Uvarint(from[max(n, 0):])
		if bin += skip; n <= 0 || k <= 0 || skip >= blockBins || bin >= blockBins || count > math.MaxUint32 {
			return errors.New("reading loudness blocks: they are malformed")
		}
		b[bin] = uint32(count)
		from = from[n+k:]
	}
	return nil
}

// weighting is the K-weighting filter of one channel: a shelf, as the head makes it, and
// a high-pass.
type weighting struct{ shelf, pass biquad }

// newWeighting makes the filter for any rate. BS.1770-4 gives coefficients for 48 kHz
// alone; these analogue prototypes yield them to 1e-9 (B. De Man, "Evaluation of
// Implementations of the EBU R128 Loudness Measurement", AES 145, 2018).
func newWeighting(rate float64) weighting {
	k := math.Tan(math.Pi * 1681.974450955533 / rate)
	q := 0.7071752369554196
	high := math.Pow(10, 3.999843853973347/20)
	middle := math.Pow(high, 0.4996667741545416)
	a0 := 1 + k/q + k*k
	shelf := biquad{
		b0: (high + middle*k/q + k*k) / a0, b1: 2 * (k*k - high) / a0, b2: (high - middle*k/q + k*k) / a0,
		a1: 2 * (k*k - 1) / a0, a2: (1 - k/q + k*k) / a0,
	}
	k = math.Tan(math.Pi * 38.13547087602444 / rate)
	q = 0.5003270373238773
	a0 = 1 + k/q + k*k
	return weighting{shelf, biquad{b0: 1, b1: -2, b2: 1, a1: 2 * (k*k - 1) / a0, a2: (1 - k/q + k*k) / a0}}
}

func (w *weighting) next(x float64) float64 { return w.pass.next(w.shelf.next(x)) }

// biquad is a filter of second order, in transposed direct form II.
type biquad struct{ b0, b1, b2, a1, a2, z1, z2 float64 }

func (f *biquad) next(x float64) float64 {
	y := f.b0*x + f.z1
	f.z1 = f.b1*x - f.a1*y + f.z2
	f.z2 = f.b2*x - f.a2*y
	return y
}
