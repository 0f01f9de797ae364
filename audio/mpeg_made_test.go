package audio

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Kinds of MPEG audio that no encoder here makes are made here.

// layerIStream is n frames of layer I at 44.1 kHz, 384 kbit/s, stereo (ISO/IEC 11172-3,
// 2.4.1.5): noise in the eight lowest of 32 subbands, whose level goes up and down.
func layerIStream(n int) []byte {
	const (
		header     = frameHeader(0x7ff<<21 | versionMPEG1<<19 | layerI<<17 | 1<<16 | 12<<12)
		bands      = 8
		allocation = 6 // samples of one bit more
	)
	r := rand.New(rand.NewPCG(12, 34))
	var out []byte
	for frame := range n {
		b := make([]byte, header.size())
		binary.BigEndian.PutUint32(b, uint32(header))
		at := 8 * headerSize
		put := func(bits, v int) {
			setBits(b, at, bits, v)
			at += bits
		}
		for band := range 32 {
			for range 2 {
				if band < bands {
					put(4, allocation)
				} else {
					put(4, 0)
				}
			}
		}
		for band := range bands {
			for c := range 2 {
				put(6, 4+3*band+(frame+5*c)%12) // scale factor: 2 dB less each
			}
		}
		for range 12 {
			for range 2 * bands {
				put(allocation+1, r.IntN(1<<(allocation+1)-1)) // all ones are not allowed
			}
		}
		out = append(out, b...)
	}
	return out
}

// intensityStream makes joint stereo of all frames of a stream: above the right channel's
// last line, that channel is the left one's, as loud as its scale factors say
// (ibid., 2.4.3.4.9.3).
func intensityStream(t testing.TB, midSide bool) []byte {
	b := bytes.Clone(load(t, "joint"))
	at := offsets(b)
	for _, pos := range at[1 : len(at)-1] {
		h := readHeader(b[pos:])&^(3<<6|intensityStereo|midSideStereo) | modeJoint<<6 | intensityStereo
		if midSide {
			h |= midSideStereo
		}
		binary.BigEndian.PutUint32(b[pos:], uint32(h))
	}
	return b
}
