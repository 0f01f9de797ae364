package library

import (
	"encoding/binary"
	"io"
	"strings"
)

// maxCover is the largest picture that ReadPicture reads, in bytes. Scans of booklets
// are larger, and nothing to show beside a track.
const maxCover = 8 << 20

// ReadPicture returns the picture in a file's tags, a JPEG or PNG file by what its tag
// says; nil where there is none, or one above 8 MiB. It looks for an ID3v2 tag, and for
// the picture of FLAC, Ogg Vorbis, Ogg Opus, WAV and AIFF. Beside the picture it reads
// some KiB, and it fails where f does.
func ReadPicture(f io.ReaderAt, size int64) ([]byte, error) {
	watched := &failing{ReaderAt: f}
	var ignored texts
	c := ignored.readID3v2(watched, size)
	if c.size == 0 && watched.err == nil {
		c = ignored.readOwn(watched, size)
	}
	if c.size == 0 {
		return nil, watched.err
	}
	if c.size > maxCover {
		return nil, nil
	}
	picture := make([]byte, c.size)
	watched.err = nil // what is behind a picture does not matter
	if _, err := io.ReadFull(c.r, picture); err != nil {
		return nil, watched.err // else the file is cut, or the tag lies
	}
	return picture, nil
}

// cover is a picture in a file, if it has a size. It is not read before it is wanted: it
// may have 50 MB.
type cover struct {
	r     io.Reader // at its first byte
	size  int64
	front bool
}

// frontCover is the type of picture that is shown where there are several: in ID3v2 and
// FLAC the same (ID3v2.4, frames, 4.14).
const frontCover = 3

// orElse takes another picture where there is none, or where that is of the front.
func (c *cover) orElse(other cover) {
	if other.size > 0 && (c.size == 0 || !c.front && other.front && other.size <= maxCover) {
		*c = other
	}
}

// pictureBlock reads a FLAC picture block of n bytes as far as its picture (RFC 9639,
// 8.8): its type, its media type, a description, and five numbers, the last of them
// the picture's size.
func pictureBlock(r io.Reader, n int64) cover {
	var b [4]byte
	number := func() int64 {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return -1
		}
		return int64(binary.BigEndian.Uint32(b[:]))
	}
	kind := number()
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
	if description < 0 || description > maxTextFrame {
		return cover{}
	}
	if _, err := io.CopyN(io.Discard, r, description+16); err != nil {
		return cover{}
	}
	size := number()
	if before := 8*4 + length + description; size <= 0 || size > n-before || !isShown(string(mime)) {
		return cover{}
	}
	return cover{r, size, kind == frontCover}
}

// isShown tells of a media type whether a player is likely to show it: links are not.
func isShown(mime string) bool {
	switch strings.ToLower(mime) {
	case "image/jpg", "image/jpeg", "image/png":
		return true
	}
	return false
}

// failing remembers that reading failed, for parsers that take it for the end.
type failing struct {
	io.ReaderAt
	err error
}

func (f *failing) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(b, at)
	if err != nil && err != io.EOF && f.err == nil {
		f.err = err
	}
	return n, err
}
