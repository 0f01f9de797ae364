package control

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"earshot/protocol"
)

// sentTrack is a track that is read for a client. Between two reads it may be let go
// of: the next one opens it again, where the client is by then.
type sentTrack struct {
	open   func(from time.Duration) (Track, error)
	header protocol.Header

	// The reader's own.
	pos int64 // of the next Read
	at  int64 // where the open track is
	err error // why reading failed: http.ServeContent tells nobody

	mu    sync.Mutex
	track Track // nil while it is not open
	ended bool
}

// begin opens the track, to be read from a time on.
func (s *sentTrack) begin(from time.Duration) error {
	t, err := s.open(from)
	if err != nil {
		return err
	}
	s.header, s.at = t.Header(), 0
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		t.Close()
		return context.Canceled
	}
	s.track = t
	return nil
}

// Read reads what is there. A body that is cut short by an error is shorter than its
// Content-Length, by which clients know.
func (s *sentTrack) Read(b []byte) (int, error) {
	n, err := s.read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func (s *sentTrack) read(b []byte) (int, error) {
	s.mu.Lock()
	t := s.track
	s.mu.Unlock()
	if t == nil {
		if err := s.begin(s.header.TimeAt(min(s.pos, s.header.Size))); err != nil {
			return 0, err
		}
		return s.read(b)
	}
	if s.at != s.pos {
		if _, err := t.Seek(s.pos, io.SeekStart); err != nil {
			return 0, err
		}
		s.at = s.pos
	}
	n, err := t.Read(b)
	s.at += int64(n)
	s.pos = s.at
	return n, err
}

// Seek sets the place of the next Read.
func (s *sentTrack) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.pos
	case io.SeekEnd:
		offset += s.header.Size
	}
	if offset < 0 {
		return 0, errors.New("seeking before the beginning of a track")
	}
	s.pos = offset
	return offset, nil
}

// letGo closes the track until it is read again.
func (s *sentTrack) letGo() {
	s.mu.Lock()
	t := s.track
	s.track = nil
	s.mu.Unlock()
	if t != nil {
		t.Close()
	}
}

// close closes it for good.
func (s *sentTrack) close() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.letGo()
}
