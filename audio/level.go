package audio

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"time"
)

// Level plays a track louder or softer: by a gain, in dB, which ReplayGain or a
// measurement gives. peak is the track's true peak, 1 being full scale, or 0 where
// it is unknown. Where the gain would take peaks beyond full scale they are limited; else
// each sample is multiplied and rounded, no more. A gain of 0 changes nothing at all.
//
// The result is as long as the track to the sample. Behind a Seek it is the same to the bit
// as without, but for the first 0.5 s where peaks were being limited.
func Level(dec Decoder, gain, peak float64) Decoder {
	factor := math.Pow(10, min(max(gain, -MaxGain), MaxGain)/20)
	switch {
	case factor == 1:
		return dec
	case factor < 1 && peak <= 1, factor*peak <= ceiling && peak > 0:
		return &scaled{dec, float32(factor)}
	}
	return &limited{dec: dec, limiter: newLimiter(factor), buf: make([]byte, frameBytes)}
}

// MaxGain bounds what Level does either way, in dB: what asks for more is noise, or a lie.
const MaxGain = 24

// scaled is a decoder whose samples are multiplied.
type scaled struct {
	Decoder
	factor float32
}

func (s *scaled) Read(p []byte) (int, error) {
	n, err := s.Decoder.Read(p)
	scale(p[:n], s.factor)
	return n, err
}

func scale(pcm []byte, factor float32) {
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		v := float32(int16(binary.LittleEndian.Uint16(pcm)))
		binary.LittleEndian.PutUint16(pcm, uint16(round16(v*factor)))
	}
}

// limited is a decoder behind a limiter.
type limited struct {
	dec     Decoder
	limiter *limiter
	buf     []byte
}

func (l *limited) Read(p []byte) (int, error) {
	if len(p) < sampleSize {
		return 0, io.ErrShortBuffer
	}
	for {
		if n := l.limiter.pull(p); n > 0 {
			return n, nil
		}
		n, err := l.dec.Read(l.buf)
		l.limiter.push(l.buf[:n])
		if errors.Is(err, io.EOF) && n == 0 {
			if !l.limiter.finish() {
				return 0, io.EOF
			}
		} else if err != nil && n == 0 {
			return 0, err // it comes again
		}
	}
}

func (l *limited) Seek(t time.Duration) error {
	l.limiter.reset()
	return l.dec.Seek(t)
}
