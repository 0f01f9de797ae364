package audio

import (
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/protocol"
)

// The PCM that decoders give and outputs take.
const (
	SampleRate = 44100 // Hz
	sampleSize = 4     // bytes: two channels of 16 bits
)

// PreRoll is how far before t Seek(t) begins to read: the byte offset that it
// seeks to is not below protocol.Header.OffsetAt(t - PreRoll). It is the ten
// frames that hold any bit reservoir (511 bytes; the shortest frames add 58
// each) and one more decoded to overlap with, at 32 kHz, and the resampler's taps.
const PreRoll = 400 * time.Millisecond

// preRollFrames is the same in frames.
const preRollFrames = 10

// Decoder gives a track's sound as PCM. It reads its source in order, a frame or
// two further than what it gives, and seeks in it only where it begins or is told
// to go elsewhere.
type Decoder struct {
	h    protocol.Header
	src  stream
	walk walker
	l3   layer3

	frame   frame // whose bytes are read next, if found
	found   bool
	coming  int64 // the number of the frame that is read next
	second  int   // whose frame in the seek table comes next
	number  int64 // of the frame that is decoded next
	target  int64 // frames before it are not heard
	drop    int   // bytes of PCM at the start of the target frame
	left    int64 // samples per channel still to come out of frames
	pcm     []byte
	buf     [frameBytes]byte
	started bool

	resample *resampler // nil at SampleRate
}

// NewDecoder returns a decoder of the track with the header h, at its start. src
// is not touched before the first Read or Seek, and holds the whole file
// from its first byte; its reads may block. h may be hostile.
func NewDecoder(src io.ReadSeeker, h protocol.Header) (*Decoder, error) {
	if h.Format != protocol.FormatMP3 {
		return nil, &UnsupportedError{fmt.Sprintf("format %d is not known here", h.Format)}
	}
	stream, ok := map[int]frameHeader{44100: 0, 48000: 1 << 10, 32000: 2 << 10}[h.SampleRate]
	if !ok {
		return nil, &UnsupportedError{fmt.Sprintf("a sample rate of %d Hz", h.SampleRate)}
	}
	if len(h.Seek) == 0 || h.Samples <= 0 || h.Delay < 0 {
		return nil, errors.New("decoding: the track's header is incomplete")
	}
	d := &Decoder{h: h}
	d.src.src = src
	d.walk = walker{win: &d.src, end: h.Size, stream: 0xfffa0000 | stream}
	if h.SampleRate != SampleRate {
		d.resample = newResampler(h.SampleRate)
	}
	return d, nil
}

// Seek goes to the moment t of the sound, to the nearest sample: what Read gives
// next is to the bit what it would have given there. Beyond the end Read gives
// io.EOF.
func (d *Decoder) Seek(t time.Duration) error {
	second, rest := max(t, 0)/time.Second, max(t, 0)%time.Second
	n := int64(second)*SampleRate + int64((rest*SampleRate+time.Second/2)/time.Second)
	if d.resample != nil {
		n = d.resample.seek(n)
	}
	if err := d.seek(min(n, d.h.Samples)); err != nil {
		return fmt.Errorf("seeking to %v: %w", t, err)
	}
	return nil
}

// seek goes to sample n of the sound, at its own rate.
func (d *Decoder) seek(n int64) error {
	at := n + int64(d.h.Delay)
	d.target, d.drop = at/frameSamples, int(at%frameSamples)*sampleSize
	d.left = d.h.Samples - n
	second := min(int(max(0, n-preRollFrames*frameSamples)/int64(d.h.SampleRate)), len(d.h.Seek)-1)
	d.second = second
	d.coming = secondFrame(second, d.h.SampleRate, d.h.Delay)
	d.number = max(d.coming, d.target-1)
	d.walk.pos, d.walk.synced = d.h.Seek[second], true
	d.found, d.pcm, d.started = false, nil, true
	d.l3.reset()
	return d.src.seek(d.walk.pos)
}

// Read gives whole samples, as soon as there are any: with the first two
// frames of the source. It returns io.EOF at the end of the sound. After an error of the
// source it can be called again, and goes on.
func (d *Decoder) Read(p []byte) (int, error) {
	p = p[:len(p)/sampleSize*sampleSize]
	if len(p) == 0 {
		return 0, io.ErrShortBuffer
	}
	if d.resample != nil {
		return d.readResampled(p)
	}
	if err := d.fill(); err != nil {
		return 0, err
	}
	n := copy(p, d.pcm)
	d.pcm = d.pcm[n:]
	return n, nil
}

func (d *Decoder) readResampled(p []byte) (int, error) {
	for {
		if n := d.resample.pull(p); n > 0 {
			return n, nil
		}
		switch err := d.fill(); {
		case err == io.EOF:
			if !d.resample.finish(d.h.Samples) {
				return 0, io.EOF
			}
		case err != nil:
			return 0, err
		}
		d.resample.push(d.pcm)
		d.pcm = nil
	}
}

// fill decodes until there is PCM.
func (d *Decoder) fill() error {
	if !d.started {
		if err := d.seek(0); err != nil {
			return fmt.Errorf("starting to decode: %w", err)
		}
	}
	for len(d.pcm) == 0 {
		if d.left <= 0 {
			return io.EOF
		}
		if err := d.load(); err != nil {
			return err
		}
		// What is broken is silence: the sound goes on behind it.
		_ = d.l3.decode(d.buf[:])
		d.pcm = d.heard()
		d.number++
	}
	return nil
}

// load reads the frame that is decoded next, and the one behind it.
func (d *Decoder) load() error {
	last := (int64(d.h.Delay) + d.h.Samples - 1) / frameSamples
	for d.coming <= min(d.number+1, last) {
		b, err := d.next()
		if err == io.EOF && d.coming > d.number {
			return nil // the error is the next one's
		} else if err == io.EOF {
			return fmt.Errorf("the track ends early: %w", io.ErrUnexpectedEOF)
		} else if err != nil {
			return fmt.Errorf("reading the track: %w", err)
		}
		anchor := false
		if d.coming == secondFrame(d.second, d.h.SampleRate, d.h.Delay) {
			anchor = d.coming > 0 // before the first frame there is nothing
			d.second++
		}
		if d.coming < d.number {
			d.l3.skip(b, anchor)
		} else {
			d.l3.load(b, anchor)
		}
		d.coming++
		d.found = false
	}
	return nil
}

// next returns the bytes of the next frame, io.EOF where there is no whole one.
func (d *Decoder) next() (b []byte, err error) {
	if !d.found {
		if d.frame, err = d.walk.next(); err != nil {
			return nil, err
		}
		d.found = true
	}
	size := d.frame.header.size()
	if b, err = d.src.view(d.frame.pos, size); err == nil && len(b) < size {
		err = io.EOF
	}
	return b, err
}

// heard returns what is heard of the frame that was decoded.
func (d *Decoder) heard() []byte {
	if d.number < d.target {
		return nil
	}
	pcm := d.buf[:]
	if d.number == d.target {
		pcm = pcm[d.drop:]
	}
	pcm = pcm[:min(int64(len(pcm)), d.left*sampleSize)]
	d.left -= int64(len(pcm) / sampleSize)
	return pcm
}
