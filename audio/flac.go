package audio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"earshot/protocol"
)

const (
	flacMagic      = "fLaC"
	flacInfoSize   = 34 // bytes: STREAMINFO (RFC 9639, 8.2)
	flacHeaderMin  = 6  // bytes: a frame's header with its CRC (ibid., 9.1)
	flacHeaderMax  = 16
	maxFLACBlocks  = 1000 // of metadata before the sound; a file has less than ten
	flacWindow     = 4096 // bytes searched for a header at a time
	flacCandidates = 16   // headers out of order that are remembered
)

// flacHeader is the header of a FLAC frame.
type flacHeader struct {
	variable bool   // number counts samples, not frames
	number   uint64 // of the first sample, or of the frame
	block    int    // samples per channel
	rate     int    // Hz; 0: as STREAMINFO says
	channels int
	bits     int // 0: as STREAMINFO says
	size     int // bytes
}

// parseFLACHeader reads the header that b begins with, and checks its CRC.
func parseFLACHeader(b []byte) (h flacHeader, ok bool) {
	if len(b) < flacHeaderMin || b[0] != 0xff || b[1]&0xfe != 0xf8 || b[3]&1 != 0 {
		return h, false
	}
	h.variable = b[1]&1 == 1
	blockCode, rateCode, channelCode, bitsCode := b[2]>>4, b[2]&15, b[3]>>4, b[3]>>1&7
	if channelCode > 10 || bitsCode == 3 || blockCode == 0 || rateCode == 15 {
		return h, false
	}
	h.bits = [8]int{0, 8, 12, 0, 16, 20, 24, 32}[bitsCode]
	if h.channels = int(channelCode) + 1; channelCode >= 8 {
		h.channels = 2
	}
	n := 4
	if h.number, n, ok = flacNumber(b, n); !ok {
		return h, false
	}
	field := func(size int) (v int) {
		for range size {
			if n >= len(b) {
				ok = false
				return 0
			}
			v, n = v<<8|int(b[n]), n+1
		}
		return v
	}
	switch {
	case blockCode == 1:
		h.block = 192
	case blockCode <= 5:
		h.block = 576 << (blockCode - 2)
	case blockCode == 6:
		h.block = field(1) + 1
	case blockCode == 7:
		h.block = field(2) + 1
	default:
		h.block = 256 << (blockCode - 8)
	}
	switch rateCode {
	case 12:
		h.rate = field(1) * 1000
	case 13:
		h.rate = field(2)
	case 14:
		h.rate = field(2) * 10
	default:
		h.rate = [12]int{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}[rateCode]
	}
	if !ok || n >= len(b) || crc8(b[:n]) != b[n] {
		return h, false
	}
	h.size = n + 1
	return h, true
}

// flacNumber reads a number coded as UTF-8 codes characters, but up to 36 bits.
func flacNumber(b []byte, at int) (v uint64, next int, ok bool) {
	lead := b[at]
	at++
	more := 0
	switch {
	case lead < 0x80:
		return uint64(lead), at, true
	case lead < 0xc0 || lead == 0xff:
		return 0, at, false
	default:
		for mask := byte(0x40); lead&mask != 0; mask >>= 1 {
			more++
		}
		v = uint64(lead) & (0x3f >> more)
	}
	for range more {
		if at >= len(b) || b[at]&0xc0 != 0x80 {
			return 0, at, false
		}
		v, at = v<<6|uint64(b[at]&0x3f), at+1
	}
	return v, at, true
}

// crc8 has the polynomial x^8 + x^2 + x + 1.
func crc8(b []byte) (c byte) {
	for _, x := range b {
		c ^= x
		for range 8 {
			if c&0x80 != 0 {
				c = c<<1 ^ 0x07
			} else {
				c <<= 1
			}
		}
	}
	return c
}

// flacStream is what all frames of a file have in common, and the Setup of FormatFLAC.
type flacStream struct {
	rate, channels, bits int
	variable             bool
	block                int   // samples per channel of a frame but the last, if not variable
	base                 int64 // the number of the first sample, where the file was cut out of another
}

const flacSetupSize = 12

func (s flacStream) setup() []byte {
	variable := byte(0)
	if s.variable {
		variable = 1
	}
	b := binary.BigEndian.AppendUint16([]byte{byte(s.bits), variable}, uint16(s.block-1))
	return binary.BigEndian.AppendUint64(b, uint64(s.base))
}

func parseFLACSetup(h protocol.Header) (s flacStream, err error) {
	if len(h.Setup) < flacSetupSize || h.Channels < 1 || h.Channels > maxChannels {
		return s, errSetup
	}
	s = flacStream{
		rate: h.SampleRate, channels: h.Channels, bits: int(h.Setup[0]), variable: h.Setup[1] == 1,
		block: int(binary.BigEndian.Uint16(h.Setup[2:])) + 1, base: int64(binary.BigEndian.Uint64(h.Setup[4:])),
	}
	return s, s.check()
}

func (s flacStream) check() error {
	if s.bits < 4 || s.bits > 32 {
		return &UnsupportedError{fmt.Sprintf("FLAC of %d bits: 4 to 32 can be played", s.bits)}
	}
	return checkStream(s.rate, s.channels)
}

// has reports whether a frame with the header h can be one of the stream.
func (s flacStream) has(h flacHeader) bool {
	return h.variable == s.variable && h.channels == s.channels &&
		(h.rate == 0 || h.rate == s.rate) && (h.bits == 0 || h.bits == s.bits)
}

// at is the number of the first sample of a frame.
func (s flacStream) at(h flacHeader) int64 {
	if s.variable {
		return int64(h.number) - s.base
	}
	return int64(h.number)*int64(s.block) - s.base
}

