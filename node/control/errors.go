package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
)

// The errors that a Node answers with. They survive the socket: the client
// returns the same value. Wrap them with what was being done.
var (
	// ErrUnknownTrack: no one has heard of the track.
	ErrUnknownTrack = errors.New("no such track")
	// ErrUnavailable: the track is known, but nothing that can be reached holds it.
	ErrUnavailable = errors.New("nothing that can be reached holds this track")
	// ErrNotServer: only a server can do this.
	ErrNotServer = errors.New("this node is not a server")
	// ErrNotMember: the data folder has not joined a swarm.
	ErrNotMember = errors.New("not a member of a swarm: get a join link from `earshot invite` on the server, then run `earshot join LINK`")
	// ErrNoCache: a server plays from its library and has no cache.
	ErrNoCache = errors.New("a server has no cache")
	// ErrServerAway: the server cannot be reached.
	ErrServerAway = errors.New("the server cannot be reached")
	// ErrBadLimit: a cache limit below the floor.
	ErrBadLimit = errors.New("the cache limit is too small: 50 MB at the least")
	// ErrNoRoom: the cache's limit, or the disk, does not allow what is to be kept.
	ErrNoRoom = errors.New("the cache has no room for it: make some with `earshot cache limit`")
	// ErrBadCommand: a player was asked for what makes no sense.
	ErrBadCommand = errors.New("the player cannot do that")
	// ErrNoPlayer: nothing plays on this data folder.
	ErrNoPlayer = errors.New("nothing plays: start `earshot play`")
	// ErrNoOwner: no node owns the data folder, or it went away. Only Dial and
	// a Client return it.
	ErrNoOwner = errors.New("no node runs on this data folder")
)

// codes are the names of errors on the socket. They are a contract: never
// rename or reuse one. The order decides which one an error that matches
// several is known by.
var codes = [...]struct {
	name   string
	status int
	err    error
}{
	{"unknown_track", http.StatusNotFound, ErrUnknownTrack},
	{"unavailable", http.StatusServiceUnavailable, ErrUnavailable},
	{"not_server", http.StatusConflict, ErrNotServer},
	{"not_member", http.StatusConflict, ErrNotMember},
	{"no_cache", http.StatusConflict, ErrNoCache},
	{"server_away", http.StatusBadGateway, ErrServerAway},
	{"bad_limit", http.StatusBadRequest, ErrBadLimit},
	{"no_room", http.StatusInsufficientStorage, ErrNoRoom},
	{"bad_command", http.StatusBadRequest, ErrBadCommand},
	{"no_player", http.StatusNotFound, ErrNoPlayer},
	{"closed", http.StatusGone, fs.ErrClosed},
	{"stopping", http.StatusServiceUnavailable, ErrNoOwner},
	{"too_late", http.StatusGatewayTimeout, context.DeadlineExceeded},
	{"bad_request", http.StatusBadRequest, errBadRequest},
}

// errBadRequest is what a request that makes no sense gets.
var errBadRequest = errors.New("bad request")

// wireError is an error as it crosses the socket.
type wireError struct {
	Code    string `json:"code"` // one of codes; another for errors that have no name
	Message string `json:"message"`
}

// toWire names an error. A call that ended because the node ends is one that
// found no owner, whatever it was doing.
func toWire(err error) (status int, w wireError) {
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("the node is stopping: %w", ErrNoOwner)
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.status, wireError{c.name, err.Error()}
		}
	}
	return http.StatusInternalServerError, wireError{"failed", err.Error()}
}

// remoteError is an error that the node returned: its own words, and the value
// in errors.go that it matches, if any.
type remoteError struct {
	message string
	kind    error
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.kind }

// fromWire makes an error again.
func fromWire(w wireError) error {
	for _, c := range codes {
		if c.name == w.Code {
			return &remoteError{w.Message, c.err}
		}
	}
	return &remoteError{w.Message, nil}
}
