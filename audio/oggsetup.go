package audio

import (
	"bytes"

	"github.com/quic-go/quic-go/quicvarint"

	"earshot/protocol"
)

// isSpeech is the flag in Setup of a track with speech modes of Opus.
const isSpeech = 1

// oggSetup is the Setup of Ogg formats: the link and its header packets, to its end. Of a
// chain or of speech a 0 and flags come before, of which protocol.Header.Begin knows, and then
// headers as often as they change, as far as there is room: so a seek into a later link
// reads nothing but its sound.
func oggSetup(links []oggLink, headers []oggHeaders, flags int64) (b []byte) {
	if headers[0].format == protocol.FormatFLAC {
		b = append(b, oggFLACSetup)
	}
	if len(links) == 1 && flags == 0 {
		b = appendNumbers(b, 1)
		l := &links[0]
		b = appendNumbers(b, l.head, l.data, int64(l.serial), 0, l.granule, l.lead, l.samples, int64(len(headers[0].first)))
		return append(append(b, headers[0].first...), headers[0].setup...)
	}
	b = appendNumbers(b, 0, flags, int64(len(links)))
	for _, l := range links {
		b = appendNumbers(b, l.head, l.data, int64(l.serial), int64(l.rate), l.granule, l.lead, l.samples, int64(l.headers))
	}
	for _, h := range headers {
		b = h.append(b)
	}
	return b
}

func (h *oggHeaders) append(b []byte) []byte {
	b = append(appendNumbers(b, int64(len(h.first))), h.first...)
	return append(appendNumbers(b, int64(len(h.setup))), h.setup...)
}

func (h *oggHeaders) equal(o *oggHeaders) bool {
	return bytes.Equal(h.first, o.first) && bytes.Equal(h.setup, o.setup)
}

func appendNumbers(b []byte, numbers ...int64) []byte {
	for _, v := range numbers {
		b = quicvarint.Append(b, uint64(v))
	}
	return b
}

// setupReader reads what oggSetup wrote, or somebody who means no good.
type setupReader struct {
	b   []byte
	bad bool
}

// number reads one up to most.
func (r *setupReader) number(most int64) int64 {
	v, n, err := quicvarint.Parse(r.b)
	if err != nil || v > uint64(most) {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return int64(v)
}

func (r *setupReader) bytes() []byte {
	n := r.number(protocol.MaxSetup)
	if n > int64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// maxPlace bounds places in a file and granule positions.
const maxPlace = 1 << 48

func parseOggSetup(hd protocol.Header) (links []oggLink, headers []oggHeaders, flags int64, err error) {
	r := setupReader{b: hd.Setup}
	if hd.Format == protocol.FormatFLAC && inOgg(hd) {
		r.b = r.b[1:]
	}
	n := r.number(maxLinks)
	long := n == 0
	if long {
		flags = r.number(isSpeech)
		n = r.number(maxLinks)
	}
	if links = make([]oggLink, n); n == 0 {
		return nil, nil, 0, errSetup
	}
	for i := range links {
		links[i] = r.link(hd, long)
	}
	links[0].headers = 1 // another one would have been written for nothing
	for len(headers) == 0 || long && len(r.b) > 0 {
		h := oggHeaders{format: hd.Format, first: r.bytes()}
		if h.setup = r.b; long {
			h.setup = r.bytes()
			h.format = oggFormat(h.first)
		}
		headers = append(headers, h)
	}
	if r.bad || !settle(links, headers, hd) {
		return nil, nil, 0, errSetup
	}
	return links, headers, flags, nil
}

func (r *setupReader) link(hd protocol.Header, long bool) oggLink {
	l := oggLink{head: r.number(maxPlace), data: r.number(maxPlace), serial: uint32(r.number(1<<32 - 1)), rate: hd.SampleRate}
	if long {
		l.rate = int(r.number(maxRate))
	} else {
		r.number(maxPlace) // where it starts: behind the ones before
	}
	l.granule, l.lead = r.number(maxPlace), r.number(maxPlace)
	l.samples = r.number(maxRate * protocol.MaxSeconds)
	if long {
		l.headers = int(r.number(maxLinks))
	}
	return l
}

// settle gives links their places in the track, and reports whether all fits together.
func settle(links []oggLink, headers []oggHeaders, hd protocol.Header) bool {
	var start, place int64
	changes := false
	for i := range links {
		l := &links[i]
		if l.headers > len(headers) || l.rate < minRate {
			return false
		}
		changes = changes || l.rate != hd.SampleRate
		l.start, l.place = start, place
		start, place = start+l.samples, l.end(l.samples, hd.SampleRate)
	}
	return !changes || hd.SampleRate == SampleRate && place == hd.Samples
}