// flacWalker finds the frames of a FLAC file. Frames do not tell their length, and
// what begins them can stand within them: so one begins where a header is that
// continues what came before, or that is continued by another.
type flacWalker struct {
	win    window
	stream flacStream
	pos    int64 // where the search goes on
	end    int64 // of the file
	sample int64 // that the next frame begins with
}

// flacFrame is where a frame begins, and its samples.
type flacFrame struct {
	pos    int64
	sample int64
	flacHeader
}

// next is the number of the sample behind it.
func (f flacFrame) next() int64 { return f.sample + int64(f.block) }

// next finds the next frame from pos on. It returns io.EOF where there is none.
func (k *flacWalker) next() (flacFrame, error) {
	var strange []flacFrame // out of order
	for k.pos+flacHeaderMin <= k.end {
		b, err := k.win.view(k.pos, int(min(flacWindow, k.end-k.pos)))
		if err != nil {
			return flacFrame{}, err
		}
		if len(b) < flacHeaderMin {
			break
		}
		i := bytes.IndexByte(b[:len(b)-1], 0xff)
		if i < 0 {
			k.pos += int64(len(b) - 1)
			continue
		}
		if k.pos += int64(i); len(b)-i < flacHeaderMax && k.pos+int64(len(b)-i) < k.end && i > 0 {
			continue // the whole header, with what is behind it
		}
		f := flacFrame{pos: k.pos}
		k.pos++
		h, ok := parseFLACHeader(b[i:])
		if !ok || !k.stream.has(h) {
			continue
		}
		f.sample, f.flacHeader = k.stream.at(h), h
		if f.sample == k.sample {
			return k.found(f), nil
		}
		if f.sample < k.sample {
			continue
		}
		for _, s := range strange {
			if s.next() == f.sample {
				return k.found(s), nil
			}
		}
		if strange = append(strange, f); len(strange) > flacCandidates {
			strange = strange[1:]
		}
	}
	k.pos = k.end
	return flacFrame{}, io.EOF
}

func (k *flacWalker) found(f flacFrame) flacFrame {
	k.pos, k.sample = f.pos+flacHeaderMin-1, f.next()
	return f
}

// probeFLAC reads a FLAC file whose marker stands at start.
func probeFLAC(r io.ReaderAt, start, size int64) (Info, error) {
	s, pos, err := flacMetadata(r, start, size)
	if err != nil {
		return Info{}, err
	}
	k := flacWalker{win: &blocks{r: r, size: size}, stream: s, pos: pos, end: size}
	if err := k.begin(); err != nil {
		return Info{}, err
	}
	i := Info{Format: protocol.FormatFLAC, Size: size, SampleRate: k.stream.rate, Channels: k.stream.channels, Setup: k.stream.setup()}
	if err := k.stream.check(); err != nil {
		return Info{}, err
	}
	first := k.pos
	last := flacFrame{pos: first}
	for {
		f, err := k.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Info{}, err
		}
		// The frame that holds the sample of a second; of a gap, the one before it.
		for due := int64(len(i.Seek)) * int64(i.SampleRate); due < f.sample; due += int64(i.SampleRate) {
			if len(i.Seek) == protocol.MaxSeconds {
				return Info{}, errTooLong
			}
			i.Seek = append(i.Seek, last.pos)
		}
		last = f
	}
	i.Samples = k.sample
	if err := i.measure(); err != nil {
		return Info{}, err
	}
	for int64(len(i.Seek)) < i.seconds() {
		i.Seek = append(i.Seek, last.pos)
	}
	i.Bitrate = meanBitrate(size-first, i.Samples, i.SampleRate)
	return i, nil
}

// flacMetadata reads STREAMINFO, and returns where the frames begin. No other block is
// read.
func flacMetadata(r io.ReaderAt, start, size int64) (s flacStream, pos int64, err error) {
	pos = start + int64(len(flacMagic))
	for range maxFLACBlocks {
		var b [4]byte
		if pos+int64(len(b)) > size {
			break
		}
		if err := readAt(r, b[:], pos); err != nil {
			return s, 0, err
		}
		kind, n := b[0]&0x7f, int64(b[1])<<16|int64(b[2])<<8|int64(b[3])
		pos += int64(len(b))
		if kind == 0 && n >= flacInfoSize && pos+n <= size {
			var b [flacInfoSize]byte
			if err := readAt(r, b[:], pos); err != nil {
				return s, 0, err
			}
			s = parseStreamInfo(b[:])
		}
		if pos += n; b[0]&0x80 != 0 {
			return s, pos, nil
		}
	}
	return s, 0, &UnsupportedError{"truncated: it ends before the sound"}
}

// parseStreamInfo reads a STREAMINFO of flacInfoSize (RFC 9639, 8.2).
func parseStreamInfo(b []byte) flacStream {
	v := binary.BigEndian.Uint64(b[10:])
	return flacStream{rate: int(v >> 44), channels: int(v>>41&7) + 1, bits: int(v>>36&31) + 1}
}

// begin finds the first frame, and what the frames say of themselves: that counts, if
// STREAMINFO says otherwise.
func (k *flacWalker) begin() error {
	told, first := k.stream, k.pos
	for end := min(k.end, first+syncReach); k.pos < end; k.pos++ {
		b, err := k.win.view(k.pos, flacHeaderMax)
		if err != nil {
			return err
		}
		h, ok := parseFLACHeader(b)
		if !ok {
			continue
		}
		k.stream = flacStream{rate: h.rate, channels: h.channels, bits: h.bits, variable: h.variable, block: h.block}
		if h.rate == 0 {
			k.stream.rate = told.rate
		}
		if h.bits == 0 {
			k.stream.bits = told.bits
		}
		k.stream.base = k.stream.at(h)
		return nil
	}
	return &UnsupportedError{"a FLAC file without sound"}
}
