package library

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
)

const (
	// maxComments bounds the comments of one file that are looked at.
	maxComments = 1024
	// maxBlocks bounds the metadata blocks of a FLAC file, and the chunks of a RIFF or
	// AIFF file, that are looked at.
	maxBlocks = 1000
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
	// fork returns a reader of its own of what follows.
	fork() io.Reader
}

// pictureKey is of the comment that holds a FLAC picture block in base64
// (wiki.xiph.org/VorbisComment, "Cover art").
const pictureKey = "METADATA_BLOCK_PICTURE"

// readComments reads Vorbis comments, and says where the front's picture is, or the first. The rest of
// long ones, as pictures are, is skipped.
func (t *texts) readComments(r skipper) (picture cover) {
	length := func() (int64, error) {
		var b [4]byte
		_, err := io.ReadFull(r, b[:])
		return int64(binary.LittleEndian.Uint32(b[:])), err
	}
	vendor, err := length()
	if err != nil || r.skip(vendor) != nil {
		return picture
	}
	count, err := length()
	if err != nil {
		return picture
	}
	for range min(count, maxComments) {
		n, err := length()
		if err != nil {
			return picture
		}
		b := make([]byte, min(n, maxTextFrame))
		if _, err := io.ReadFull(r, b); err != nil {
			return picture
		}
		rest := n - int64(len(b))
		if key, value, ok := strings.Cut(byteText(b), "="); ok && !strings.EqualFold(key, pictureKey) {
			t.comment(key, value)
		} else if ok && !picture.front {
			value := b[len(pictureKey)+1:]
			block := io.MultiReader(bytes.NewReader(value), io.LimitReader(r.fork(), rest))
			picture.orElse(pictureBlock(base64.NewDecoder(base64.RawStdEncoding, unpadded{block}), (int64(len(value))+rest)*3/4))
		}
		if r.skip(rest) != nil {
			return picture
		}
	}
	return picture
}

// unpadded is base64 without the signs at its end, which some write and some do not.
type unpadded struct{ io.Reader }

func (u unpadded) Read(p []byte) (int, error) {
	for {
		n, err := u.Reader.Read(p)
		kept := bytes.ReplaceAll(p[:n], []byte{byte(base64.StdPadding)}, nil)
		if copy(p, kept); len(kept) > 0 || err != nil || len(p) == 0 {
			return len(kept), err
		}
	}
}

// section is a skipper of a part of a file.
type section struct{ *io.SectionReader }

func (s section) skip(n int64) error {
	_, err := s.Seek(n, io.SeekCurrent)
	return err
}

func (s section) fork() io.Reader {
	at, _ := s.Seek(0, io.SeekCurrent)
	return io.NewSectionReader(s.SectionReader, at, max(0, s.Size()-at))
}

// The metadata blocks of FLAC that are of use here (RFC 9639, 8.1), and the flag of the
// last block.
const (
	flacComments  = 4
	flacPicture   = 6
	flacLastBlock = 0x80
)

// readFLAC reads the comments of a FLAC file whose marker stands at start, and says
// where its picture is.
func (t *texts) readFLAC(f io.ReaderAt, start, size int64) (picture cover) {
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
		block := io.NewSectionReader(f, pos, n)
		switch b[0] &^ flacLastBlock {
		case flacComments:
			picture.orElse(t.readComments(section{block}))
		case flacPicture:
			picture.orElse(pictureBlock(block, n))
		}
		if pos += n; b[0]&flacLastBlock != 0 {
			break
		}
	}
	return picture
}
