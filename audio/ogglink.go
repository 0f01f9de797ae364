package audio

import (
	"errors"
	"fmt"
	"io"

	"github.com/quic-go/quic-go/quicvarint"

	"earshot/protocol"
)

// maxLinks is how many streams may be chained in one file: those of a radio show.
const maxLinks = 64

// oggLink is one stream of a chain; most files have one. It is in the Setup of Ogg
// formats, whose rest are the header packets of the first; those of others are read
// from the file.
type oggLink struct {
	head    int64 // where its first page begins
	data    int64 // where its first page of sound begins
	serial  uint32
	start   int64 // the number of its first sample in the track
	granule int64 // of that sample, as its pages count
	lead    int64 // samples before that one, which are dropped
	samples int64
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

func oggSetup(links []oggLink, h oggHeaders) (b []byte) {
	if h.format == protocol.FormatFLAC {
		b = append(b, oggFLACSetup)
	}
	b = quicvarint.Append(b, uint64(len(links)))
	for _, l := range links {
		for _, v := range [...]int64{l.head, l.data, int64(l.serial), l.start, l.granule, l.lead, l.samples} {
			b = quicvarint.Append(b, uint64(v))
		}
	}
	b = append(quicvarint.Append(b, uint64(len(h.first))), h.first...)
	return append(b, h.setup...)
}

func parseOggSetup(hd protocol.Header) (links []oggLink, h oggHeaders, err error) {
	b := hd.Setup
	if inOgg(hd) && hd.Format == protocol.FormatFLAC {
		b = b[1:]
	}
	number := func() int64 {
		v, n, err := quicvarint.Parse(b)
		if err != nil || v > 1<<48 {
			b = nil
			return -1
		}
		b = b[n:]
		return int64(v)
	}
	n := number()
	if n < 1 || n > maxLinks {
		return nil, h, errSetup
	}
	links = make([]oggLink, n)
	for i := range links {
		l := &links[i]
		for _, v := range [...]*int64{&l.head, &l.data, nil, &l.start, &l.granule, &l.lead, &l.samples} {
			x := number()
			if x < 0 {
				return nil, h, errSetup
			}
			if v == nil {
				l.serial = uint32(x)
			} else {
				*v = x
			}
		}
	}
	size := number()
	if size < 0 || size > int64(len(b)) {
		return nil, h, errSetup
	}
	h = oggHeaders{format: hd.Format, rate: hd.SampleRate, first: b[:size], setup: b[size:]}
	return links, h, nil
}

// probeOgg walks the pages of an Ogg file from start on.
func probeOgg(r io.ReaderAt, start, size int64) (Info, error) {
	s := oggSurvey{pages: oggPages{win: &blocks{r: r, size: size}, pos: start, end: size}}
	for {
		err := s.link()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Info{}, err
		}
	}
	return s.info(size)
}

// oggSurvey collects what a walk over all pages tells.
type oggSurvey struct {
	pages  oggPages
	links  []oggLink
	first  oggHeaders // of the first link
	total  int64      // samples so far
	seek   []int64
	bytes  int64
	before int64 // the page before
}

// link walks over one link. It returns io.EOF where there is none.
func (s *oggSurvey) link() error {
	head := s.pages.pos
	var h oggHeaderReader
	err := h.read(&s.pages)
	if err == io.EOF && len(s.links) == 0 {
		return &UnsupportedError{"truncated: it ends before the sound"}
	}
	if err != nil {
		var u *UnsupportedError
		if len(s.links) > 0 && errors.As(err, &u) {
			return io.EOF // what stands behind the sound is left alone
		}
		return err
	}
	if len(s.links) == 0 {
		s.first = h.oggHeaders
	}
	switch {
	case len(s.links) == maxLinks:
		return &UnsupportedError{fmt.Sprintf("more than %d chained streams", maxLinks)}
	case h.format != s.first.format:
		return &UnsupportedError{fmt.Sprintf("%v is followed by %v", s.first.format, h.format)}
	case h.rate != s.first.rate:
		return &UnsupportedError{fmt.Sprintf("the sample rate changes from %d to %d Hz", s.first.rate, h.rate)}
	}
	dec, err := h.decoder(newOpusEngine)
	if err != nil {
		return err
	}
	if err := checkStream(h.rate, len(dec.order())); err != nil {
		return err
	}
	l := oggLink{head: head, serial: h.serial, start: s.total}
	if opus, ok := dec.(*opusDecoder); ok {
		l.lead = int64(opus.preSkip)
	}
	if err := s.sound(&l, dec); err != nil {
		return err
	}
	if l.samples > 0 {
		s.links = append(s.links, l)
		s.total += l.samples
	}
	return nil
}

// sound walks over the pages of a link's sound.
func (s *oggSurvey) sound(l *oggLink, dec packetDecoder) error {
	var packets oggPackets
	count := int64(0) // samples before the first granule position
	last := int64(-1)
	for {
		p, err := s.pages.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if p.is(oggFirst) {
			s.pages.pos = p.pos // the next link
			return nil
		}
		if p.serial != l.serial {
			continue
		}
		if l.data == 0 {
			l.data, s.before = p.pos, p.pos
		}
		s.bytes += int64(p.size)
		if last < 0 {
			packets.of(p, func(packet []byte) bool {
				count += dec.length(packet)
				return true
			})
			if p.granule < 0 {
				continue
			}
			l.begin(p, count)
		}
		if p.granule < last || p.granule < 0 {
			continue // none ends here, or it is broken
		}
		last = p.granule
		l.samples = max(0, last-l.granule)
		if err := s.mark(p, l.start+l.samples); err != nil {
			return err
		}
	}
}

// begin takes the first granule position, up to which there are so many samples. A
// stream may begin at another than 0, and in its last page tells where it ends.
func (l *oggLink) begin(p oggPage, count int64) {
	origin := int64(0)
	if !p.is(oggLast) {
		origin = p.granule - count
	}
	if origin < 0 {
		l.lead, origin = l.lead-origin, 0 // what is before 0 is not heard
		l.granule = 0
		return
	}
	l.granule = origin + l.lead
}

// mark enters a page that ends before sample end in the seek table. The last page of a
// link does not count its samples but those that are heard: so it is begun at only
// where it is the only one.
func (s *oggSurvey) mark(p oggPage, end int64) error {
	pos := p.pos
	if p.is(oggLast) {
		pos = s.before
	}
	for int64(len(s.seek))*int64(s.first.rate) < end {
		if len(s.seek) == protocol.MaxSeconds {
			return errTooLong
		}
		s.seek = append(s.seek, pos)
	}
	s.before = p.pos
	return nil
}

func (s *oggSurvey) info(size int64) (Info, error) {
	if s.total <= 0 {
		return Info{}, &UnsupportedError{"truncated: it has no sound"}
	}
	dec, err := s.first.decoder(newOpusEngine)
	if err != nil {
		return Info{}, err
	}
	i := Info{
		Format: s.first.format, Size: size, SampleRate: s.first.rate, Channels: len(dec.order()),
		Samples: s.total, Bitrate: meanBitrate(s.bytes, s.total, s.first.rate), Seek: s.seek, Setup: oggSetup(s.links, s.first),
	}
	if len(i.Setup) > protocol.MaxSetup {
		return Info{}, &UnsupportedError{fmt.Sprintf("headers of %d bytes; at most %d can be played", len(i.Setup), protocol.MaxSetup)}
	}
	i.Seek = i.Seek[:min(int64(len(i.Seek)), i.seconds())]
	return i, i.measure()
}
