package library

import (
	"encoding/binary"
	"errors"
	"io"
)

// maxTagPages bounds the pages of an Ogg file that are looked at for comments, of
// 64 KB at the most: beyond any cover.
const maxTagPages = 2000

// readOgg reads the comments of the first stream of an Ogg file that has any that are
// known here, and says where its picture is. They stand in the second packet of Vorbis and
// Opus, and in packets of a metadata block each of FLAC (RFC 9639, 10.1).
func (t *texts) readOgg(f io.ReaderAt, start int64) (picture cover) {
	r := &packetReader{f: f, pos: start}
	var head [8]byte
	if _, err := io.ReadFull(r, head[:7]); err != nil {
		return picture
	}
	magic := "\x03vorbis"
	switch {
	case string(head[:7]) == "\x01vorbis":
	case string(head[:7]) == "OpusHea":
		magic = "OpusTags"
	case string(head[:5]) == "\x7fFLAC":
		return t.readOggFLAC(r)
	default:
		return picture
	}
	if r.nextPacket() != nil {
		return picture
	}
	if _, err := io.ReadFull(r, head[:len(magic)]); err == nil && string(head[:len(magic)]) == magic {
		picture = t.readComments(r)
	}
	return picture
}

// readOggFLAC reads the metadata blocks behind the packet that r is in.
func (t *texts) readOggFLAC(r *packetReader) (picture cover) {
	for range maxBlocks {
		var b [4]byte
		if r.nextPacket() != nil {
			break
		}
		if _, err := io.ReadFull(r, b[:]); err != nil {
			break
		}
		switch n := int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3]); b[0] &^ flacLastBlock {
		case flacComments:
			picture.orElse(t.readComments(r))
		case flacPicture:
			picture.orElse(pictureBlock(r.fork(), n))
		}
		if b[0]&flacLastBlock != 0 {
			break
		}
	}
	return picture
}

// packetReader reads the packets of the stream that begins an Ogg file (RFC 3533).
type packetReader struct {
	f      io.ReaderAt
	pos    int64 // of the next page
	serial uint32
	pages  int

	at       int64 // of the next byte of the body
	left     int64 // of the packet on this page
	last     bool  // it ends here
	lacing   [255]byte
	segments int // of the page
	begun    int // of those
}

var errNoPage = errors.New("no page")

// page reads the head of the stream's next page.
func (r *packetReader) page() error {
	for {
		var h [27]byte
		if n, _ := r.f.ReadAt(h[:], r.pos); n < len(h) || string(h[:4]) != "OggS" || r.pages == maxTagPages {
			return errNoPage
		}
		lacing := r.lacing[:h[26]]
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
			r.segments, r.begun = len(lacing), 0
			return nil
		}
	}
}

// part goes to the next part of the packet, on this page or a later one; io.EOF at its
// end.
func (r *packetReader) part() error {
	for r.left == 0 {
		if r.last {
			return io.EOF
		}
		for r.begun == r.segments {
			if err := r.page(); err != nil {
				return err
			}
		}
		for r.begun < r.segments && !r.last {
			n := r.lacing[r.begun]
			r.begun++
			r.left += int64(n)
			r.last = n < 255
		}
	}
	return nil
}

// Read reads within the packet.
func (r *packetReader) Read(p []byte) (int, error) {
	if err := r.part(); err != nil {
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
		if err := r.part(); err != nil {
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
		err := r.part()
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

func (r *packetReader) fork() io.Reader {
	c := *r
	return &c
}
