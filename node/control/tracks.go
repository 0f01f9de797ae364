package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"earshot/protocol"
)

const (
	// maxTrackRequests bounds the tracks being sent by HTTP at once. A player
	// holds one or two, also while it is paused; 32 is every program of a user.
	maxTrackRequests = 32

	// retryAfter is what a client is told to wait, in seconds, when a track
	// cannot be had now: a server that restarts, or a peer that comes back,
	// takes about as long.
	retryAfter = 5

	// pausedAfter is how long a client may take nothing of a track before that is let
	// go of: players that keep much in hand come back for more before, and one that
	// is paused for longer plays nothing that is to be fetched in time.
	pausedAfter = time.Minute
)

// trackFiles serves tracks as files to any HTTP client: GET and HEAD of
// /tracks/ID, with byte ranges. It reads from a Source as the client reads, and
// ends the fetching when that goes away. It reports no play.
type trackFiles struct {
	node  Node
	calls atomic.Int32

	mu    sync.Mutex
	known map[protocol.ID]protocol.Header // of what was asked for lately
}

// add routes the requests.
func (f *trackFiles) add(mux *http.ServeMux) { mux.HandleFunc("GET /tracks/{id}", f.serve) }

func (f *trackFiles) serve(w http.ResponseWriter, r *http.Request) {
	if f.calls.Add(1) > maxTrackRequests {
		f.calls.Add(-1)
		busy(w, fmt.Errorf("%d tracks are being sent at once: end some", maxTrackRequests))
		return
	}
	defer f.calls.Add(-1)
	id, err := f.resolve(r.Context(), r.PathValue("id"))
	if err != nil {
		failTrack(w, err)
		return
	}
	track := &sentTrack{open: func(from time.Duration) (Track, error) { return f.node.Open(r.Context(), id, from) }}
	if err := track.begin(f.moment(id, r.Header.Get("Range"))); err != nil {
		failTrack(w, err)
		return
	}
	defer track.close()
	f.remember(track.header)
	stop := context.AfterFunc(r.Context(), track.close) // ends a Read that is blocked
	defer stop()
	sendTrack(w, r, track)
}

// moment returns when the first byte of a range is played, so that a track that is to be
// fetched is from there on: 0 where that is not known. A player asks for the
// beginning first, and for other parts when its user seeks.
func (f *trackFiles) moment(id protocol.ID, bytes string) time.Duration {
	first, _, _ := strings.Cut(strings.TrimPrefix(bytes, "bytes="), "-")
	at, err := strconv.ParseInt(first, 10, 64)
	if err != nil || at <= 0 {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h, ok := f.known[id]
	if !ok || at >= h.Size {
		return 0
	}
	return h.TimeAt(at)
}

// remember keeps a header, in the place of any other where there are many.
func (f *trackFiles) remember(h protocol.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[protocol.ID]protocol.Header{}
	}
	for id := range f.known {
		if len(f.known) < maxTrackRequests {
			break
		}
		delete(f.known, id)
	}
	f.known[h.ID] = h
}

// resolve reads an ID, or finds the one that begins so.
func (f *trackFiles) resolve(ctx context.Context, name string) (protocol.ID, error) {
	if id, err := protocol.ParseID(name); err == nil {
		return id, nil
	}
	if !protocol.IsPrefix(name) {
		return protocol.ID{}, fmt.Errorf("%w: %q is no ID, nor the beginning of one", ErrUnknownTrack, name)
	}
	found, err := f.node.Search(ctx, protocol.Query{Kind: protocol.QueryPrefix, Text: strings.ToLower(name), Limit: 1})
	switch {
	case err != nil:
		return protocol.ID{}, err
	case len(found.Tracks) == 0:
		return protocol.ID{}, fmt.Errorf("%w: no ID begins with %s", ErrUnknownTrack, name)
	case found.Total > 1:
		return protocol.ID{}, fmt.Errorf("%w: %s begins the IDs of %d: give more digits", ErrUnknownTrack, name, found.Total)
	}
	return found.Tracks[0].ID, nil
}

// sendTrack sends what a request asks for of a track. http.ServeContent knows
// ranges and conditions (RFC 9110, sections 13 and 14).
func sendTrack(w http.ResponseWriter, r *http.Request, track *sentTrack) {
	h := &track.header
	w.Header().Set("ETag", strconv.Quote(h.ID.String()))
	w.Header().Set("Content-Type", mediaType(h.Format))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache") // the node has a better one
	if strings.Contains(r.Header.Get("Range"), ",") {
		// Several ranges at once are of no use to a player: the whole is a
		// right answer too (RFC 9110, section 14.2).
		r.Header.Del("Range")
	}
	answer := &trackAnswer{ResponseWriter: w, of: track}
	http.ServeContent(answer, r, "", time.Time{}, track)
	if !answer.begun && track.err != nil {
		for _, name := range [...]string{"ETag", "Accept-Ranges", "Content-Range", "Content-Length", "Cache-Control"} {
			w.Header().Del(name)
		}
		failTrack(w, track.err)
		return
	}
	answer.begin()
}

// trackAnswer keeps the status back until the first byte of the body, so that a
// track whose first byte cannot be had is refused in good order, and sends each
// write at once: what has come is not held back by what has not. The track is let
// go of while the client takes nothing.
type trackAnswer struct {
	http.ResponseWriter
	of     *sentTrack
	status int
	begun  bool
}

func (a *trackAnswer) WriteHeader(status int) { a.status = status }

func (a *trackAnswer) begin() {
	if !a.begun {
		a.begun = true
		a.ResponseWriter.WriteHeader(a.status)
	}
}

func (a *trackAnswer) Write(b []byte) (int, error) {
	a.begin()
	gone := make(chan struct{})
	paused := time.AfterFunc(pausedAfter, func() {
		defer close(gone)
		a.of.letGo()
	})
	n, err := a.ResponseWriter.Write(b)
	if err == nil {
		err = http.NewResponseController(a.ResponseWriter).Flush()
	}
	if !paused.Stop() {
		<-gone
	}
	return n, err
}

// mediaType is a format's media type, as players know it.
func mediaType(f protocol.Format) string {
	switch f.String() {
	case "mp3":
		return "audio/mpeg" // RFC 3003
	case "flac":
		return "audio/flac" // RFC 9639
	case "vorbis", "opus":
		return "audio/ogg" // RFC 5334
	case "wav":
		return "audio/wav"
	case "aiff":
		return "audio/aiff"
	}
	return "application/octet-stream"
}

// failTrack refuses a request. What cannot be had now is worth another try.
func failTrack(w http.ResponseWriter, err error) {
	for _, passing := range [...]error{ErrUnavailable, ErrServerAway, ErrNoOwner, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, passing) {
			busy(w, err)
			return
		}
	}
	fail(w, err)
}

func busy(w http.ResponseWriter, err error) {
	_, e := toWire(err)
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	writeJSON(w, http.StatusServiceUnavailable, e)
}
