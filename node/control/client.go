package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"earshot/protocol"
)

const (
	// idleConns is how many connections a client keeps for later calls: one
	// for reading, one for reports, one for status and the like.
	idleConns = 4

	// idleTimeout is when a connection that nothing uses is given back. Longer
	// than the second between reports; short enough for a program that only looked.
	idleTimeout = 30 * time.Second
)

// Client is a Node on the other side of the control socket. Its methods may be
// called from any goroutine. Where the owner has gone they fail with ErrNoOwner.
type Client struct {
	http  http.Client
	conns *conns
}

var _ Node = (*Client)(nil)

// Dial connects to the node that owns a data folder; ErrNoOwner if none does.
func Dial(ctx context.Context, dataDir string) (*Client, error) {
	path, err := socketPath(dataDir)
	if err != nil {
		return nil, err
	}
	cs := &conns{path: path, open: make(map[net.Conn]struct{})}
	first, err := cs.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to the node: %w", err)
	}
	cs.spare = first
	return &Client{
		conns: cs,
		http: http.Client{Transport: &http.Transport{
			DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return cs.take(ctx) },
			DisableCompression:  true,
			MaxIdleConnsPerHost: idleConns,
			IdleConnTimeout:     idleTimeout,
		}},
	}, nil
}

// Close ends all calls under way and closes what was opened through c.
func (c *Client) Close() error {
	c.conns.close()
	c.http.CloseIdleConnections()
	return nil
}

// Status implements Node.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var out wireStatus
	err := c.call(ctx, http.MethodGet, "/v1/status", nil, &out)
	return out.status(), err
}

// Invite implements Node.
func (c *Client) Invite(ctx context.Context, in Invitation) (string, error) {
	var out wireLink
	err := c.call(ctx, http.MethodPost, "/v1/invite", in, &out)
	return out.Link, err
}

// Stop implements Node. An owner that goes before it answers has stopped.
func (c *Client) Stop(ctx context.Context) error {
	err := c.call(ctx, http.MethodPost, "/v1/stop", nil, nil)
	if errors.Is(err, ErrNoOwner) {
		return nil
	}
	return err
}

// Search implements Catalogue.
func (c *Client) Search(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	var out wireResults
	err := c.call(ctx, http.MethodPost, "/v1/search", wireQuery(q), &out)
	return out.results(), err
}

// Skipped implements Catalogue.
func (c *Client) Skipped(ctx context.Context) ([]Skipped, error) {
	return lines(ctx, c, "/v1/skipped", func(s Skipped) Skipped { return s })
}

// Prefetch implements Source.
func (c *Client) Prefetch(ctx context.Context, id protocol.ID, depth Depth) error {
	return c.call(ctx, http.MethodPost, "/v1/prefetch", wirePrefetch{id, depth}, nil)
}

// Report implements Source.
func (c *Client) Report(ctx context.Context, r Report) error {
	return c.call(ctx, http.MethodPost, "/v1/reports", r, nil)
}

// CacheStats implements Cache.
func (c *Client) CacheStats(ctx context.Context) (s CacheStats, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/cache", nil, &s)
	return s, err
}

// CacheTracks implements Cache.
func (c *Client) CacheTracks(ctx context.Context) ([]CachedTrack, error) {
	return lines(ctx, c, "/v1/cache/tracks", func(w wireCachedTrack) CachedTrack {
		w.CachedTrack.Duration = w.Duration
		return w.CachedTrack
	})
}

// Pin implements Cache.
func (c *Client) Pin(ctx context.Context, id protocol.ID, pinned bool) error {
	method := http.MethodDelete
	if pinned {
		method = http.MethodPut
	}
	return c.call(ctx, method, "/v1/cache/tracks/"+id.String()+"/pin", nil, nil)
}

// Remove implements Cache.
func (c *Client) Remove(ctx context.Context, id protocol.ID) error {
	return c.call(ctx, http.MethodDelete, "/v1/cache/tracks/"+id.String(), nil, nil)
}

// SetLimit implements Cache.
func (c *Client) SetLimit(ctx context.Context, bytes int64) error {
	return c.call(ctx, http.MethodPut, "/v1/cache/limit", wireLimit{bytes}, nil)
}

