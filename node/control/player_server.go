package control

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// maxCommand bounds a command's body: MaxQueued IDs of 67 bytes each, as JSON.
const maxCommand = 1 << 20

// ServePlayer answers on l, which ListenPlayer made, with what a player does. It
// returns when ctx ends, with nil, or when l fails; by then l is closed and every
// call has returned. A nil log discards.
func ServePlayer(ctx context.Context, l net.Listener, p Player, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /v1/player", call(func(ctx context.Context, _ struct{}) (wirePlayerState, error) {
		s, err := p.PlayerState(ctx)
		return newWirePlayerState(s), err
	}))
	mux.Handle("POST /v1/player/command", callOf(maxCommand, func(ctx context.Context, c Command) (any, error) {
		return nil, p.Command(ctx, c)
	}))
	mux.HandleFunc("GET /v1/player/queue", func(w http.ResponseWriter, r *http.Request) { sendQueue(w, r, p) })
	mux.HandleFunc("GET /v1/player/follow", func(w http.ResponseWriter, r *http.Request) { sendStates(w, r, p) })
	if err := serveHTTP(ctx, l, mux, func() {}, log); err != nil {
		return fmt.Errorf("serving the player's socket: %w", err)
	}
	return nil
}

// sendQueue answers with a JSON line that tells of the queue, and one for each
// track.
func sendQueue(w http.ResponseWriter, r *http.Request, p Player) {
	q, err := p.Queue(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	err = enc.Encode(wireQueue{q.Edit, q.Index})
	for _, t := range q.Tracks {
		if err != nil {
			return // the client has gone
		}
		err = enc.Encode(newWireTrack(t))
	}
}

// sendStates answers with a JSON line for each state, until either side ends. A
// client that does not read holds up nobody but itself.
func sendStates(w http.ResponseWriter, r *http.Request, p Player) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w.Header().Set("Content-Type", "application/jsonl")
	enc, flush := json.NewEncoder(w), http.NewResponseController(w)
	_ = p.Follow(ctx, func(s PlayerState) { // the end of the answer says the rest
		if enc.Encode(newWirePlayerState(s)) != nil || flush.Flush() != nil {
			cancel()
		}
	})
}

// wirePlayerState is a PlayerState with the tracks' durations.
type wirePlayerState struct {
	PlayerState
	Track *wireTrack `json:"track"`
	Next  *wireTrack `json:"next"`
}

func newWirePlayerState(s PlayerState) wirePlayerState {
	w := wirePlayerState{PlayerState: s}
	if s.Track != nil {
		t := newWireTrack(*s.Track)
		w.Track = &t
	}
	if s.Next != nil {
		t := newWireTrack(*s.Next)
		w.Next = &t
	}
	return w
}

func (w wirePlayerState) state() PlayerState {
	s := w.PlayerState
	if w.Track != nil {
		t := w.Track.track()
		s.Track = &t
	}
	if w.Next != nil {
		t := w.Next.track()
		s.Next = &t
	}
	return s
}

// wireQueue is the first line of a queue; its tracks follow.
type wireQueue struct {
	Edit  int64 `json:"revision"`
	Index int   `json:"index"`
}
