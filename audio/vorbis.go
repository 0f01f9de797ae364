package audio

import (
	"encoding/binary"
	"math/bits"

	"github.com/jfreymuth/vorbis"
)

const (
	vorbisHead    = "\x01vorbis"
	vorbisComment = "\x03vorbis"
	vorbisSetup   = "\x05vorbis"

	// maxVorbisBlock is the longest block of Vorbis, in samples.
	maxVorbisBlock = 8192

	// maxCodebook bounds what a codebook may unfold to, in numbers; the largest of
	// libvorbis has 17,000.
	maxCodebook = 1 << 18
)

// vorbisDecoder decodes the packets of a Vorbis stream with github.com/jfreymuth/vorbis.
type vorbisDecoder struct {
	dec      vorbis.Decoder
	channels int
	out      []float32
}

// vorbisStream reads what the identification header tells (Vorbis I, 4.2.2).
func vorbisStream(head []byte) (rate, channels int, err error) {
	if len(head) < 30 || !begins(head, vorbisHead) || binary.LittleEndian.Uint32(head[7:]) != 0 {
		return 0, 0, errVorbisHead
	}
	return int(binary.LittleEndian.Uint32(head[12:])), int(head[11]), nil
}

var errVorbisHead = &UnsupportedError{"a Vorbis file whose header is broken"}

func newVorbisDecoder(head, setup []byte) (d *vorbisDecoder, err error) {
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, errVorbisHead
		}
	}()
	d = new(vorbisDecoder)
	if _, d.channels, err = vorbisStream(head); err != nil {
		return nil, err
	}
	if d.channels < 1 || d.channels > maxChannels || !soundCodebooks(setup) {
		return nil, errVorbisHead
	}
	for _, h := range [][]byte{head, setup} {
		if err := d.dec.ReadHeader(h); err != nil {
			return nil, errVorbisHead
		}
	}
	d.out = make([]float32, d.dec.BufferSize())
	return d, nil
}

func (d *vorbisDecoder) order() []speaker { return vorbisOrders[d.channels] }

func (d *vorbisDecoder) reset() error {
	d.dec.Clear()
	return nil
}

// decode decodes a packet: samples of which 32768 is full scale. Of the first one
// after a reset, and of a broken one, there are none.
func (d *vorbisDecoder) decode(packet []byte) (in []float32, samples int64) {
	defer func() {
		if r := recover(); r != nil {
			d.dec.Clear()
			in, samples = nil, 0
		}
	}()
	in, err := d.dec.DecodeInto(packet, d.out)
	if err != nil {
		d.dec.Clear()
		return nil, 0
	}
	for i := range in {
		in[i] *= 32768
	}
	return in, int64(len(in) / d.channels)
}

// soundCodebooks reports whether the codebooks of a setup header (Vorbis I, 3.2.1) are
// whole and of a sane size. The decoder takes them as they come: a few bytes could
// have it claim all memory, or never end.
func soundCodebooks(setup []byte) bool {
	if !begins(setup, vorbisSetup) {
		return false
	}
	r := lsbReader{b: setup[len(vorbisSetup):]}
	for range r.read(8) + 1 {
		if r.read(24) != 0x564342 {
			return false
		}
		dimensions, entries := r.read(16), r.read(24)
		if r.short || entries == 0 || dimensions*entries > maxCodebook || entries > maxCodebook {
			return false
		}
		if !r.lengths(entries) {
			return false
		}
		switch kind := r.read(4); {
		case kind > 2 || kind > 0 && dimensions == 0:
			return false
		case kind > 0:
			r.read(32)
			r.read(32)
			width := r.read(4) + 1
			r.read(1)
			values := dimensions * entries
			if kind == 1 {
				values = root(entries, dimensions)
			}
			r.skip(values * width)
		}
		if r.short {
			return false
		}
	}
	return true
}

// lengths passes over the lengths of a codebook's words.
func (r *lsbReader) lengths(entries int) bool {
	if r.read(1) == 0 {
		sparse := r.read(1) == 1
		for range entries {
			if !sparse || r.read(1) == 1 {
				r.read(5)
			}
		}
		return !r.short
	}
	r.read(5)
	for n := 0; n < entries; {
		run := r.read(bits.Len(uint(entries - n)))
		if n += run; n > entries || r.short {
			return false
		}
	}
	return true
}

// root returns the greatest number whose power of dimensions is within entries.
func root(entries, dimensions int) int {
	n := 1
	for {
		power := 1
		for range dimensions {
			if power *= n + 1; power > entries {
				return n
			}
		}
		n++
	}
}

// lsbReader reads bits, the lowest of a byte first.
type lsbReader struct {
	b     []byte
	at    int // bit
	short bool
}

func (r *lsbReader) read(n int) (v int) {
	for i := range n {
		if r.at/8 >= len(r.b) {
			r.short = true
			return 0
		}
		v |= int(r.b[r.at/8]>>(r.at%8)&1) << i
		r.at++
	}
	return v
}

func (r *lsbReader) skip(n int) {
	if r.at += n; r.at > 8*len(r.b) {
		r.short = true
	}
}
