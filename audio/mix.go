package audio

import (
	"encoding/binary"
	"math"
	"slices"
)

// speaker is a place that a channel is meant for: the bit of WAVEFORMATEXTENSIBLE's
// dwChannelMask.
type speaker uint32

const (
	frontLeft speaker = 1 << iota
	frontRight
	frontCenter
	lowFrequency
	backLeft
	backRight
	leftOfCenter
	rightOfCenter
	backCenter
	sideLeft
	sideRight
)

// maxChannels is how many channels are mixed down, the most that any format names.
const maxChannels = 8

// wavOrders are the places of so many channels in WAV, AIFF and FLAC (RFC 9639, table
// 14): in the order of their bits.
var wavOrders = [maxChannels + 1][]speaker{
	1: {frontCenter},
	2: {frontLeft, frontRight},
	3: {frontLeft, frontRight, frontCenter},
	4: {frontLeft, frontRight, backLeft, backRight},
	5: {frontLeft, frontRight, frontCenter, backLeft, backRight},
	6: {frontLeft, frontRight, frontCenter, lowFrequency, backLeft, backRight},
	7: {frontLeft, frontRight, frontCenter, lowFrequency, backCenter, sideLeft, sideRight},
	8: {frontLeft, frontRight, frontCenter, lowFrequency, backLeft, backRight, sideLeft, sideRight},
}

// vorbisOrders are those in Vorbis (Vorbis I, 4.3.9) and Opus (RFC 7845, 5.1.1.2).
var vorbisOrders = [maxChannels + 1][]speaker{
	1: {frontCenter},
	2: {frontLeft, frontRight},
	3: {frontLeft, frontCenter, frontRight},
	4: {frontLeft, frontRight, backLeft, backRight},
	5: {frontLeft, frontCenter, frontRight, backLeft, backRight},
	6: {frontLeft, frontCenter, frontRight, backLeft, backRight, lowFrequency},
	7: {frontLeft, frontCenter, frontRight, sideLeft, sideRight, backCenter, lowFrequency},
	8: {frontLeft, frontCenter, frontRight, sideLeft, sideRight, backLeft, backRight, lowFrequency},
}

// maskOrder returns the places that a mask names, nil if it names fewer.
func maskOrder(mask uint32, channels int) (order []speaker) {
	for bit := frontLeft; bit <= sideRight && len(order) < channels; bit <<= 1 {
		if mask&uint32(bit) != 0 {
			order = append(order, bit)
		}
	}
	if len(order) < channels {
		return nil
	}
	return order
}

// mixer turns samples of 1 to 8 channels into PCM. More than two are mixed as
// ITU-R BS.775 has it, with the low-frequency channel left out, and so much softer
// that they never clip: as ffmpeg does.
type mixer struct {
	channels int
	gains    [maxChannels][2]float32
	pcm      []byte
}

func newMixer(order []speaker) *mixer {
	m := &mixer{channels: len(order)}
	if len(order) <= 2 {
		return m
	}
	const half = 1 / math.Sqrt2 // of the power
	var sum [2]float32
	for i, s := range order {
		switch s {
		case frontLeft, leftOfCenter:
			m.gains[i] = [2]float32{1, 0}
		case frontRight, rightOfCenter:
			m.gains[i] = [2]float32{0, 1}
		case frontCenter:
			m.gains[i] = [2]float32{half, half}
		case backLeft, sideLeft:
			m.gains[i] = [2]float32{half, 0}
		case backRight, sideRight:
			m.gains[i] = [2]float32{0, half}
		case backCenter:
			m.gains[i] = [2]float32{0.5, 0.5}
		}
		sum[0] += m.gains[i][0]
		sum[1] += m.gains[i][1]
	}
	most := max(sum[0], sum[1], 1)
	for i := range m.gains {
		m.gains[i][0] /= most
		m.gains[i][1] /= most
	}
	return m
}

// mix makes PCM of whole samples, interleaved, of which 32768 is full scale. It holds
// until the next call.
func (m *mixer) mix(in []float32) []byte {
	n := len(in) / m.channels
	m.pcm = slices.Grow(m.pcm[:0], n*sampleSize)[:n*sampleSize]
	for i := range n {
		var left, right float32
		switch m.channels {
		case 1:
			left, right = in[i], in[i]
		case 2:
			left, right = in[2*i], in[2*i+1]
		default:
			for c, x := range in[i*m.channels : (i+1)*m.channels] {
				left += x * m.gains[c][0]
				right += x * m.gains[c][1]
			}
		}
		binary.LittleEndian.PutUint16(m.pcm[i*sampleSize:], uint16(toInt16(left)))
		binary.LittleEndian.PutUint16(m.pcm[i*sampleSize+2:], uint16(toInt16(right)))
	}
	return m.pcm
}

// toInt16 rounds to the nearest; what is no number is silence.
func toInt16(x float32) int16 {
	if x != x {
		return 0
	}
	return int16(math.RoundToEven(float64(min(max(x, math.MinInt16), math.MaxInt16))))
}
