package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"earshot/protocol"
)

const (
	// headerTimeout is how long a request's header may take. A local program
	// sends it in one write; what takes seconds has hung.
	headerTimeout = 5 * time.Second

	// maxHeaderBytes bounds a request's header; ours are below 300 bytes.
	maxHeaderBytes = 8 << 10

	// stopGrace is how long answers may take to leave once the node ends, for
	// clients that are slow to read: they then lose the connection.
	stopGrace = time.Second

	// progressEvery is how often the progress of a verification is told:
	// smooth to the eye, and nothing beside the reading itself.
	progressEvery = 100 * time.Millisecond
)

// Serve answers on l, which Listen made, with what node does. It returns when
// ctx ends, with nil, or when l fails. By then l is closed, every track opened
// through it is closed and every call has returned. A nil log discards.
func Serve(ctx context.Context, l net.Listener, node Node, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &server{node: node, log: log, opens: make(map[string]*heldTrack)}
	if err := serveHTTP(ctx, l, s.handler(), s.closeOpens, log); err != nil {
		return fmt.Errorf("serving the control socket: %w", err)
	}
	return nil
}

// serveHTTP answers on l until ctx ends, with nil, or l fails. Calls under way get
// a context that has ended, and closing ends what does not look at it; it returns
// when all have returned. http.Server.Close does not wait for them.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler, closing func(), log *slog.Logger) error {
	calls, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			handler.ServeHTTP(w, r)
		}),
		BaseContext:       func(net.Listener) context.Context { return calls },
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		failed <- err
	}
	cancel()
	closing()
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer done()
	if srv.Shutdown(grace) != nil {
		srv.Close()
	}
	<-failed
	running.Wait()
	return err
}

// server is a node behind HTTP handlers.
type server struct {
	node    Node
	log     *slog.Logger
	fetches atomic.Int32 // under way

	mu     sync.Mutex
	opens  map[string]*heldTrack // by handle
	closed bool                  // no more opens
}

// handler routes requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	n := s.node
	mux.Handle("GET /v1/status", call(func(ctx context.Context, _ struct{}) (wireStatus, error) {
		st, err := n.Status(ctx)
		return newWireStatus(st), err
	}))
	mux.Handle("POST /v1/stop", call(func(ctx context.Context, _ struct{}) (any, error) {
		return nil, n.Stop(ctx)
	}))
	mux.Handle("POST /v1/invite", call(func(ctx context.Context, in Invitation) (wireLink, error) {
		link, err := n.Invite(ctx, in)
		return wireLink{link}, err
	}))
	mux.Handle("POST /v1/search", call(func(ctx context.Context, q wireQuery) (wireResults, error) {
		r, err := n.Search(ctx, protocol.Query(q))
		return newWireResults(r), err
	}))
	mux.Handle("GET /v1/skipped", list(n.Skipped, func(f Skipped) any { return f }))
	mux.HandleFunc("POST /v1/opens", s.open)
	mux.HandleFunc("GET /v1/opens/{handle}/bytes", s.bytes)
	mux.HandleFunc("DELETE /v1/opens/{handle}", s.closeOpen)
	mux.Handle("POST /v1/prefetch", call(func(ctx context.Context, in wirePrefetch) (any, error) {
		return nil, n.Prefetch(ctx, in.ID, in.Depth)
	}))
	mux.HandleFunc("GET /v1/tracks/{id}/cover", s.cover)
	mux.Handle("POST /v1/reports", call(func(ctx context.Context, r Report) (any, error) {
		return nil, n.Report(ctx, r)
	}))
	mux.Handle("GET /v1/cache", call(func(ctx context.Context, _ struct{}) (CacheStats, error) {
		return n.CacheStats(ctx)
	}))
	mux.Handle("GET /v1/cache/tracks", list(n.CacheTracks, func(t CachedTrack) any {
		return wireCachedTrack{t, t.Duration}
	}))
	mux.Handle("DELETE /v1/cache/tracks/{id}", onTrack(n.Remove))
	mux.Handle("PUT /v1/cache/tracks/{id}/pin", onTrack(func(ctx context.Context, id protocol.ID) error {
		return n.Pin(ctx, id, true)
	}))
	mux.Handle("DELETE /v1/cache/tracks/{id}/pin", onTrack(func(ctx context.Context, id protocol.ID) error {
		return n.Pin(ctx, id, false)
	}))
	mux.HandleFunc("POST /v1/cache/tracks/{id}/fetch", s.fetch)
	mux.Handle("PUT /v1/cache/limit", call(func(ctx context.Context, in wireLimit) (any, error) {
		return nil, n.SetLimit(ctx, in.Bytes)
	}))
	mux.HandleFunc("POST /v1/cache/verify", s.verify)
	(&trackFiles{node: n}).add(mux)
	return mux
}

