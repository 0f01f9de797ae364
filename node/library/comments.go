package library

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

const (
	// maxComments bounds the comments of one file that are looked at.
	maxComments = 1024
	// maxBlocks bounds the metadata blocks of a FLAC file, and the chunks of a RIFF or
	// AIFF file, that are looked at.
	maxBlocks = 1000
	// maxTagPages bounds the pages of an Ogg file that are looked at for comments, of
	// 64 KB at the most: beyond any cover.
	maxTagPages = 2000
)

// comment takes a field of Vorbis comments (xiph.org/vorbis/doc/v-comment.html). Of
// several artists all count, of other fields the first.
func (t *texts) comment(key, value string) {
	var field *string
	switch strings.ToUpper(key) {
	case "TITLE":
		field = &t.title
	case "ARTIST":
		field = &t.artist
	case "ALBUMARTIST", "ALBUM ARTIST":
		field = &t.albumArtist
	case "ALBUM":
		field = &t.album
	case "DISCNUMBER":
		field = &t.disc
	case "TRACKNUMBER":
		field = &t.number
	case "DATE", "YEAR":
		field = &t.year
	default:
		t.gain.field(key, value)
		return
	}
	switch {
	case *field == "":
		*field = value
	case field == &t.artist && len(*field) < maxTextFrame:
		*field += valueSeparator + value
	}
}

// skipper reads on, and skips without reading.
type skipper interface {
	io.Reader
	skip(n int64) error
}

// readComments reads Vorbis comments. Long ones, as pictures are, are skipped.
func (t *texts) readComments(r skipper) {
	length := func() (int64, error) {
		var b [4]byte
		_, err := io.ReadFull(r, b[:])
		return int64(binary.LittleEndian.Uint32(b[:])), err
	}
	vendor, err := length()
	if err != nil || r.skip(vendor) != nil {
		return
	}
	count, err := length()
	if err != nil {
		return
	}
	for range min(count, maxComments) {
		n, err := length()
		if err != nil {
			return
		}
		b := make([]byte, min(n, maxTextFrame))
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		if key, value, ok := strings.Cut(byteText(b), "="); ok {
			t.comment(key, value)
		}
		if r.skip(n-int64(len(b))) != nil {
			return
		}
	}
}

// section is a skipper of a part of a file.
type section struct{ *io.SectionReader }

func (s section) skip(n int64) error {
	_, err := s.Seek(n, io.SeekCurrent)
	return err
}

// readFLAC reads the comments of a FLAC file whose marker stands at start, and says
// where its picture is.
func (t *texts) readFLAC(f io.ReaderAt, start, size int64) (picture cover) {
	const comments, pictures = 4, 6
	pos := start + 4
	for range maxBlocks {
		var b [4]byte
		if _, err := f.ReadAt(b[:], pos); err != nil {
			break
		}
		pos += 4
		n := int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3])
		if pos+n > size {
			break
		}
		switch b[0] & 0x7f {
		case comments:
			t.readComments(section{io.NewSectionReader(f, pos, n)})
		case pictures:
			if c := flacPicture(f, pos, n); picture.size == 0 {
				picture = c
			}
		}
		if pos += n; b[0]&0x80 != 0 {
			break
		}
	}
	return picture
}

// flacPicture says where the picture of a block is (RFC 9639, 8.8): behind its type, its
// media type, a description and five numbers.
func flacPicture(f io.ReaderAt, at, n int64) cover {
	r := section{io.NewSectionReader(f, at, n)}
	number := func() int64 {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return -1
		}
		return int64(binary.BigEndian.Uint32(b[:]))
	}
	number()
	const longest = 64 // bytes of a media type
	length := number()
	if length < 0 || length > longest {
		return cover{}
	}
	mime := make([]byte, length)
	if _, err := io.ReadFull(r, mime); err != nil {
		return cover{}
	}
	description := number()
	if description < 0 || r.skip(description+16) != nil {
		return cover{}
	}
	size := number()
	pos, _ := r.Seek(0, io.SeekCurrent)
	kind := pictureType(string(mime))
	if size <= 0 || pos+size > n || kind == "" {
		return cover{}
	}
	return cover{offset: at + pos, size: size, mime: kind}
}

