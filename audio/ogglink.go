package audio

import "earshot/protocol"

// maxLinks is how many streams may be chained in one file: those of a radio show.
const maxLinks = 64

// oggLink is one stream of a chain; most files have one.
type oggLink struct {
	head    int64 // where its first page begins
	data    int64 // where its first page of sound begins
	serial  uint32
	rate    int   // Hz
	start   int64 // the number of its first sample
	place   int64 // the same, at the track's rate
	granule int64 // of that sample, as its pages count
	lead    int64 // samples before that one, which are dropped
	samples int64
	headers int // of those in the track's Setup, from 1 on; 0: they are read from the file
}

// end is the place behind so many samples of the link, in a track of a rate.
func (l *oggLink) end(samples int64, rate int) int64 {
	return l.place + resampled(samples, l.rate, rate)
}

// at is the number in the track of the sample behind granule.
func (l *oggLink) at(granule int64) int64 { return l.start + granule - l.granule }

// packetDecoder decodes the packets of one link.
type packetDecoder interface {
	order() []speaker
	reset() error
	// length is how many samples of each channel a packet adds.
	length(packet []byte) int64
	// decode returns samples interleaved, of which 32768 is full scale, and how many
	// there are of each channel; in is nil where they are broken.
	decode(packet []byte) (in []float32, samples int64)
}

// oggHeaders are the packets that a decoder needs before sound. Comments are not among
// them.
type oggHeaders struct {
	format protocol.Format
	rate   int
	first  []byte
	setup  []byte // Vorbis only
}

// take takes the next header packet, and reports whether it was the last.
func (h *oggHeaders) take(n int, packet []byte) (done bool, err error) {
	switch {
	case n == 0:
		h.first = append([]byte(nil), packet...)
		switch h.format {
		case protocol.FormatOpus:
			h.rate = opusRate
		case protocol.FormatFLAC:
			var s flacStream
			s, err = parseOggFLACHead(packet)
			h.rate = s.rate
		default:
			h.rate, _, err = vorbisStream(packet)
		}
		return false, err
	case h.format == protocol.FormatOpus:
		return true, nil // comments
	case h.format == protocol.FormatFLAC:
		return lastFLACHeader(h.first, n, packet)
	case n == 1:
		return false, nil
	}
	h.setup = append([]byte(nil), packet...)
	return true, nil
}

// oggFormat tells what stream begins with a packet.
func oggFormat(packet []byte) protocol.Format {
	switch {
	case begins(packet, opusMagic):
		return protocol.FormatOpus
	case begins(packet, vorbisHead):
		return protocol.FormatVorbis
	case begins(packet, oggFLACMagic):
		return protocol.FormatFLAC
	}
	return protocol.FormatUnknown
}

// decoder makes the decoder; of Opus by means of engine.
func (h *oggHeaders) decoder(engine func(opusHead) (opusEngine, error)) (packetDecoder, error) {
	switch h.format {
	case protocol.FormatOpus:
		head, err := parseOpusHead(h.first)
		if err != nil {
			return nil, err
		}
		return newOpusDecoder(head, engine)
	case protocol.FormatFLAC:
		return newOggFLACDecoder(h.first)
	}
	return newVorbisDecoder(h.first, h.setup)
}

// oggHeaderReader reads the headers of the link that begins at pages' place, or behind
// streams of other kinds there, and leaves pages behind them. What else is on the
// last page of headers there is not: sound begins on a page of its own.
type oggHeaderReader struct {
	oggHeaders
	serial  uint32
	packets oggPackets
	n       int    // packets taken
	found   bool   // the first page is
	other   string // what was found before
}

// read can be called again after an error of the source.
func (r *oggHeaderReader) read(pages *oggPages) error {
	for {
		p, err := pages.next()
		if err != nil {
			return err
		}
		if !r.found && !p.is(oggFirst) {
			if r.other != "" {
				return &UnsupportedError{"an Ogg file of " + r.other + ": only Vorbis, Opus and FLAC can be played"}
			}
			return errNoHeaders
		}
		if !r.found {
			if r.format = oggFormat(p.body); r.format == protocol.FormatUnknown {
				r.other = oggKind(p.body)
				continue
			}
			r.found, r.serial = true, p.serial
		}
		if p.serial != r.serial {
			continue
		}
		done := false
		r.packets.of(p, func(packet []byte) bool {
			done, err = r.take(r.n, packet)
			r.n++
			return !done && err == nil
		})
		if done || err != nil {
			return err
		}
	}
}

var errNoHeaders = &UnsupportedError{"an Ogg file that does not begin with headers"}

// oggKind names a stream by its first packet.
func oggKind(packet []byte) string {
	switch {
	case begins(packet, "Speex   "):
		return "Speex"
	case begins(packet, "\x80theora"):
		return "video"
	}
	return "an unknown kind"
}
