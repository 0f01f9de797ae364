package audio

import (
	"encoding/binary"

	"earshot/protocol"
)

// FLAC in Ogg (RFC 9639, 10.1): a packet is a metadata block or a frame.
const (
	oggFLACMagic  = "\x7fFLAC"
	oggFLACCount  = 7  // where the first packet tells how many header packets follow
	oggFLACInfo   = 17 // and where its STREAMINFO is
	lastFLACBlock = 0x80

	// oggFLACSetup begins the Setup of FLAC in Ogg, where that of FLAC has its bits.
	oggFLACSetup = 0
)

// inOgg reports whether a track of FLAC is in Ogg.
func inOgg(h protocol.Header) bool { return len(h.Setup) > 0 && h.Setup[0] == oggFLACSetup }

var errOggFLACHead = &UnsupportedError{"a FLAC stream in Ogg whose header is broken"}

func parseOggFLACHead(b []byte) (s flacStream, err error) {
	if len(b) < oggFLACInfo+flacInfoSize || !begins(b, oggFLACMagic) || !begins(b[9:], flacMagic) || b[13]&0x7f != 0 {
		return s, errOggFLACHead
	}
	s = parseStreamInfo(b[oggFLACInfo:])
	return s, s.check()
}

// lastFLACHeader reports whether a packet is the last of the headers: the nth behind the
// first one. What is too long to be kept comes empty.
func lastFLACHeader(first []byte, n int, packet []byte) (bool, error) {
	if n > maxFLACBlocks {
		return false, errOggFLACHead
	}
	count := int(binary.BigEndian.Uint16(first[oggFLACCount:]))
	return n == count || len(packet) > 0 && packet[0]&lastFLACBlock != 0, nil
}

// oggFLACDecoder decodes the packets of a FLAC stream in Ogg.
type oggFLACDecoder struct {
	flacStream
	dec flacDecoder
	in  []float32
}

func newOggFLACDecoder(first []byte) (*oggFLACDecoder, error) {
	s, err := parseOggFLACHead(first)
	return &oggFLACDecoder{flacStream: s, dec: flacDecoder{bits: s.bits}}, err
}

func (d *oggFLACDecoder) order() []speaker { return wavOrders[d.channels] }

func (d *oggFLACDecoder) reset() error { return nil }

// frame returns the header of the frame in a packet.
func (d *oggFLACDecoder) frame(packet []byte) (flacHeader, bool) {
	h, ok := parseFLACHeader(packet)
	ok = ok && h.channels == d.channels && (h.rate == 0 || h.rate == d.rate) && (h.bits == 0 || h.bits == d.bits)
	return h, ok
}

func (d *oggFLACDecoder) length(packet []byte) int64 {
	h, ok := d.frame(packet)
	if !ok {
		return 0
	}
	return int64(h.block)
}

func (d *oggFLACDecoder) decode(packet []byte) (in []float32, samples int64) {
	h, ok := d.frame(packet)
	if !ok {
		return nil, 0
	}
	r := flacBits{b: packet, more: func(int) []byte { return packet }}
	if d.dec.decode(&r, h) == 0 {
		return nil, int64(h.block)
	}
	d.in = d.dec.interleave(d.in, h)
	return d.in, int64(h.block)
}
