package audio

import (
	"bytes"
	"fmt"
	"io"
)

// window gives views of the bytes of a file.
type window interface {
	// view returns n bytes from pos on, or fewer at the end of the file. The
	// view holds until the next one. pos never falls.
	view(pos int64, n int) ([]byte, error)
}

const (
	// syncReach is how far behind the tags the first frame is looked for, in
	// bytes: beyond the padding that broken tags leave behind, and yet found
	// missing in a millisecond where a file is no MP3 at all.
	syncReach = 1 << 20

	// searchSize is how much is searched for a header at a time, in bytes. A
	// stream is not read further ahead than that while it is searched.
	searchSize = 2048

	// maxFreeTries bounds how many headers of free format are looked into, each of
	// which costs microseconds. A stream of that format shows at the first.
	maxFreeTries = 100
)

// walker walks the frames of an MPEG stream.
type walker struct {
	win    window
	pos    int64       // where the next frame begins, once synced
	end    int64       // of what can be audio
	stream frameHeader // what its frames have in common; 0: not known yet
	synced bool        // pos is known to begin a frame, unless the stream is broken
	free   int         // headers of free format looked into
}

// frame is where a frame is. It holds only bytes below the walker's end.
type frame struct {
	pos    int64
	header frameHeader
}

// next returns the next frame, whose bytes need not have been read. It returns
// io.EOF behind the last complete one, and an *UnsupportedError where the stream
// turns into another one.
func (k *walker) next() (frame, error) {
	for {
		b, err := k.win.view(k.pos, headerSize)
		if err != nil {
			return frame{}, err
		}
		if len(b) < headerSize || k.pos+headerSize > k.end {
			return frame{}, io.EOF
		}
		if h := readHeader(b); k.synced && h.decodable() && h&streamMask == k.stream {
			f := frame{k.pos, h}
			if k.pos+int64(h.size()) > k.end {
				return frame{}, io.EOF // cut off
			}
			k.pos += int64(h.size())
			return f, nil
		}
		k.synced = false
		n, err := k.id3()
		if err != nil {
			return frame{}, err
		}
		if k.pos += n; n > 0 {
			continue
		}
		if err := k.sync(); err != nil {
			return frame{}, err
		}
	}
}

// id3 returns the length of the ID3v2 tag at pos, 0 if there is none.
func (k *walker) id3() (int64, error) {
	b, err := k.win.view(k.pos, id3HeaderSize)
	return id3Size(b), err
}

// sync goes to the next place that begins a frame, or to the end.
func (k *walker) sync() error {
	end := k.end
	if k.stream == 0 {
		end = min(end, k.pos+syncReach)
	}
	for k.pos+headerSize <= end {
		b, err := k.win.view(k.pos, searchSize)
		if err != nil {
			return err
		}
		if len(b) < headerSize {
			break
		}
		i := candidate(b)
		k.pos += int64(i)
		if i > len(b)-headerSize || k.pos+headerSize > end {
			continue
		}
		found, err := k.try(readHeader(b[i:]))
		if found || err != nil {
			return err
		}
		// A tag in the middle may hold anything: over it in one step.
		n, err := k.id3()
		if err != nil {
			return err
		}
		k.pos += max(n, 1)
	}
	k.pos = k.end
	return nil
}

// candidate returns the index of the first byte of b that may begin a header or
// a tag; if there is none, of where to go on.
func candidate(b []byte) int {
	end := len(b) - headerSize + 1
	if tag := bytes.Index(b, []byte(id3Magic)); tag >= 0 {
		end = min(end, tag)
	}
	for i := 0; i < end; i++ {
		n := bytes.IndexByte(b[i:end], 0xff)
		if n < 0 {
			break
		}
		if i += n; readHeader(b[i:]).valid() {
			return i
		}
	}
	return end
}

// try reports whether h, at pos, begins a frame, as the headers behind it tell.
// A stream that begins here is asked for two of them, and so is one that
// differs from what was there before; one that goes on, for one.
func (k *walker) try(h frameHeader) (bool, error) {
	if !h.valid() {
		return false, nil
	}
	followers := 2
	if h&streamMask == k.stream {
		followers = 1
	}
	ok, err := k.followed(h, followers)
	if err != nil || !ok {
		return false, err
	}
	if err := refuse(h); err != nil {
		return false, err
	}
	if k.stream != 0 && h&streamMask != k.stream {
		return false, &UnsupportedError{fmt.Sprintf("the sample rate changes from %d to %d Hz", k.stream.sampleRate(), h.sampleRate())}
	}
	k.stream, k.synced = h&streamMask, true
	return true, nil
}

// followed reports whether the frame at pos is followed by n more of the same
// stream, or by the end.
func (k *walker) followed(h frameHeader, n int) (bool, error) {
	step := int64(h.size())
	if step == 0 {
		return k.freeFormat(h)
	}
	pos := k.pos + step
	if pos > k.end {
		return false, nil
	}
	for range n {
		if pos+headerSize > k.end {
			return true, nil
		}
		b, err := k.win.view(k.pos, int(pos-k.pos)+headerSize)
		if err != nil {
			return false, err
		}
		if len(b) < int(pos-k.pos)+headerSize {
			return true, nil
		}
		next := readHeader(b[pos-k.pos:])
		if !next.valid() || next&streamMask != h&streamMask || next.size() == 0 {
			return false, nil
		}
		pos += int64(next.size())
	}
	return true, nil
}

// freeFormat reports whether a stream of free format begins at pos: the same
// header comes twice again, at one distance.
func (k *walker) freeFormat(h frameHeader) (bool, error) {
	if k.stream != 0 || k.free == maxFreeTries {
		return false, nil
	}
	k.free++
	b, err := k.win.view(k.pos, 2*(maxFreeFrame+1)+headerSize)
	if err != nil {
		return false, err
	}
	const same = streamMask | 0xf000
	at := func(i int) bool {
		return i+headerSize <= len(b) && (readHeader(b[i:])^h)&same == 0
	}
	for i := headerSize; i <= maxFreeFrame; i++ {
		if at(i) && (at(2*i-1) || at(2*i) || at(2*i+1)) {
			return true, nil
		}
	}
	return false, nil
}

// refuse returns why frames with the header h cannot be played, nil if they can.
func refuse(h frameHeader) error {
	switch {
	case h.layer() == 3:
		return &UnsupportedError{"MPEG layer I, not layer III"}
	case h.layer() == 2:
		return &UnsupportedError{"MPEG layer II, not layer III"}
	case h.version() == 2:
		return &UnsupportedError{fmt.Sprintf("MPEG-2 layer III (%d Hz); only MPEG-1 (32, 44.1 and 48 kHz) can be played", h.sampleRate())}
	case h.version() == 0:
		return &UnsupportedError{fmt.Sprintf("MPEG-2.5 layer III (%d Hz); only MPEG-1 (32, 44.1 and 48 kHz) can be played", h.sampleRate())}
	case h.bitrateIndex() == 0:
		return &UnsupportedError{"free format (frames that do not tell their bitrate)"}
	}
	return nil
}