// Verify implements Cache.
func (c *Client) Verify(ctx context.Context, progress func(done, total int64)) (VerifyResult, error) {
	resp, err := c.do(ctx, http.MethodPost, "/v1/cache/verify", nil)
	if err != nil {
		return VerifyResult{}, err
	}
	defer resp.Body.Close()
	in := newLineReader(resp.Body)
	for {
		var line wireVerify
		if err := in.next(&line); err != nil {
			return VerifyResult{}, lost(ctx, err)
		}
		switch {
		case line.Error != nil:
			return VerifyResult{}, fromWire(*line.Error)
		case line.Result != nil:
			return *line.Result, nil
		case progress != nil:
			progress(line.Done, line.Total)
		}
	}
}

// call sends in and reads the answer into out; either may be nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var skipped json.RawMessage
	if out == nil {
		out = &skipped
	}
	if err := newLineReader(resp.Body).next(out); err != nil {
		return lost(ctx, err)
	}
	drain(resp.Body)
	return nil
}

// lines reads an answer of a JSON line for each of a list.
func lines[W, T any](ctx context.Context, c *Client, path string, from func(W) T) ([]T, error) {
	resp, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	in := newLineReader(resp.Body)
	var all []T
	for {
		var w W
		err := in.next(&w)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, lost(ctx, err)
		}
		all = append(all, from(w))
	}
}

// do sends one request. The answer is not an error, or do returns that error.
func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("asking the node: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://earshot"+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking the node: %w", err)
	}
	return c.send(req)
}

func (c *Client) send(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its text names an address that means nothing
		}
		return nil, lost(req.Context(), err)
	}
	if resp.StatusCode < 400 {
		return resp, nil
	}
	defer resp.Body.Close()
	var e wireError
	if err := newLineReader(resp.Body).next(&e); err != nil || e.Message == "" {
		return nil, fmt.Errorf("the node answers %s: it may be of another version", resp.Status)
	}
	drain(resp.Body)
	return nil, fromWire(e)
}

// lost says why there is no answer: ctx ended, the answer makes no sense, or
// the owner went away.
func lost(ctx context.Context, err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("asking the node: %w", ctx.Err())
	case errors.Is(err, ErrNoOwner), errors.Is(err, net.ErrClosed):
		return err
	case errors.As(err, &syntax), errors.As(err, &typ), errors.Is(err, errTooLong):
		return err
	}
	return fmt.Errorf("%w any more (%w)", ErrNoOwner, err)
}

// drain reads the end of an answer that was read, so that its connection can
// be used again.
func drain(body io.Reader) { io.CopyN(io.Discard, body, 1024) }

// conns are a client's connections. It closes them all at once, which ends
// every call.
type conns struct {
	path string

	mu     sync.Mutex
	spare  net.Conn // dialled, and never used
	open   map[net.Conn]struct{}
	closed bool
}

// errClientClosed is what calls on a closed client get.
var errClientClosed = fmt.Errorf("the connection to the node was closed: %w", net.ErrClosed)

// take returns the connection that Dial made, or a new one.
func (cs *conns) take(ctx context.Context) (net.Conn, error) {
	cs.mu.Lock()
	conn := cs.spare
	cs.spare = nil
	cs.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	return cs.dial(ctx)
}

func (cs *conns) dial(ctx context.Context) (net.Conn, error) {
	conn, err := dial(ctx, cs.path)
	if err != nil {
		return nil, err
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		conn.Close()
		return nil, errClientClosed
	}
	cs.open[conn] = struct{}{}
	return &trackedConn{conn, cs}, nil
}

func (cs *conns) close() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for conn := range cs.open {
		conn.Close()
	}
	clear(cs.open)
}

// trackedConn is forgotten by its conns when it is closed.
type trackedConn struct {
	net.Conn
	conns *conns
}

func (t *trackedConn) Close() error {
	t.conns.mu.Lock()
	delete(t.conns.open, t.Conn)
	t.conns.mu.Unlock()
	return t.Conn.Close()
}
