package audio

import "encoding/binary"

// frameHeader is the 32 bits that begin an MPEG audio frame (ISO/IEC 11172-3,
// 2.4.2.3, and 13818-3 for MPEG-2).
type frameHeader uint32

const (
	headerSize      = 4
	frameSamples    = 1152 // samples per channel of an MPEG-1 layer III frame
	maxFrameSize    = 1441 // bytes: 320 kbit/s at 32 kHz, padded
	maxReservoir    = 511  // bytes: what main_data_begin can reach back
	topBitrate      = 14   // the highest index of a bitrate
	versionMPEG1    = 3
	layerIII        = 1
	modeJoint       = 1
	modeMono        = 3
	streamMask      = 0xfffe0c00 // sync, version, layer, sample rate: the same in all frames of a stream
	emphasisMask    = 3
	monoSideInfo    = 17 // bytes, of MPEG-1
	stereoSideInfo  = 32
	maxFreeFrame    = 4608 // bytes: how far apart frames of free format are looked for
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

// decodable reports whether h begins a frame of MPEG-1 layer III.
func (h frameHeader) decodable() bool {
	return h.valid() && h.version() == versionMPEG1 && h.layer() == layerIII && h.bitrateIndex() != 0
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
	case h.version() != versionMPEG1 && h.layer() == 3:
		return [15]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}[i]
	case h.version() != versionMPEG1:
		return [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[i]
	case h.layer() == 3:
		return 32 * i
	case h.layer() == 2:
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
	case h.layer() == 3:
		return (12*bitrate/h.sampleRate() + h.padding()) * 4
	case h.layer() == layerIII && h.version() != versionMPEG1:
		return 72*bitrate/h.sampleRate() + h.padding()
	}
	return 144*bitrate/h.sampleRate() + h.padding()
}

// mainData is where the frame's main data begin, behind header, CRC and side
// information. Only for MPEG-1 layer III.
func (h frameHeader) mainData() int {
	n := headerSize + stereoSideInfo
	if h.mode() == modeMono {
		n = headerSize + monoSideInfo
	}
	if h.hasCRC() {
		n += crcSize
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
