package audio

import (
	"errors"
	"fmt"
	"io"

	"earshot/protocol"
)

// flacCodec decodes FLAC, a frame at a time.
type flacCodec struct {
	flacStream
	src   stream
	walk  flacWalker
	seeks []int64
	size  int64 // of the file
	dec   flacDecoder
	in    []float32
	mixer *mixer

	pos int64 // of the frame that is decoded
	err error // of the source, while it was
}

func newFLAC(src io.ReadSeeker, h protocol.Header) (codec, error) {
	s, err := parseFLACSetup(h)
	if err != nil {
		return nil, err
	}
	d := &flacCodec{
		flacStream: s, src: stream{src: src}, seeks: h.Seek, size: h.Size,
		dec: flacDecoder{bits: s.bits}, mixer: newMixer(wavOrders[s.channels]),
	}
	d.walk = flacWalker{win: &d.src, stream: s, end: h.Size}
	return d, nil
}

// seek goes to the frame that holds the start of the sample's second. The number of
// its first sample stands in it.
func (d *flacCodec) seek(n int64) error {
	second := min(n/int64(d.rate), int64(len(d.seeks))-1)
	d.walk.pos, d.walk.sample = d.seeks[second], -1
	return d.src.seek(d.walk.pos)
}

func (d *flacCodec) decode() (at int64, pcm []byte, err error) {
	for {
		// Where the last frame ended the next one begins, unless one of them is broken.
		f, err := d.here()
		if err == errNoFrame {
			f, err = d.walk.next()
		}
		if err != nil {
			return 0, nil, d.failed(err)
		}
		n, err := d.frame(f)
		if err != nil {
			d.walk.pos = f.pos
			return 0, nil, d.failed(err)
		}
		d.walk.sample = f.next()
		if d.walk.pos = f.pos + int64(n); n > 0 {
			d.in = d.dec.interleave(d.in, f.flacHeader)
			return f.sample, d.mixer.mix(d.in), nil
		}
		d.walk.pos = f.pos + 1
	}
}

func (d *flacCodec) failed(err error) error {
	switch {
	case err == io.EOF && d.src.lacks(d.size):
		return errEndsEarly
	case err == io.EOF:
		return io.EOF
	}
	return fmt.Errorf("reading the track: %w", err)
}

var errNoFrame = errors.New("no frame")

// here returns the frame at the walker's place.
func (d *flacCodec) here() (flacFrame, error) {
	b, err := d.src.view(d.walk.pos, flacHeaderMax)
	if err != nil {
		return flacFrame{}, err
	}
	h, ok := parseFLACHeader(b)
	if !ok || !d.has(h) || d.at(h) < d.walk.sample {
		return flacFrame{}, errNoFrame
	}
	return flacFrame{d.walk.pos, d.at(h), h}, nil
}

// frame decodes a frame and returns its length, 0 if it is broken. The error is the
// source's.
func (d *flacCodec) frame(f flacFrame) (n int, err error) {
	d.pos, d.err = f.pos, nil
	r := flacBits{b: d.more(flacHeaderMax), more: d.more}
	if d.err == nil {
		n = d.dec.decode(&r, f.flacHeader)
	}
	return n, d.err
}

// more returns what there is of the frame, n bytes at the least unless it ends.
func (d *flacCodec) more(n int) []byte {
	if d.err != nil {
		return nil
	}
	n = int(min(int64(n), d.size-d.pos))
	b, err := d.src.view(d.pos, n)
	if d.err = err; len(b) < n {
		return b
	}
	return d.src.buf
}
