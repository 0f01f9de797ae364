package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"earshot/audio/dl"
	"earshot/audio/libopus"
)

const (
	opusMagic  = "OpusHead"
	opusTags   = "OpusTags"
	opusRate   = libopus.Rate // of every Opus stream's granule positions
	maxOpus    = libopus.MaxSamples
	opusFamily = 18 // where OpusHead tells its mapping family (RFC 7845, 5.1)
)

// How early decoding begins before a seek, so that what is heard is to the bit what it would
// have been there (the 80 ms of RFC 7845, 4.6, are for the ear). The transform of music
// (CELT) takes 0.7 s at most. The filters of speech (SILK), alone or with CELT for the
// highs (hybrid), feed rounded integers back: two decoders that began at different
// packets come together by chance, at a soft place. At 530 places of one recorded voice, at 6
// to 40 kbit/s, mono and stereo, they did after 1 s in the median, 2.6 s in nine of ten, and
// 5.3 s in the last. Where two voices speak at once, one on each side, and never pause, half
// do within 6 s and the last after 24 to 48; what is heard until then is 44 dB clean.
const (
	musicPreRoll  = time.Second
	speechPreRoll = 6 * time.Second
)

// opusSpeech reports whether a packet, by its first byte, is of SILK or hybrid
// (RFC 6716, table 2).
func opusSpeech(toc byte) bool { return toc>>3 < 16 }

// opusHead is the identification header of an Opus stream.
type opusHead struct {
	channels         int
	preSkip          int
	gain             float32 // factor
	streams, coupled int
	mapping          []byte // the decoded channel of each output channel; 255: silence
}

func parseOpusHead(b []byte) (h opusHead, err error) {
	if len(b) <= opusFamily || !begins(b, opusMagic) || b[8]>>4 != 0 {
		return h, &UnsupportedError{"an Opus stream of a kind that is not known here"}
	}
	h = opusHead{channels: int(b[9]), preSkip: int(binary.LittleEndian.Uint16(b[10:])), streams: 1, mapping: []byte{0, 1}}
	h.gain = float32(math.Pow(10, float64(int16(binary.LittleEndian.Uint16(b[16:])))/256/20))
	switch family := b[opusFamily]; {
	case family == 0 && (h.channels == 1 || h.channels == 2):
		h.coupled = h.channels - 1
		h.mapping = h.mapping[:h.channels]
	case family == 1 && h.channels >= 1 && h.channels <= maxChannels && len(b) >= opusFamily+3+h.channels:
		h.streams, h.coupled, h.mapping = int(b[19]), int(b[20]), append([]byte(nil), b[21:21+h.channels]...)
		if h.streams < 1 || h.streams > maxChannels || h.coupled > h.streams {
			return h, errOpusHead
		}
		for _, m := range h.mapping {
			if m != 255 && int(m) >= h.streams+h.coupled {
				return h, errOpusHead
			}
		}
	default:
		return h, &UnsupportedError{fmt.Sprintf("Opus of %d channels in mapping family %d", h.channels, family)}
	}
	return h, nil
}

var errOpusHead = &UnsupportedError{"an Opus file whose header is broken"}

// opusSamples returns how long a packet sounds, in samples (RFC 6716, 3.1); 0 if it is
// broken.
func opusSamples(packet []byte) int64 {
	if len(packet) == 0 {
		return 0
	}
	toc := packet[0]
	var size int64
	switch config := toc >> 3; {
	case config < 12:
		size = [4]int64{480, 960, 1920, 2880}[config&3]
	case config < 16:
		size = [2]int64{480, 960}[config&1]
	default:
		size = 120 << (config & 3)
	}
	frames := int64(1)
	switch toc & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		frames = int64(packet[1] & 63)
	}
	if size*frames > maxOpus {
		return 0
	}
	return size * frames
}

// opusEngine decodes the packets of an Opus stream, which are of sane length.
// *libopus.Decoder is one, pionOpus the other.
type opusEngine interface {
	Reset() error
	// Decode makes samples of all channels, interleaved, of which 1 is full scale, and
	// returns how many of each. pcm has room for maxOpus.
	Decode(packet []byte, pcm []float32) (int, error)
}

// newOpusEngine makes libopus's, or where that is not there pion's.
func newOpusEngine(h opusHead) (opusEngine, error) {
	e, err := libopus.New(h.streams, h.coupled, h.mapping)
	if errors.Is(err, dl.ErrUnavailable) {
		return newPionOpus(h)
	}
	return e, err
}

// opusDecoder decodes the packets of an Opus stream.
type opusDecoder struct {
	opusHead
	engine opusEngine
	out    []float32
}

func newOpusDecoder(h opusHead, engine func(opusHead) (opusEngine, error)) (*opusDecoder, error) {
	e, err := engine(h)
	if err != nil {
		return nil, err
	}
	return &opusDecoder{opusHead: h, engine: e, out: make([]float32, maxOpus*h.channels)}, nil
}

func (d *opusDecoder) order() []speaker { return vorbisOrders[d.channels] }

func (d *opusDecoder) reset() error { return d.engine.Reset() }

func (d *opusDecoder) length(packet []byte) int64 { return opusSamples(packet) }

// decode decodes a packet: samples of which 32768 is full scale. What is broken is
// left out, but counted.
func (d *opusDecoder) decode(packet []byte) (in []float32, samples int64) {
	told := opusSamples(packet)
	if told == 0 {
		return nil, 0
	}
	n, err := d.engine.Decode(packet, d.out)
	if err != nil || int64(n) != told {
		return nil, told
	}
	in = d.out[:n*d.channels]
	for i := range in {
		in[i] *= d.gain * 32768
	}
	return in, told
}
