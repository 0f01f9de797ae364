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
)

const (
	// idleConns is how many connections a client keeps for later calls: one
	// for reading, one for reports, one for status and the like.
	idleConns = 4

	// idleTimeout is when a connection that nothing uses is given back. Longer
	// than the second between reports; short enough for a program that only looked.
	idleTimeout = 30 * time.Second
)

// caller sends requests to a socket of a data folder. Its methods may be called
// from any goroutine. Where nobody listens any more they fail with ErrNoOwner.
type caller struct {
	http  http.Client
	conns *conns
}

// connect makes the first connection; ErrNoOwner where nobody listens.
func (c *caller) connect(ctx context.Context, dataDir, socket string) error {
	path, err := socketPath(dataDir, socket)
	if err != nil {
		return err
	}
	cs := &conns{path: path, open: make(map[net.Conn]struct{})}
	first, err := cs.dial(ctx)
	if err != nil {
		return err
	}
	cs.spare = first
	c.conns = cs
	c.http.Transport = &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return cs.take(ctx) },
		DisableCompression:  true,
		MaxIdleConnsPerHost: idleConns,
		IdleConnTimeout:     idleTimeout,
	}
	return nil
}

// Close ends all calls under way and closes what was opened through c.
func (c *caller) Close() error {
	c.conns.close()
	c.http.CloseIdleConnections()
	return nil
}

// call sends in and reads the answer into out; either may be nil.
func (c *caller) call(ctx context.Context, method, path string, in, out any) error {
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
func lines[W, T any](ctx context.Context, c *caller, path string, from func(W) T) ([]T, error) {
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
func (c *caller) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
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

func (c *caller) send(req *http.Request) (*http.Response, error) {
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
