package audio

import (
	"errors"
	"fmt"
	"io"

	"earshot/protocol"
)

// oggCodec decodes Vorbis, Opus and FLAC in Ogg.
type oggCodec struct {
	src     stream
	pages   oggPages
	packets oggPackets
	seeks   []int64
	rate    int   // of the track
	size    int64 // of the file
	preRoll int64 // samples at rate
	links   []oggLink
	headers []oggHeaders

	opus func(opusHead) (opusEngine, error)

	link  int // the one that is decoded
	dec   packetDecoder
	made  int // the link that dec is made for; -1 for none
	mixer *mixer
	begun *oggHeaderReader // of the link, while its headers are read
	goOn  int64            // where to go on behind them

	known bool  // next is
	next  int64 // number of the sample that the next packet gives first
	queue []oggSound
	free  [][]byte // PCM of sounds that are over
}

// oggSound is a piece of sound.
type oggSound struct {
	at  int64
	pcm []byte
}

// newOgg returns a decoder that decodes Opus by means of opus.
func newOgg(src io.ReadSeeker, h protocol.Header, opus func(opusHead) (opusEngine, error)) (codec, error) {
	links, headers, flags, err := parseOggSetup(h)
	if err != nil {
		return nil, err
	}
	d := &oggCodec{src: stream{src: src}, seeks: h.Seek, rate: h.SampleRate, size: h.Size, links: links, headers: headers, opus: opus}
	d.pages = oggPages{win: &d.src, end: h.Size}
	preRoll := musicPreRoll // of FLAC too, of which a frame may begin pages before it ends
	if h.Format == protocol.FormatOpus && flags&isSpeech != 0 {
		preRoll = speechPreRoll
	}
	d.preRoll = int64(preRoll.Seconds()) * int64(h.SampleRate)
	if h.Format == protocol.FormatVorbis && len(links) == 1 {
		// It overlaps with one block, and one more may be lost with the page before.
		d.preRoll = min(2*maxVorbisBlock, d.preRoll)
	}
	return d, d.make(headers[0])
}

// mixed reports whether the links are of several rates. Each is then numbered at its own,
// and the track at SampleRate.
func (d *oggCodec) mixed() bool {
	for _, l := range d.links {
		if l.rate != d.rate {
			return true
		}
	}
	return false
}

// spans are the links, as spans of a track.
func (d *oggCodec) spans() (all []span) {
	for _, l := range d.links {
		all = append(all, span{rate: l.rate, start: l.start, samples: l.samples, place: l.place})
	}
	return all
}

// make makes the decoder of the link, whose headers are given.
func (d *oggCodec) make(h oggHeaders) (err error) {
	if d.dec, err = h.decoder(d.opus); err != nil {
		return err
	}
	d.mixer, d.made = newMixer(d.dec.order()), d.link
	return nil
}

// seek goes to a page before sample n, but not before the link of that sample: there its
// decoder begins anyway.
func (d *oggCodec) seek(n int64) error {
	link := 0
	for i, l := range d.links {
		if l.start <= n {
			link = i
		}
	}
	l := &d.links[link]
	place := l.place + max(0, n-l.start)*int64(d.rate)/int64(l.rate)
	second := min(max(0, place-d.preRoll)/int64(d.rate), int64(len(d.seeks))-1)
	pos := max(d.seeks[second], l.data)
	if d.link = link; d.made != link {
		d.made = -1
	}
	d.packets.reset()
	d.queue, d.known, d.begun = d.queue[:0], false, nil
	d.pages.pos = pos
	return d.src.seek(pos)
}

// decode gives one piece of sound after another, of each packet one.
func (d *oggCodec) decode() (at int64, pcm []byte, err error) {
	for len(d.queue) == 0 {
		if err := d.page(); err != nil {
			return 0, nil, err
		}
	}
	s := d.queue[0]
	d.queue = d.queue[:copy(d.queue, d.queue[1:])]
	d.free = append(d.free, s.pcm)
	return s.at, s.pcm, nil
}

