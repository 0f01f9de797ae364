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
	free   int         // the length of frames of free format without padding, in bytes; 0: not known
	tries  int         // headers of free format looked into
}

// frame is where a frame is. It holds only bytes below the walker's end.
type frame struct {
	pos    int64
	size   int // bytes
	header frameHeader
}

// size is the length of a frame in bytes, 0 where it is not known.
func (k *walker) size(h frameHeader) int {
	if n := h.size(); n > 0 || k.free == 0 {
		return n
	}
	return k.free + h.padding()*h.slot()
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
		if h := readHeader(b); k.synced && h.valid() && h&streamMask == k.stream && k.size(h) > 0 {
			f := frame{k.pos, k.size(h), h}
			if k.pos+int64(f.size) > k.end {
				return frame{}, io.EOF // cut off
			}
			k.pos += int64(f.size)
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
	if k.stream != 0 && h&streamMask != k.stream {
		return false, changed(k.stream, h)
	}
	k.stream, k.synced = h&streamMask, true
	return true, nil
}

// followed reports whether the frame at pos is followed by n more of the same
// stream, or by the end.
func (k *walker) followed(h frameHeader, n int) (bool, error) {
	if k.size(h) == 0 {
		return k.freeFormat(h)
	}
	step := int64(k.size(h))
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
		if !next.valid() || next&streamMask != h&streamMask || k.size(next) == 0 {
			return false, nil
		}
		pos += int64(k.size(next))
	}
	return true, nil
}

// freeFormat reports whether a stream of free format begins at pos, and learns the
// length of its frames: the same header comes twice again, at one distance.
func (k *walker) freeFormat(h frameHeader) (bool, error) {
	if k.stream != 0 || k.tries == maxFreeTries {
		return false, nil
	}
	k.tries++
	b, err := k.win.view(k.pos, 2*(maxFreeFrame+4)+headerSize)
	if err != nil {
		return false, err
	}
	const same = streamMask | 0xf000
	at := func(i int) int { // 1 and more where the header is there, with its padding
		if i+headerSize > len(b) || (readHeader(b[i:])^h)&same != 0 {
			return 0
		}
		return 1 + readHeader(b[i:]).padding()*h.slot()
	}
	for i := headerSize; i <= maxFreeFrame; i++ {
		second := at(i)
		length := i - h.padding()*h.slot()
		if second == 0 || length < headerSize {
			continue
		}
		if at(i+length+second-1) > 0 {
			k.free = length
			return true, nil
		}
	}
	return false, nil
}

// changed says in words that frames of one kind are followed by others.
func changed(from, to frameHeader) error {
	if from.sampleRate() != to.sampleRate() {
		return &UnsupportedError{fmt.Sprintf("the sample rate changes from %d to %d Hz", from.sampleRate(), to.sampleRate())}
	}
	return &UnsupportedError{fmt.Sprintf("%s is followed by %s", from, to)}
}
