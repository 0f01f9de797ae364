package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/pion/opus"
)

const (
	opusMagic  = "OpusHead"
	opusTags   = "OpusTags"
	opusRate   = 48000 // Hz: of every Opus stream's granule positions
	maxOpus    = 5760  // samples of a packet: 120 ms
	opusFamily = 18    // where OpusHead tells its mapping family (RFC 7845, 5.1)
)

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

var (
	errOpusHead   = &UnsupportedError{"an Opus file whose header is broken"}
	errOpusPacket = errors.New("a broken Opus packet")
)

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

// opusDecoder decodes the packets of an Opus stream with github.com/pion/opus.
type opusDecoder struct {
	opusHead
	decoders []opus.Decoder // one for each stream
	planes   [][]float32    // what each stream gives, interleaved if coupled
	out      []float32
	packet   []byte
}

func newOpusDecoder(h opusHead) (*opusDecoder, error) {
	d := &opusDecoder{opusHead: h, decoders: make([]opus.Decoder, h.streams), planes: make([][]float32, h.streams)}
	for i := range d.planes {
		d.planes[i] = make([]float32, maxOpus*d.width(i))
	}
	d.out = make([]float32, maxOpus*h.channels)
	return d, d.reset()
}

// width is how many channels a stream has.
func (d *opusDecoder) width(stream int) int {
	if stream < d.coupled {
		return 2
	}
	return 1
}

func (d *opusDecoder) order() []speaker { return vorbisOrders[d.channels] }

func (d *opusDecoder) reset() (err error) {
	for i := range d.decoders {
		if d.decoders[i], err = opus.NewDecoderWithOutput(opusRate, d.width(i)); err != nil {
			return fmt.Errorf("starting to decode Opus: %w", err)
		}
	}
	return nil
}

// decode decodes a packet: samples of which 32768 is full scale. What is broken is
// left out, but counted.
func (d *opusDecoder) decode(packet []byte) (in []float32, samples int64) {
	rest := packet
	for i := range d.decoders {
		p := rest
		if i < len(d.decoders)-1 {
			var err error
			if p, rest, err = d.undelimit(rest); err != nil {
				return nil, opusSamples(packet)
			}
		}
		n, err := d.one(i, p)
		if err != nil || n == 0 || i > 0 && n != samples {
			return nil, opusSamples(packet)
		}
		samples = n
	}
	n := int(samples)
	for c, m := range d.mapping {
		d.place(c, int(m), n)
	}
	return d.out[:n*d.channels], samples
}

// one decodes the packet of one stream. It turns a panic, which a broken packet
// may cause, into an error.
func (d *opusDecoder) one(i int, packet []byte) (n int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoding a packet: %v", r)
		}
	}()
	if opusSamples(packet) == 0 {
		return 0, errOpusPacket
	}
	count, err := d.decoders[i].DecodeToFloat32(packet, d.planes[i])
	return int64(count), err
}

// place puts decoded channel m of n samples where output channel c is.
func (d *opusDecoder) place(c, m, n int) {
	gain := d.gain * 32768
	if m == 255 {
		gain, m = 0, 0
	}
	stream, off := m-d.coupled, 0
	if m < 2*d.coupled {
		stream, off = m/2, m%2
	}
	width := d.width(stream)
	for k := range n {
		d.out[k*d.channels+c] = d.planes[stream][k*width+off] * gain
	}
}

// undelimit takes the first of several packets, which tells its length (RFC 6716,
// appendix B), and makes an ordinary one of it.
func (d *opusDecoder) undelimit(b []byte) (packet, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errOpusPacket
	}
	head, total := 1, 0
	d.packet = append(d.packet[:0], b[0])
	length := func(keep bool) int {
		if head >= len(b) {
			head = len(b) + 1
			return 0
		}
		n, size := int(b[head]), 1
		if n >= 252 && head+1 < len(b) {
			n, size = n+4*int(b[head+1]), 2
		}
		if keep {
			d.packet = append(d.packet, b[head:head+size]...)
		}
		head += size
		return n
	}
	padding := 0
	switch b[0] & 3 {
	case 0:
		total = length(false)
	case 1:
		total = 2 * length(false)
	case 2:
		total = length(true)
		total += length(false)
	case 3:
		count := b[1]
		frames := int(count & 63)
		d.packet = append(d.packet, count)
		head = 2
		for more := count&0x40 != 0; more; {
			if head >= len(b) {
				return nil, nil, errOpusPacket
			}
			d.packet = append(d.packet, b[head])
			if more = b[head] == 255; more {
				padding += 254
			} else {
				padding += int(b[head])
			}
			head++
		}
		if count&0x80 == 0 {
			total = frames * length(false)
			break
		}
		for range frames - 1 {
			total += length(true)
		}
		total += length(false)
	}
	if end := head + total + padding; end <= len(b) {
		d.packet = append(d.packet, b[head:end]...)
		return d.packet, b[end:], nil
	}
	return nil, nil, errOpusPacket
}
