package audio

import (
	"errors"
	"fmt"

	"github.com/pion/opus"
)

// pionOpus decodes with github.com/pion/opus, a decoder for each stream.
type pionOpus struct {
	opusHead
	decoders []opus.Decoder
	planes   [][]float32 // what each stream gives, interleaved if coupled
	packet   []byte
}

func newPionOpus(h opusHead) (opusEngine, error) {
	d := &pionOpus{opusHead: h, decoders: make([]opus.Decoder, h.streams), planes: make([][]float32, h.streams)}
	for i := range d.planes {
		d.planes[i] = make([]float32, maxOpus*d.width(i))
	}
	return d, d.Reset()
}

// width is how many channels a stream has.
func (d *pionOpus) width(stream int) int {
	if stream < d.coupled {
		return 2
	}
	return 1
}

// Reset forgets all packets.
func (d *pionOpus) Reset() (err error) {
	for i := range d.decoders {
		if d.decoders[i], err = opus.NewDecoderWithOutput(opusRate, d.width(i)); err != nil {
			return fmt.Errorf("starting to decode Opus: %w", err)
		}
	}
	return nil
}

var errOpusPacket = errors.New("a broken Opus packet")

// Decode decodes a packet.
func (d *pionOpus) Decode(packet []byte, pcm []float32) (samples int, err error) {
	for i := range d.decoders {
		p := packet
		if i < len(d.decoders)-1 {
			if p, packet, err = d.undelimit(packet); err != nil {
				return 0, err
			}
		}
		n, err := d.one(i, p)
		if err != nil {
			return 0, err
		}
		if n == 0 || i > 0 && n != samples {
			return 0, errOpusPacket
		}
		samples = n
	}
	for c, m := range d.mapping {
		d.place(pcm[c:], int(m), samples)
	}
	return samples, nil
}

// one decodes the packet of one stream. It turns a panic, which a broken packet
// may cause, into an error.
func (d *pionOpus) one(i int, packet []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoding a packet: %v", r)
		}
	}()
	if opusSamples(packet) == 0 {
		return 0, errOpusPacket
	}
	return d.decoders[i].DecodeToFloat32(packet, d.planes[i])
}

// place puts n samples of decoded channel m where the output channel is that pcm
// begins with.
func (d *pionOpus) place(pcm []float32, m, n int) {
	if m == 255 {
		for k := range n {
			pcm[k*d.channels] = 0
		}
		return
	}
	stream, off := m-d.coupled, 0
	if m < 2*d.coupled {
		stream, off = m/2, m%2
	}
	width := d.width(stream)
	for k := range n {
		pcm[k*d.channels] = d.planes[stream][k*width+off]
	}
}

// undelimit takes the first of several packets, which tells its length (RFC 6716,
// appendix B), and makes an ordinary one of it.
func (d *pionOpus) undelimit(b []byte) (packet, rest []byte, err error) {
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
