package audio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"earshot/protocol"
)

// encoding is how samples stand in a WAV or AIFF file. Numbers are in Setup.
type encoding uint8

const (
	unsignedInt encoding = 0
	signedInt   encoding = 1
	floatPoint  encoding = 2
)

// layout is what a file of PCM says of its samples, and the Setup of FormatWAV and
// FormatAIFF: encoding, width, order and mask.
type layout struct {
	encoding encoding
	width    int    // bytes of one sample of a channel, 1 to 4, or 8
	big      bool   // big-endian
	mask     uint32 // of speakers, 0 if not told
}

const layoutSize = 7

func (l layout) setup() []byte {
	b := []byte{byte(l.encoding), byte(l.width), 0}
	if l.big {
		b[2] = 1
	}
	return binary.BigEndian.AppendUint32(b, l.mask)
}

func parseLayout(b []byte) (layout, error) {
	if len(b) < layoutSize {
		return layout{}, errSetup
	}
	l := layout{encoding: encoding(b[0]), width: int(b[1]), big: b[2] == 1, mask: binary.BigEndian.Uint32(b[3:])}
	if l.check() != nil {
		return layout{}, errSetup
	}
	return l, nil
}

// check returns why samples of this layout cannot be played.
func (l layout) check() error {
	switch l.encoding {
	case unsignedInt, signedInt:
		if l.width >= 1 && l.width <= 4 {
			return nil
		}
	case floatPoint:
		if l.width == 4 || l.width == 8 {
			return nil
		}
	}
	return &UnsupportedError{fmt.Sprintf("PCM of %d bits", 8*l.width)}
}

// order is for which speakers the channels are.
func (l layout) order(channels int) []speaker {
	if order := maskOrder(l.mask, channels); l.mask != 0 && order != nil && channels > 2 {
		return order
	}
	return wavOrders[channels]
}

// pcmInfo is what Probe makes of samples that stand in a file from start to end.
func pcmInfo(f protocol.Format, size int64, l layout, rate, channels int, start, end int64) (Info, error) {
	if err := l.check(); err != nil {
		return Info{}, err
	}
	if err := checkStream(rate, channels); err != nil {
		return Info{}, err
	}
	block := int64(l.width * channels)
	i := Info{
		Format: f, Size: size, SampleRate: rate, Channels: channels,
		Samples: (min(end, size) - start) / block, Bitrate: int(block) * 8 * rate, Setup: l.setup(),
	}
	if i.Samples <= 0 {
		return Info{}, &UnsupportedError{"truncated: it has no sound"}
	}
	if err := i.measure(); err != nil {
		return Info{}, err
	}
	for s := range i.seconds() {
		i.Seek = append(i.Seek, start+s*int64(rate)*block)
	}
	return i, nil
}

// checkStream returns why sound of such a kind cannot be played.
func checkStream(rate, channels int) error {
	switch {
	case rate < minRate || rate > maxRate:
		return &UnsupportedError{fmt.Sprintf("a sample rate of %d Hz: %d to %d can be played", rate, minRate, maxRate)}
	case channels < 1 || channels > maxChannels:
		return &UnsupportedError{fmt.Sprintf("%d channels: 1 to %d can be played", channels, maxChannels)}
	}
	return nil
}

// pcmCodec gives samples that are not encoded.
type pcmCodec struct {
	layout
	src     stream
	size    int64 // of the file
	start   int64 // of the samples in it
	block   int   // bytes of a sample of all channels
	next    int64 // sample
	samples int64
	in      []float32
	mixer   *mixer
}

// pcmFrame is how many samples are decoded at a time: as many as an MP3 frame has.
const pcmFrame = frameSamples

func newPCM(src io.ReadSeeker, h protocol.Header) (codec, error) {
	l, err := parseLayout(h.Setup)
	if err != nil {
		return nil, err
	}
	if h.Channels < 1 || h.Channels > maxChannels {
		return nil, errSetup
	}
	return &pcmCodec{
		layout: l, src: stream{src: src}, size: h.Size, start: h.Seek[0], block: l.width * h.Channels,
		samples: h.Samples, mixer: newMixer(l.order(h.Channels)),
	}, nil
}

func (d *pcmCodec) seek(n int64) error {
	d.next = n
	return d.src.seek(d.start + n*int64(d.block))
}

func (d *pcmCodec) decode() (at int64, pcm []byte, err error) {
	n := int(min(pcmFrame, d.samples-d.next))
	b, err := d.src.view(d.start+d.next*int64(d.block), n*d.block)
	if err != nil {
		return 0, nil, fmt.Errorf("reading the track: %w", err)
	}
	if n = len(b) / d.block; n == 0 {
		return 0, nil, errEndsEarly
	}
	d.in = d.samplesOf(d.in[:0], b[:n*d.block])
	at, d.next = d.next, d.next+int64(n)
	return at, d.mixer.mix(d.in), nil
}

// samplesOf appends the samples of b, of which 32768 is full scale.
func (l layout) samplesOf(in []float32, b []byte) []float32 {
	order := binary.ByteOrder(binary.LittleEndian)
	if l.big {
		order = binary.BigEndian
	}
	for ; len(b) >= l.width; b = b[l.width:] {
		var x float32
		switch {
		case l.encoding == floatPoint && l.width == 8:
			x = float32(math.Float64frombits(order.Uint64(b)) * 32768)
		case l.encoding == floatPoint:
			x = math.Float32frombits(order.Uint32(b)) * 32768
		case l.width == 1:
			x = float32(int8(b[0])) * 256
		case l.width == 2:
			x = float32(int16(order.Uint16(b)))
		case l.width == 3 && l.big:
			x = float32(int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8)) / 65536
		case l.width == 3:
			x = float32(int32(uint32(b[2])<<24|uint32(b[1])<<16|uint32(b[0])<<8)) / 65536
		case l.width == 4:
			x = float32(int32(order.Uint32(b))) / 65536
		}
		if l.encoding == unsignedInt {
			// The sign bit is the other way round.
			if x < 0 {
				x += 32768
			} else {
				x -= 32768
			}
		}
		in = append(in, x)
	}
	return in
}
