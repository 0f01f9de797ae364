package control

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

const (
	// maxOpens bounds the tracks open through the socket at once. A player
	// holds two, around a join; 64 is far more players than one user runs.
	maxOpens = 64

	// maxEmptyReads is how often a Read may return nothing and no error before
	// it is taken to be broken, as in package bufio.
	maxEmptyReads = 100
)

// heldTrack is a track that a client reads. Whoever takes it out of server.opens
// closes the track.
type heldTrack struct {
	track  Track
	size   int64
	closed chan struct{} // closed after the track was

	// turn holds a token while a request reads, so that requests for one open
	// take turns, and one that waits for its turn can give up.
	turn chan struct{}
	pos  int64  // the track's reading position; of turn's holder
	buf  []byte // of turn's holder
}

// open answers with the handle and the header, and keeps the track open until
// the client closes it or goes away.
func (s *server) open(w http.ResponseWriter, r *http.Request) {
	var in wireOpen
	if err := readBody(w, r, maxRequest, &in); err != nil {
		fail(w, err)
		return
	}
	var track Track
	var err error
	if in.Cached {
		track, err = s.node.OpenCached(r.Context(), in.ID)
	} else {
		track, err = s.node.Open(r.Context(), in.ID, in.From)
	}
	if err != nil {
		fail(w, err)
		return
	}
	h := track.Header()
	o := &heldTrack{track: track, size: h.Size, closed: make(chan struct{}), turn: make(chan struct{}, 1)}
	handle := rand.Text() // so that none fits the owner that comes after us
	if err := s.add(handle, o); err != nil {
		track.Close()
		fail(w, err)
		return
	}
	defer s.end(handle)
	w.Header().Set("Content-Type", "application/jsonl")
	if json.NewEncoder(w).Encode(wireOpened{handle, newWireHeader(h)}) != nil {
		return
	}
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	select {
	case <-r.Context().Done(): // the client or the node goes away
	case <-o.closed:
	}
}

func (s *server) add(handle string, o *heldTrack) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("the node is stopping: %w", ErrNoOwner)
	}
	if len(s.opens) >= maxOpens {
		return fmt.Errorf("%d tracks are being played at once: end some", maxOpens)
	}
	s.opens[handle] = o
	return nil
}

func (s *server) lookup(handle string) (*heldTrack, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.opens[handle]; o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("this track is not open here: %w", fs.ErrClosed)
}

// end closes an open track, which ends a Read that is blocked in it. It
// returns nil where another call has begun to.
func (s *server) end(handle string) *heldTrack {
	s.mu.Lock()
	o := s.opens[handle]
	delete(s.opens, handle)
	s.mu.Unlock()
	if o == nil {
		return nil
	}
	if err := o.track.Close(); err != nil {
		s.log.Debug("closing a track for a client", "err", err)
	}
	close(o.closed)
	return o
}

// closeOpens ends them all, for good.
func (s *server) closeOpens() {
	s.mu.Lock()
	s.closed = true
	handles := make([]string, 0, len(s.opens))
	for h := range s.opens {
		handles = append(handles, h)
	}
	s.mu.Unlock()
	for _, h := range handles {
		s.end(h)
	}
}

// closeOpen closes a track in good order and tells its final shares.
func (s *server) closeOpen(w http.ResponseWriter, r *http.Request) {
	o := s.end(r.PathValue("handle"))
	if o == nil {
		fail(w, fmt.Errorf("this track is not open here: %w", fs.ErrClosed))
		return
	}
	writeJSON(w, http.StatusOK, o.track.Shares())
}

// bytes answers with what is there of a range.
func (s *server) bytes(w http.ResponseWriter, r *http.Request) {
	o, err := s.lookup(r.PathValue("handle"))
	if err != nil {
		fail(w, err)
		return
	}
	start, n, err := parseRange(r.Header.Get("Range"), o.size)
	if err != nil {
		fail(w, err)
		return
	}
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-r.Context().Done():
		return
	}
	b, err := o.read(start, n)
	if err != nil {
		fail(w, err)
		return
	}
	shares, _ := json.Marshal(o.track.Shares()) // three numbers: cannot fail
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, start+int64(len(b))-1, o.size))
	h.Set(sharesHeader, string(shares))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(b)
}

// read returns 1 to n bytes from start, as soon as there are any. The caller
// holds the turn.
func (o *heldTrack) read(start int64, n int) ([]byte, error) {
	if o.buf == nil {
		o.buf = make([]byte, maxRange)
	}
	if o.pos != start {
		if _, err := o.track.Seek(start, io.SeekStart); err != nil {
			o.pos = -1 // anywhere
			return nil, err
		}
		o.pos = start
	}
	for range maxEmptyReads {
		got, err := o.track.Read(o.buf[:n])
		if got > 0 {
			o.pos += int64(got)
			return o.buf[:got], nil
		}
		if errors.Is(err, io.EOF) {
			return nil, io.ErrUnexpectedEOF // start is below the size
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, io.ErrNoProgress
}

// parseRange reads a Range header of one range with a beginning, RFC 9110
// section 14.1.2, and returns where it starts and how much of it to answer.
func parseRange(s string, size int64) (start int64, n int, err error) {
	bad := func() (int64, int, error) {
		return 0, 0, fmt.Errorf("%w: want a range as in \"bytes=0-16383\" within %d bytes", errBadRequest, size)
	}
	spec, ok := strings.CutPrefix(s, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return bad()
	}
	from, err := strconv.ParseUint(first, 10, 63)
	if err != nil || int64(from) >= size {
		return bad()
	}
	end := size
	if last != "" {
		to, err := strconv.ParseUint(last, 10, 63)
		if err != nil || to < from {
			return bad()
		}
		end = min(end-1, int64(to)) + 1
	}
	return int64(from), int(min(maxRange, end-int64(from))), nil
}
