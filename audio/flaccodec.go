package audio

import (
	"errors"
	"fmt"
	"io"

	flac "github.com/mewkiz/flac/frame"

	"earshot/protocol"
)

// flacCodec decodes FLAC with github.com/mewkiz/flac, a frame at a time.
type flacCodec struct {
	flacStream
	src   stream
	walk  flacWalker
	seeks []int64
	size  int64 // of the file
	in    []float32
	mixer *mixer
}

func newFLAC(src io.ReadSeeker, h protocol.Header) (codec, error) {
	s, err := parseFLACSetup(h)
	if err != nil {
		return nil, err
	}
	d := &flacCodec{flacStream: s, src: stream{src: src}, seeks: h.Seek, size: h.Size, mixer: newMixer(wavOrders[s.channels])}
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
		r := flacReader{src: &d.src, pos: f.pos}
		err = d.frame(&r)
		if r.err != nil {
			d.walk.pos = f.pos
			return 0, nil, d.failed(r.err)
		}
		d.walk.pos, d.walk.sample = f.pos+int64(r.n), f.sample+int64(f.block)
		if err == nil {
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
	return flacFrame{d.walk.pos, d.at(h), h.block}, nil
}

// frame decodes the frame that r reads.
func (d *flacCodec) frame(r *flacReader) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoding a frame: %v", r)
		}
	}()
	f, err := flac.New(r)
	if err != nil {
		return err
	}
	if f.BitsPerSample == 0 {
		f.BitsPerSample = uint8(d.bits)
	}
	if err := f.Parse(); err != nil {
		return err
	}
	d.interleave(f)
	return nil
}

func (d *flacCodec) interleave(f *flac.Frame) {
	n, channels := int(f.BlockSize), len(f.Subframes)
	if cap(d.in) < n*channels {
		d.in = make([]float32, n*channels)
	}
	d.in = d.in[:n*channels]
	scale := float32(32768) / float32(int64(1)<<(d.bits-1))
	for c, s := range f.Subframes {
		for i, x := range s.Samples[:n] {
			d.in[i*channels+c] = float32(x) * scale
		}
	}
}

// flacReader reads one frame of a stream, which keeps it until it is decoded.
type flacReader struct {
	src *stream
	pos int64 // of the frame
	n   int   // bytes read
	err error // of the source
}

var errLongFrame = errors.New("a frame without end")

func (r *flacReader) Read(p []byte) (int, error) {
	if r.n > maxFLACFrame {
		return 0, errLongFrame
	}
	b, err := r.src.view(r.pos, r.n+1)
	if err != nil {
		r.err = err
		return 0, err
	}
	if len(b) <= r.n {
		return 0, io.EOF
	}
	n := copy(p, r.src.buf[r.n:])
	r.n += n
	return n, nil
}
