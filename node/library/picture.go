package library

import "io"

// FindPicture says where the picture in a track's leading tag is, ID3v2 or FLAC,
// and how large; a size of 0 where there is none. It reads some KiB, and fails
// where f does.
func FindPicture(f io.ReaderAt, size int64) (offset, length int64, err error) {
	watched := &failing{ReaderAt: f}
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil {
		return 0, 0, err
	}
	var ignored texts
	var c cover
	switch {
	case string(magic[:3]) == "ID3":
		c = ignored.readID3v2(watched, size)
	case string(magic[:]) == "fLaC":
		c = ignored.readFLAC(watched, 0, size)
	}
	if watched.err != nil && c.size == 0 { // what is behind a picture does not matter
		return 0, 0, watched.err
	}
	if c.offset < 0 || c.size <= 0 || c.size > maxCover || c.offset+c.size > size {
		return 0, 0, nil
	}
	return c.offset, c.size, nil
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
