package audio

import (
	"fmt"
	"io"
)

const (
	// readAhead is how much more than what is needed at once is read, in bytes,
	// where the source has it: about the next frame.
	readAhead = maxFrameSize

	// seekGap is a gap, in bytes, that is worth a Seek: a tag with a cover.
	seekGap = 64 << 10

	maxEmptyReads = 100 // as bufio allows
)

// stream is the window on a source that may have to wait for its bytes.
type stream struct {
	src   io.ReadSeeker
	pos   int64 // of buf
	buf   []byte
	empty int   // reads in a row that gave nothing
	end   int64 // where it ended; 0: it has not yet
}

// lacks reports whether the source has ended before a file of so many bytes does.
func (s *stream) lacks(size int64) bool { return s.end > 0 && s.end < size }

// seek goes to pos.
func (s *stream) seek(pos int64) error {
	s.buf = s.buf[:0]
	if _, err := s.src.Seek(pos, io.SeekStart); err != nil {
		return err
	}
	s.pos = pos
	return nil
}

// view keeps what it has read when it fails, so that it can be tried again.
func (s *stream) view(pos int64, n int) ([]byte, error) {
	if err := s.skipTo(pos); err != nil {
		if err == io.EOF {
			err = nil
		}
		return nil, err
	}
	for len(s.buf) < n {
		if err := s.read(n - len(s.buf)); err == io.EOF {
			s.end = s.pos + int64(len(s.buf))
			break
		} else if err != nil {
			return nil, err
		}
	}
	return s.buf[:min(n, len(s.buf))], nil
}

// skipTo drops what is before pos.
func (s *stream) skipTo(pos int64) error {
	for {
		gap := pos - s.pos
		if gap == 0 {
			return nil
		}
		if gap < 0 || gap-int64(len(s.buf)) > seekGap {
			return s.seek(pos)
		}
		n := copy(s.buf, s.buf[min(gap, int64(len(s.buf))):])
		s.pos += int64(len(s.buf) - n)
		s.buf = s.buf[:n]
		if s.pos == pos {
			continue
		}
		if err := s.read(1); err != nil {
			return err
		}
	}
}

// read reads once: n bytes more, and ahead what comes with them.
func (s *stream) read(n int) error {
	old := len(s.buf)
	if want := old + n + readAhead; cap(s.buf) < want {
		s.buf = append(make([]byte, 0, max(want, 2*cap(s.buf))), s.buf...)
	}
	m, err := s.src.Read(s.buf[old : old+n+readAhead])
	if m < 0 || m > n+readAhead {
		return fmt.Errorf("the source says it read %d of %d bytes", m, n+readAhead)
	}
	s.buf = s.buf[:old+m]
	if m > 0 {
		s.empty = 0
		return nil // an error comes again
	}
	if s.empty++; err == nil && s.empty > maxEmptyReads {
		return io.ErrNoProgress
	}
	return err
}
