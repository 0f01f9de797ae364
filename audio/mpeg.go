package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"earshot/audio/dl"
	"earshot/audio/mpg123"
	"earshot/protocol"
)

// mpegSetupSize is the length of the Setup of FormatMPEG: the header of the first
// frame, and the length of frames of free format or 0, in two bytes.
const mpegSetupSize = headerSize + 2

func mpegSetup(first frameHeader, free int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(first))
	return binary.BigEndian.AppendUint16(b, uint16(free))
}

// mpegStream returns a frame header such as the track's frames have, and the length of
// frames of free format.
func mpegStream(h protocol.Header) (first frameHeader, free int, err error) {
	if h.Format == protocol.FormatMP3 {
		rate, ok := map[int]frameHeader{44100: 0, 48000: 1 << 10, 32000: 2 << 10}[h.SampleRate]
		if !ok {
			return 0, 0, &UnsupportedError{fmt.Sprintf("a sample rate of %d Hz", h.SampleRate)}
		}
		return 0xfffb9000 | rate, 0, nil
	}
	if len(h.Setup) < mpegSetupSize {
		return 0, 0, errSetup
	}
	first, free = readHeader(h.Setup), int(binary.BigEndian.Uint16(h.Setup[headerSize:]))
	if !first.valid() || first.sampleRate() != h.SampleRate || free > maxFreeFrame || free > 0 && free < headerSize {
		return 0, 0, errSetup
	}
	return first, free, nil
}

var errSetup = errors.New("decoding: the track's header does not fit its format")

// newMPEG returns a decoder of MPEG audio: libmpg123's, which is many times faster,
// where there is one; else go-mp3's of what that decodes right.
func newMPEG(src io.ReadSeeker, h protocol.Header) (codec, error) {
	first, free, err := mpegStream(h)
	if err != nil {
		return nil, err
	}
	dec, err := mpg123.New(h.SampleRate, free)
	if errors.Is(err, dl.ErrUnavailable) {
		return newLayer3(src, h, err)
	} else if err != nil {
		return nil, err
	}
	return &mpegCodec{framer: newFramer(src, h, first, free), dec: dec, preRoll: first.preRoll()}, nil
}

// Warm gets ready what decodes MPEG audio, as most music is, before there is any: to find
// and load libmpg123 takes some milliseconds, which a start that waits for the network,
// or has a second processor, has to spare. Where there is none, NewDecoder tells.
func Warm() { _, _ = mpg123.New(SampleRate, 0) }

// newLayer3 returns go-mp3's decoder, or says why libmpg123 is needed and not there.
func newLayer3(src io.ReadSeeker, h protocol.Header, why error) (codec, error) {
	first, free, err := mpegStream(h)
	if err != nil {
		return nil, err
	}
	if h.Format != protocol.FormatMP3 {
		return nil, &UnsupportedError{fmt.Sprintf("%s, for which %v", first, why)}
	}
	return &layer3Codec{framer: newFramer(src, h, first, free)}, nil
}

// mpegCodec decodes MPEG audio with libmpg123.
type mpegCodec struct {
	*framer
	dec     *mpg123.Decoder
	preRoll int64
	start   int64 // frames before it need no decoding
	want    int64 // frames before it are not given out
}

// phase is how many frames make libmpg123's synthesis window go round: 12, 18 or 36
// of its 16 places a frame. It sums in another order at each place, so that a frame
// is the same to the bit only where decoding begins a multiple of it before.
const phase = 8

func (d *mpegCodec) seek(n int64) error {
	d.want = d.of(n)
	d.start = max(0, d.want-d.preRoll) / phase * phase
	if _, err := d.framer.seek(d.start); err != nil {
		return err
	}
	return d.dec.Reset()
}

func (d *mpegCodec) decode() (at int64, pcm []byte, err error) {
	for {
		b, err := d.next()
		if err != nil {
			return 0, nil, err
		}
		n := d.coming
		d.advance()
		if n < d.start {
			continue
		}
		// What is broken is left out: the sound goes on behind it.
		if pcm, err = d.dec.Decode(withinBands(b)); err == nil && n >= d.want {
			return d.at(n), pcm, nil
		}
	}
}

// withinBands is a frame of layer II whose joint stereo begins no higher than its subbands
// reach (ISO/IEC 11172-3, 2.4.2.3 and table 3-B.2), which sounds the same: of one where it
// does libmpg123 would write to standard error, and so into what is on the screen.
func withinBands(b []byte) []byte {
	h := readHeader(b)
	if !h.valid() || h.layer() != layerII || h.version() != versionMPEG1 || h.mode() != modeJoint || h.bitrate() > 96 {
		return b
	}
	const extension = 3 << 4 // joint stereo begins at 4, 8, 12 or 16
	most := frameHeader(1 << 4)
	if h.sampleRate() == 32000 {
		most = 2 << 4
	}
	if h&extension <= most {
		return b
	}
	b = append([]byte(nil), b...)
	binary.BigEndian.PutUint32(b, uint32(h&^extension|most))
	return b
}
