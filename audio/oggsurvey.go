package audio

import (
	"errors"
	"fmt"
	"io"

	"earshot/protocol"
)

// probeOgg walks the pages of an Ogg file from start on.
func probeOgg(r io.ReaderAt, start, size int64) (Info, error) {
	i, err := surveyOgg(r, start, size, 0)
	if err == errRateChanges {
		return surveyOgg(r, start, size, SampleRate)
	}
	return i, err
}

// errRateChanges is of a chain whose links are of several rates: its places are counted at
// SampleRate.
var errRateChanges = errors.New("the sample rate changes")

// surveyOgg walks over all links of a track of a rate; 0: that of the first link.
func surveyOgg(r io.ReaderAt, start, size int64, rate int) (Info, error) {
	s := oggSurvey{pages: oggPages{win: &blocks{r: r, size: size}, pos: start, end: size}, rate: rate, changes: rate > 0}
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
	pages   oggPages
	rate    int // of the track; 0: no link has told
	changes bool
	links   []oggLink
	headers []oggHeaders // of links
	kept    int          // bytes of them
	start   int64        // samples so far
	place   int64        // the same, at rate
	flags   int64        // for Setup
	seek    []int64
	bytes   int64
	before  int64 // the page before
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
	if len(s.links) == maxLinks {
		return &UnsupportedError{fmt.Sprintf("more than %d chained streams", maxLinks)}
	}
	dec, err := h.decoder(newOpusEngine)
	if err != nil {
		return err
	}
	if err := checkStream(h.rate, len(dec.order())); err != nil {
		return err
	}
	if len(s.links) == 0 && !s.changes {
		s.rate = h.rate
	}
	l := oggLink{head: head, serial: h.serial, rate: h.rate, start: s.start, place: s.place}
	if opus, ok := dec.(*opusDecoder); ok {
		l.lead = int64(opus.preSkip)
	}
	if err := s.sound(&l, dec); err != nil || l.samples == 0 {
		return err
	}
	l.headers = s.keep(&h.oggHeaders)
	s.links = append(s.links, l)
	s.start, s.place = l.start+l.samples, l.end(l.samples, s.rate)
	return nil
}

// keep keeps the headers of a link for Setup, once, and returns their number there; 0
// where there is no room for them.
func (s *oggSurvey) keep(h *oggHeaders) int {
	for i := range s.headers {
		if h.equal(&s.headers[i]) {
			return i + 1
		}
	}
	s.kept += len(h.first) + len(h.setup)
	if len(s.headers) > 0 && s.kept > protocol.MaxSetup {
		return 0
	}
	s.headers = append(s.headers, *h)
	return len(s.headers)
}

// setup is the Setup, without the last headers where it is too long with them.
func (s *oggSurvey) setup() []byte {
	for {
		b := oggSetup(s.links, s.headers, s.flags)
		if n := len(s.headers) - 1; len(b) > protocol.MaxSetup && n > 0 {
			s.headers = s.headers[:n]
			for i := range s.links {
				if s.links[i].headers > n {
					s.links[i].headers = 0
				}
			}
			continue
		}
		return b
	}
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
		}
		s.look(p, dec)
		if last < 0 {
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
		if l.samples > 0 && l.rate != s.rate && !s.changes {
			return errRateChanges
		}
		if err := s.mark(p, l.end(l.samples, s.rate)); err != nil {
			return err
		}
	}
}

// look looks for speech in the packets that begin on a page.
func (s *oggSurvey) look(p oggPage, dec packetDecoder) {
	if _, opus := dec.(*opusDecoder); !opus || s.flags&isSpeech != 0 {
		return
	}
	at, begins := 0, !p.is(oggContinued)
	for _, n := range p.lacing {
		if begins && n > 0 && opusSpeech(p.body[at]) {
			s.flags |= isSpeech
		}
		at += int(n)
		begins = n < 255
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

// mark enters a page that ends before the place end in the seek table. The last page of a
// link does not count its samples but those that are heard: so it is begun at only
// where it is the only one.
func (s *oggSurvey) mark(p oggPage, end int64) error {
	pos := p.pos
	if p.is(oggLast) {
		pos = s.before
	}
	for int64(len(s.seek))*int64(s.rate) < end {
		if len(s.seek) == protocol.MaxSeconds {
			return errTooLong
		}
		s.seek = append(s.seek, pos)
	}
	s.before = p.pos
	return nil
}

func (s *oggSurvey) info(size int64) (Info, error) {
	if s.place <= 0 {
		return Info{}, &UnsupportedError{"truncated: it has no sound"}
	}
	first := &s.headers[0]
	dec, err := first.decoder(newOpusEngine)
	if err != nil {
		return Info{}, err
	}
	i := Info{
		Format: first.format, Size: size, SampleRate: s.rate, Channels: len(dec.order()),
		Samples: s.place, Bitrate: meanBitrate(s.bytes, s.place, s.rate), Seek: s.seek, Setup: s.setup(),
	}
	if len(i.Setup) > protocol.MaxSetup {
		return Info{}, &UnsupportedError{fmt.Sprintf("headers of %d bytes; at most %d can be played", len(i.Setup), protocol.MaxSetup)}
	}
	i.Seek = i.Seek[:min(int64(len(i.Seek)), i.seconds())]
	return i, i.measure()
}
