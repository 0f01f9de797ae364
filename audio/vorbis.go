package audio

import (
	"encoding/binary"

	"github.com/jfreymuth/vorbis"
)

const (
	vorbisHead    = "\x01vorbis"
	vorbisComment = "\x03vorbis"
	vorbisSetup   = "\x05vorbis"

	// maxVorbisBlock is the longest block of Vorbis, in samples.
	maxVorbisBlock = 8192
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
	setup, ok := mendVorbisSetup(setup)
	if d.channels < 1 || d.channels > maxChannels || !ok {
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

// length is known only when a packet is decoded.
func (d *vorbisDecoder) length(packet []byte) int64 {
	_, n := d.decode(packet)
	return n
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