// call makes a handler of one call: JSON in, JSON out.
func call[In, Out any](f func(context.Context, In) (Out, error)) http.Handler {
	return callOf(maxRequest, f)
}

// callOf is call with requests of so many bytes at the most.
func callOf[In, Out any](limit int64, f func(context.Context, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := readBody(w, r, limit, &in); err != nil {
			fail(w, err)
			return
		}
		out, err := f(r.Context(), in)
		if err != nil {
			fail(w, err)
			return
		}
		writeJSON(w, http.StatusOK, out)
	})
}

// onTrack makes a handler of a call on the track that the path names.
func onTrack(f func(context.Context, protocol.ID) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := protocol.ParseID(r.PathValue("id"))
		if err == nil {
			err = f(r.Context(), id)
		} else {
			err = fmt.Errorf("%w: %w", errBadRequest, err)
		}
		if err != nil {
			fail(w, err)
			return
		}
		writeJSON(w, http.StatusOK, nil)
	})
}

// list makes a handler of a call that returns many: a JSON line each, so that
// a list of any length is never one text in memory.
func list[T any](f func(context.Context) ([]T, error), wire func(T) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, err := f(r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/jsonl")
		enc := json.NewEncoder(w)
		for _, x := range all {
			if enc.Encode(wire(x)) != nil {
				return // the client has gone
			}
		}
	})
}

// verify streams progress as JSON lines, the result or an error as the last.
func (s *server) verify(w http.ResponseWriter, r *http.Request) {
	var in struct{}
	if err := readBody(w, r, maxRequest, &in); err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	enc, flush := json.NewEncoder(w), http.NewResponseController(w)
	var told time.Time
	result, err := s.node.Verify(r.Context(), func(done, total int64) {
		if now := time.Now(); done == total || now.Sub(told) >= progressEvery {
			told = now
			enc.Encode(wireVerify{Done: done, Total: total})
			flush.Flush()
		}
	})
	last := wireVerify{Result: &result}
	if err != nil {
		_, e := toWire(err)
		last = wireVerify{Error: &e}
	}
	enc.Encode(last)
}

// maxFetches bounds the tracks being fetched for clients at once. `earshot sync`
// has two; more only share the same trickle.
const maxFetches = 32

// fetch streams progress as JSON lines, the result or an error as the last.
func (s *server) fetch(w http.ResponseWriter, r *http.Request) {
	id, err := protocol.ParseID(r.PathValue("id"))
	if err == nil {
		err = readBody(w, r, maxRequest, &struct{}{})
	} else {
		err = fmt.Errorf("%w: %w", errBadRequest, err)
	}
	if n := s.fetches.Add(1); err == nil && n > maxFetches {
		err = fmt.Errorf("%d tracks are being fetched at once: end some", maxFetches)
	}
	defer s.fetches.Add(-1)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	enc, flush := json.NewEncoder(w), http.NewResponseController(w)
	var told time.Time
	var last wireFetch
	err = s.node.Fetch(r.Context(), id, func(have, size int64) {
		last = wireFetch{Have: have, Size: size}
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			enc.Encode(last)
			flush.Flush()
		}
	})
	last.Complete = err == nil
	if err != nil {
		_, e := toWire(err)
		last.Error = &e
	}
	enc.Encode(last)
}

// readBody reads a request's body, all of it: net/http notices that a client
// has gone only once the body is read. An empty body leaves v as it is.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return fmt.Errorf("%w: %w", errBadRequest, err)
	}
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %w", errBadRequest, err)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // NaN, say: the node's fault
		fail(w, errors.New("the node's answer cannot be sent: "+err.Error()))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

func fail(w http.ResponseWriter, err error) {
	status, e := toWire(err)
	writeJSON(w, status, e)
}