// page decodes a page.
func (d *oggCodec) page() error {
	if err := d.prepare(); err != nil {
		return d.failed(err)
	}
	p, err := d.pages.next()
	if err != nil {
		return d.failed(err)
	}
	l := &d.links[d.link]
	if d.goneOn(p) {
		return nil
	}
	if p.serial != l.serial || p.is(oggFirst) || d.dec == nil {
		return nil
	}
	switch {
	case p.pos == l.data:
		d.known, d.next = true, l.start-l.lead
		d.packets.reset()
		err = d.dec.reset()
	case !d.known:
		err = d.dec.reset()
	}
	if err != nil {
		return err
	}
	d.sound(p, l)
	return nil
}

// goneOn goes to the next link if a page is of that. Its first page may be broken.
func (d *oggCodec) goneOn(p oggPage) bool {
	if d.link+1 == len(d.links) {
		return false
	}
	next := &d.links[d.link+1]
	if p.pos < next.head || p.pos < next.data && !p.is(oggFirst) {
		return false
	}
	d.link++
	if d.pages.pos = p.pos; next.headers > 0 {
		d.pages.pos = max(p.pos, next.data)
	}
	d.made, d.known = -1, false
	return true
}

// sound decodes the packets of a page. Where the page does not follow another that was
// decoded, its samples are numbered from its end.
func (d *oggCodec) sound(p oggPage, l *oggLink) {
	begin, next := len(d.queue), d.next
	d.packets.of(p, func(packet []byte) bool {
		in, n := d.dec.decode(packet)
		if in != nil && n > 0 {
			d.queue = append(d.queue, oggSound{next, d.keep(d.mixer.mix(in))})
		}
		next += n
		return true
	})
	if p.granule < 0 {
		d.next = next
		return
	}
	end := l.at(p.granule)
	if !d.known {
		for i := range d.queue[begin:] {
			d.queue[begin+i].at += end - next
		}
	}
	d.trim(l)
	d.known, d.next = true, end
}

// trim takes out what is beyond the end of a link.
func (d *oggCodec) trim(l *oggLink) {
	end := l.start + l.samples
	for len(d.queue) > 0 {
		s := &d.queue[len(d.queue)-1]
		n := end - s.at
		if n*sampleSize >= int64(len(s.pcm)) {
			return
		}
		if n > 0 {
			s.pcm = s.pcm[:n*sampleSize]
			return
		}
		d.free = append(d.free, s.pcm)
		d.queue = d.queue[:len(d.queue)-1]
	}
}

// keep copies PCM.
func (d *oggCodec) keep(pcm []byte) []byte {
	var b []byte
	if n := len(d.free); n > 0 {
		b, d.free = d.free[n-1], d.free[:n-1]
	}
	return append(b[:0], pcm...)
}

// prepare makes the decoder of the link, if it is another's. Headers that there was no room
// for in Setup are read, and kept.
func (d *oggCodec) prepare() error {
	if d.made == d.link {
		return nil
	}
	l := &d.links[d.link]
	if l.headers > 0 {
		return d.silent(d.make(d.headers[l.headers-1]))
	}
	if d.begun == nil {
		d.begun = new(oggHeaderReader)
		d.goOn, d.pages.pos = d.pages.pos, l.head
	}
	err := d.begun.read(&d.pages)
	if err == nil {
		d.headers = append(d.headers, d.begun.oggHeaders)
		l.headers = len(d.headers)
		err = d.make(d.begun.oggHeaders)
	}
	if err = d.silent(err); err == nil {
		d.begun, d.pages.pos = nil, max(d.goOn, d.pages.pos)
	}
	return err
}

// silent makes silence of a link whose headers are broken.
func (d *oggCodec) silent(err error) error {
	var broken *UnsupportedError
	if errors.As(err, &broken) {
		d.dec, d.made = nil, d.link
		return nil
	}
	return err
}

func (d *oggCodec) failed(err error) error {
	switch {
	case err == io.EOF && d.src.lacks(d.size):
		return errEndsEarly
	case err == io.EOF:
		return io.EOF
	}
	return fmt.Errorf("reading the track: %w", err)
}
