package player

import (
	"encoding/binary"
	"math"
	"sync/atomic"

	"earshot/audio"
)

// chain is what PCM passes between the decks and the output: the mixer, then
// volume. It acts at once: behind it is what the output holds, a tenth of a second.
type chain struct {
	mixer  *audio.Mixer
	volume atomic.Int32 // percent
	gain   float32      // of the last sample; of the goroutine that sounds
	begun  bool
	buf    []byte
}

func (c *chain) setVolume(percent int) { c.volume.Store(int32(percent)) }

// process returns a deck's PCM as it is to sound. It leaves pcm as it is, and what it
// returns is good until the next call.
func (c *chain) process(pcm []byte, d *deck) []byte { return c.amplify(c.mixer.Play(pcm, d.level)) }

// fade does so with PCM of a deck that begins and of one that ends.
func (c *chain) fade(begins []byte, d *deck, ends []byte, f *fade) []byte {
	return c.amplify(c.mixer.Fade(begins, d.level, ends, f.deck.level, f.Fade))
}

// end returns what is left where no more comes for now.
func (c *chain) end() []byte { return c.amplify(c.mixer.End()) }

// amplify sets the volume.
func (c *chain) amplify(pcm []byte) []byte {
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
	c.buf = append(c.buf[:0], pcm...)
	for i := range samples {
		c.gain += slope
		for k := i * sampleSize; k < (i+1)*sampleSize; k += 2 {
			v := float32(int16(binary.LittleEndian.Uint16(pcm[k:]))) * c.gain
			binary.LittleEndian.PutUint16(c.buf[k:], uint16(int16(math.Round(float64(v)))))
		}
	}
	c.gain = want
	return c.buf
}

// curve is the gain of a volume in percent: cubic, so that each percent is
// about as much louder as the one before, as PulseAudio's software volume.
func curve(percent int) float32 {
	v := float32(percent) / 100
	return v * v * v
}
