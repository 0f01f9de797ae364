package audio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"earshot/protocol"
)

// maxChunks bounds how many chunks of a RIFF or AIFF file are looked at before the
// sound; a file has less than twenty.
const maxChunks = 1000

// chunk is one chunk of a RIFF or AIFF file. Its length is what the file claims.
type chunk struct {
	id         string
	start, end int64 // of its body
}

// chunks calls visit with each chunk of a file of size bytes, until it returns false
// or an error, or the file ends.
func chunks(r io.ReaderAt, size int64, order binary.ByteOrder, visit func(chunk) (bool, error)) error {
	const header = 8
	pos := int64(12)
	for range maxChunks {
		var b [header]byte
		if pos+header > size {
			return nil
		}
		if err := readAt(r, b[:], pos); err != nil {
			return err
		}
		n := int64(order.Uint32(b[4:]))
		c := chunk{string(b[:4]), pos + header, pos + header + n}
		if more, err := visit(c); !more || err != nil {
			return err
		}
		pos = c.end + n&1
	}
	return nil
}

// body reads at most n bytes of a chunk.
func (c chunk) body(r io.ReaderAt, n, size int64) ([]byte, error) {
	b := make([]byte, max(0, min(n, c.end-c.start, size-c.start)))
	return b, readAt(r, b, c.start)
}

// Format tags of WAV (mmreg.h).
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xfffe
)

// probeWAV reads a RIFF or RF64 file (EBU Tech 3306) of PCM.
func probeWAV(r io.ReaderAt, size int64) (info Info, err error) {
	var format []byte
	found := false
	err = chunks(r, size, binary.LittleEndian, func(c chunk) (more bool, err error) {
		switch c.id {
		case "fmt ":
			format, err = c.body(r, 40, size)
		case "data":
			found = true
			// What was streamed, or is RF64, does not tell its length here.
			if c.end == c.start || c.end-c.start >= math.MaxUint32-1 {
				c.end = size
			}
			info, err = wavInfo(format, size, c)
			return false, err
		}
		return true, err
	})
	if err == nil && !found {
		err = &UnsupportedError{"a WAV file without sound"}
	}
	return info, err
}

func wavInfo(format []byte, size int64, data chunk) (Info, error) {
	if len(format) < 16 {
		return Info{}, &UnsupportedError{"a WAV file that does not tell its format"}
	}
	le := binary.LittleEndian
	tag, channels, rate := le.Uint16(format), int(le.Uint16(format[2:])), int(le.Uint32(format[4:]))
	block, bits := int(le.Uint16(format[12:])), int(le.Uint16(format[14:]))
	l := layout{encoding: signedInt}
	if tag == wavExtensible && len(format) >= 40 {
		tag, l.mask = le.Uint16(format[24:]), le.Uint32(format[20:])
	}
	// Fewer bits than the bytes hold stand at their top.
	if l.width = (bits + 7) / 8; channels > 0 && block%channels == 0 && block/channels > l.width {
		l.width = block / channels
	}
	switch {
	case tag == wavFloat:
		l.encoding = floatPoint
	case tag != wavPCM:
		return Info{}, &UnsupportedError{fmt.Sprintf("WAV of format %#x: only PCM can be played", tag)}
	case l.width == 1:
		l.encoding = unsignedInt
	}
	return pcmInfo(protocol.FormatWAV, size, l, rate, channels, data.start, data.end)
}

// probeAIFF reads an AIFF or AIFF-C file of PCM.
func probeAIFF(r io.ReaderAt, size int64) (info Info, err error) {
	var common []byte
	var sound *chunk
	err = chunks(r, size, binary.BigEndian, func(c chunk) (more bool, err error) {
		switch c.id {
		case "COMM":
			common, err = c.body(r, 22, size)
		case "SSND":
			sound = &c
		}
		return common == nil || sound == nil, err
	})
	if err != nil {
		return Info{}, err
	}
	if len(common) < 18 || sound == nil {
		return Info{}, &UnsupportedError{"an AIFF file without sound"}
	}
	var b [4]byte // where the sound begins behind 8 bytes of SSND
	if err := readAt(r, b[:], sound.start); err != nil {
		return Info{}, &UnsupportedError{"truncated: it has no sound"}
	}
	start := sound.start + 8 + int64(binary.BigEndian.Uint32(b[:]))
	l, err := aiffLayout(common)
	if err != nil {
		return Info{}, err
	}
	channels, frames := int(binary.BigEndian.Uint16(common)), int64(binary.BigEndian.Uint32(common[2:]))
	end := sound.end
	if frames > 0 {
		end = min(end, start+frames*int64(l.width*channels))
	}
	return pcmInfo(protocol.FormatAIFF, size, l, extendedRate(common[8:18]), channels, start, end)
}

// aiffLayout reads what COMM says of samples; AIFF-C has a type of compression there.
func aiffLayout(common []byte) (layout, error) {
	l := layout{encoding: signedInt, width: (int(binary.BigEndian.Uint16(common[6:])) + 7) / 8, big: true}
	if len(common) < 22 {
		return l, nil
	}
	switch kind := string(common[18:22]); strings.ToLower(kind) {
	case "none", "twos", "in24", "in32":
	case "sowt":
		l.big = false
	case "raw ":
		l.encoding = unsignedInt
	case "fl32":
		l.encoding, l.width = floatPoint, 4
	case "fl64":
		l.encoding, l.width = floatPoint, 8
	default:
		return l, &UnsupportedError{fmt.Sprintf("AIFF-C of type %q: only PCM can be played", kind)}
	}
	return l, nil
}

// extendedRate reads a sample rate as an 80-bit floating point number (IEEE 754,
// extended), to the nearest Hz; 0 where that is out of all range.
func extendedRate(b []byte) int {
	exponent := int(binary.BigEndian.Uint16(b)) - 16383 - 63
	rate := math.Ldexp(float64(binary.BigEndian.Uint64(b[2:])), exponent)
	if !(rate <= math.MaxInt32) {
		return 0
	}
	return int(math.Round(rate))
}