// readOgg reads the comments of the first stream of an Ogg file that has any that are
// known here: those of Vorbis, Opus and FLAC stand in its second packet (RFC 9639, 10.1).
func (t *texts) readOgg(f io.ReaderAt, start int64) {
	r := &packetReader{f: f, pos: start}
	var head [8]byte
	if _, err := io.ReadFull(r, head[:7]); err != nil {
		return
	}
	magic := "\x03vorbis"
	switch {
	case string(head[:7]) == "\x01vorbis":
	case string(head[:7]) == "OpusHea":
		magic = "OpusTags"
	case string(head[:5]) == "\x7fFLAC":
		magic = ""
	default:
		return
	}
	if r.nextPacket() != nil {
		return
	}
	if magic == "" {
		const comments = 4
		if _, err := io.ReadFull(r, head[:4]); err != nil || head[0]&0x7f != comments {
			return
		}
	}
	if _, err := io.ReadFull(r, head[:len(magic)]); err == nil && string(head[:len(magic)]) == magic {
		t.readComments(r)
	}
}

// packetReader reads the packets of the stream that begins an Ogg file (RFC 3533).
type packetReader struct {
	f      io.ReaderAt
	pos    int64 // of the next page
	serial uint32
	pages  int

	at     int64  // of the next byte of the body
	lacing []byte // of segments not begun
	left   int64  // of the segment at at
	last   bool   // that one ends its packet
	buf    [255]byte
}

var errNoPage = errors.New("no page")

// page reads the head of the stream's next page.
func (r *packetReader) page() error {
	for {
		var h [27]byte
		if n, _ := r.f.ReadAt(h[:], r.pos); n < len(h) || string(h[:4]) != "OggS" || r.pages == maxTagPages {
			return errNoPage
		}
		lacing := r.buf[:h[26]]
		if n, _ := r.f.ReadAt(lacing, r.pos+27); n < len(lacing) {
			return errNoPage
		}
		r.at = r.pos + 27 + int64(len(lacing))
		r.pos = r.at
		for _, n := range lacing {
			r.pos += int64(n)
		}
		serial := binary.LittleEndian.Uint32(h[14:])
		if r.pages == 0 {
			r.serial = serial
		}
		r.pages++
		if serial == r.serial {
			r.lacing = lacing
			return nil
		}
	}
}

// segment goes to the next segment of the packet; io.EOF at its end.
func (r *packetReader) segment() error {
	for r.left == 0 {
		if r.last {
			return io.EOF
		}
		for len(r.lacing) == 0 {
			if err := r.page(); err != nil {
				return err
			}
		}
		r.left, r.last = int64(r.lacing[0]), r.lacing[0] < 255
		r.lacing = r.lacing[1:]
	}
	return nil
}

// Read reads within the packet.
func (r *packetReader) Read(p []byte) (int, error) {
	if err := r.segment(); err != nil {
		return 0, err
	}
	n, err := r.f.ReadAt(p[:min(int64(len(p)), r.left)], r.at)
	if n == 0 {
		return 0, err
	}
	r.at, r.left = r.at+int64(n), r.left-int64(n)
	return n, nil
}

func (r *packetReader) skip(n int64) error {
	for n > 0 {
		if err := r.segment(); err != nil {
			return err
		}
		k := min(n, r.left)
		r.at, r.left, n = r.at+k, r.left-k, n-k
	}
	return nil
}

// nextPacket goes to the packet behind this one.
func (r *packetReader) nextPacket() error {
	for {
		err := r.segment()
		if err == io.EOF {
			r.last = false
			return nil
		}
		if err != nil {
			return err
		}
		r.at, r.left = r.at+r.left, 0
	}
}
