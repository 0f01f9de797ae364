package player

import (
	"encoding/binary"
	"math"
	"sync/atomic"
)

// chain is what PCM passes between the decks and the output. It acts at once:
// behind it is what the output holds, a tenth of a second.
type chain struct {
	volume atomic.Int32 // percent
	gain   float32      // of the last sample; of the goroutine that sounds
	begun  bool
	buf    [stepSize]byte
}

func (c *chain) setVolume(percent int) { c.volume.Store(int32(percent)) }

// process returns PCM as it is to sound, of as many bytes and stepSize at most.
// It leaves pcm as it is, and what it returns is good until the next call.
func (c *chain) process(pcm []byte) []byte {
	want := curve(int(c.volume.Load()))
	if !c.begun {
		c.gain, c.begun = want, true
	}
	if c.gain == 1 && want == 1 {
		return pcm
	}
	// A jump of the gain is heard as a click: it goes there over the step.
	samples := len(pcm) / sampleSize
	slope := (want - c.gain) / float32(max(samples, 1))
	for i := range samples {
		c.gain += slope
		for k := i * sampleSize; k < (i+1)*sampleSize; k += 2 {
			v := float32(int16(binary.LittleEndian.Uint16(pcm[k:]))) * c.gain
			binary.LittleEndian.PutUint16(c.buf[k:], uint16(int16(math.Round(float64(v)))))
		}
	}
	c.gain = want
	return c.buf[:len(pcm)]
}

// curve is the gain of a volume in percent: cubic, so that each percent is
// about as much louder as the one before, as PulseAudio's software volume.
func curve(percent int) float32 {
	v := float32(percent) / 100
	return v * v * v
}
