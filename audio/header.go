package audio

import (
	"encoding/binary"
	"fmt"
)

// frameHeader is the 32 bits that begin an MPEG audio frame (ISO/IEC 11172-3,
// 2.4.2.3, and 13818-3 for MPEG-2).
type frameHeader uint32

const (
	headerSize      = 4
	layerII         = 2
	layerI          = 3
	frameSamples    = 1152 // samples per channel of an MPEG-1 layer III frame
	maxFrameSize    = 1441 // bytes: 320 kbit/s of layer III at 32 kHz, padded
	maxReservoir    = 511  // bytes: what main_data_begin can reach back
	topBitrate      = 14   // the highest index of a bitrate
	versionMPEG1    = 3
	layerIII        = 1
	modeJoint       = 1
	modeMono        = 3
	streamMask      = 0xfffe0c00 // sync, version, layer, sample rate: the same in all frames of a stream
	sizeMask        = 0x0000f200 // bitrate, padding
	emphasisMask    = 3
	monoSideInfo    = 17 // bytes, of MPEG-1
	stereoSideInfo  = 32
	maxFreeFrame    = 4608 // bytes: how far apart frames of free format are looked for; libmpg123 takes 3456
	crcSize         = 2
	noCRC           = 0x00010000
	paddingBit      = 0x00000200
	intensityStereo = 0x00000010
	midSideStereo   = 0x00000020
)

func readHeader(b []byte) frameHeader { return frameHeader(binary.BigEndian.Uint32(b)) }

func (h frameHeader) version() int      { return int(h>>19) & 3 } // 3: 1, 2: 2, 0: 2.5
func (h frameHeader) layer() int        { return int(h>>17) & 3 } // 3: I, 2: II, 1: III
func (h frameHeader) bitrateIndex() int { return int(h>>12) & 15 }
func (h frameHeader) padding() int      { return int(h>>9) & 1 }
func (h frameHeader) mode() int         { return int(h>>6) & 3 }
func (h frameHeader) hasCRC() bool      { return h&noCRC == 0 }

// valid reports whether h can begin a frame; one of free format too.
func (h frameHeader) valid() bool {
	return h>>21 == 0x7ff && h.version() != 1 && h.layer() != 0 && h.bitrateIndex() != 15 && h>>10&3 != 3
}

// plain reports whether h begins a frame of MPEG-1 layer III that is not of free
// format and has no intensity stereo: what go-mp3 decodes right.
func (h frameHeader) plain() bool {
	return h.version() == versionMPEG1 && h.layer() == layerIII && h.bitrateIndex() != 0 && !h.intensity()
}

// samples is how many samples per channel the frame holds.
func (h frameHeader) samples() int {
	switch {
	case h.layer() == layerI:
		return 384
	case h.layer() == layerIII && h.version() != versionMPEG1:
		return frameSamples / 2
	}
	return frameSamples
}

// sampleRate is in Hz.
func (h frameHeader) sampleRate() int {
	rate := [3]int{44100, 48000, 32000}[h>>10&3]
	switch h.version() {
	case 2:
		return rate / 2
	case 0:
		return rate / 4
	}
	return rate
}

func (h frameHeader) channels() int {
	if h.mode() == modeMono {
		return 1
	}
	return 2
}

// intensity reports whether the frame uses intensity stereo.
func (h frameHeader) intensity() bool { return h.mode() == modeJoint && h&intensityStereo != 0 }

// midSide reports whether the frame uses mid/side stereo.
func (h frameHeader) midSide() bool { return h.mode() == modeJoint && h&midSideStereo != 0 }

// bitrates are in kbit/s, by index from 1: of MPEG-1 layers I, II and III, and of
// MPEG-2 layer I and layers II and III.
func (h frameHeader) bitrate() int {
	i := h.bitrateIndex()
	switch {
	case h.version() != versionMPEG1 && h.layer() == layerI:
		return [15]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}[i]
	case h.version() != versionMPEG1:
		return [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[i]
	case h.layer() == layerI:
		return 32 * i
	case h.layer() == layerII:
		return [15]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384}[i]
	}
	return [15]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}[i]
}

// size is the length of the frame in bytes, its header included. It is 0 for
// free format, which does not tell.
func (h frameHeader) size() int {
	bitrate := h.bitrate() * 1000
	switch {
	case bitrate == 0:
		return 0
	case h.layer() == layerI:
		return (12*bitrate/h.sampleRate() + h.padding()) * 4
	case h.layer() == layerIII && h.version() != versionMPEG1:
		return 72*bitrate/h.sampleRate() + h.padding()
	}
	return 144*bitrate/h.sampleRate() + h.padding()
}

// slot is what padding adds to the frame, in bytes.
func (h frameHeader) slot() int {
	if h.layer() == layerI {
		return 4
	}
	return 1
}

// mainData is where the frame's main data begin, behind header, CRC and side
// information. Only for layer III.
func (h frameHeader) mainData() int {
	mono, stereo := monoSideInfo, stereoSideInfo
	if h.version() != versionMPEG1 {
		mono, stereo = 9, monoSideInfo // ISO/IEC 13818-3, 2.4.1.7
	}
	n := h.sideInfo() + stereo
	if h.mode() == modeMono {
		n = h.sideInfo() + mono
	}
	return n
}

// sideInfo is where the frame's side information begins.
func (h frameHeader) sideInfo() int {
	if h.hasCRC() {
		return headerSize + crcSize
	}
	return headerSize
}

// preRoll is how many frames before one decoding must begin for it to be to the bit
// what it is otherwise: those that can hold what it needs of the bit reservoir, at the
// lowest bitrate, and two that overlap with it. That is within PreRoll.
func (h frameHeader) preRoll() int64 {
	n := 2
	if h.layer() == layerIII {
		reservoir := maxReservoir
		if h.version() != versionMPEG1 {
			reservoir /= 2
		}
		lowest := h&^(15<<12|paddingBit|noCRC) | 1<<12
		n += (reservoir + lowest.size() - lowest.mainData() - 1) / max(1, lowest.size()-lowest.mainData())
	}
	return int64(min(n, h.sampleRate()/h.samples()-phase+1))
}

// String names the kind of stream.
func (h frameHeader) String() string {
	version := [4]string{"MPEG-2.5", "", "MPEG-2", "MPEG-1"}[h.version()]
	switch {
	case h.bitrateIndex() == 0:
		return fmt.Sprintf("%s layer %s of free format", version, layerName(h))
	case h.intensity():
		return fmt.Sprintf("%s layer %s with intensity stereo", version, layerName(h))
	}
	return fmt.Sprintf("%s layer %s", version, layerName(h))
}

func layerName(h frameHeader) string { return [4]string{"", "III", "II", "I"}[h.layer()] }
