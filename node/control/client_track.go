package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"earshot/protocol"
)

// closeTimeout is how long Close waits for the owner to say that a track is
// closed. It takes well below a millisecond; an owner that hangs must not hold
// up the end of a program, and notices the lost connection later.
const closeTimeout = time.Second

// Open implements Source. The track is open for as long as its connection.
func (c *Client) Open(ctx context.Context, id protocol.ID, from time.Duration) (Track, error) {
	return c.open(ctx, wireOpen{ID: id, From: from})
}

// OpenCached implements Source.
func (c *Client) OpenCached(ctx context.Context, id protocol.ID) (Track, error) {
	return c.open(ctx, wireOpen{ID: id, Cached: true})
}

func (c *Client) open(ctx context.Context, in wireOpen) (Track, error) {
	held, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	resp, err := c.do(held, http.MethodPost, "/v1/opens", in)
	if err != nil {
		cancel()
		return nil, opening(ctx, err)
	}
	var opened wireOpened
	err = newLineReader(resp.Body).next(&opened)
	if err == nil && opened.Header.Size <= 0 {
		err = errors.New("the node's answer has no header")
	}
	if err != nil {
		err = lost(held, err)
	}
	if !stop() && err == nil { // ctx has ended meanwhile
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		resp.Body.Close()
		return nil, opening(ctx, err)
	}
	reads, stopReads := context.WithCancel(context.WithoutCancel(ctx))
	return &clientTrack{
		client:    c,
		path:      "/v1/opens/" + opened.Handle,
		header:    opened.Header.header(),
		get:       func(path, rng string) (*http.Response, error) { return c.getRange(reads, path, rng) },
		stopReads: stopReads,
		release: func() {
			cancel()
			resp.Body.Close()
		},
	}, nil
}

// opening puts ctx's own error in the place of the cancelled request's.
func opening(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fmt.Errorf("opening the track: %w", err)
}

func (c *Client) getRange(ctx context.Context, path, rng string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://earshot"+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Range", rng)
	return c.send(req)
}

// clientTrack reads a track that the owner holds open. It asks for a chunk at
// most, and gets what is there of it, which it keeps in buf.
type clientTrack struct {
	client    *Client
	path      string
	header    protocol.Header
	get       func(path, rng string) (*http.Response, error) // ends with stopReads
	stopReads func()
	release   func() // ends the connection that keeps the track open

	// The reader's own.
	pos      int64 // of the next Read
	buf      []byte
	bufStart int64 // where buf begins in the track

	mu     sync.Mutex
	shares Shares
	closed bool
}

func (t *clientTrack) Header() protocol.Header { return t.header }

func (t *clientTrack) Shares() Shares {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shares
}

func (t *clientTrack) Read(p []byte) (int, error) {
	if t.isClosed() {
		return 0, fmt.Errorf("reading the track: %w", fs.ErrClosed)
	}
	if t.pos >= t.header.Size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	at := t.pos - t.bufStart
	if at < 0 || at >= int64(len(t.buf)) {
		if err := t.fill(); err != nil {
			if t.isClosed() {
				err = fs.ErrClosed
			}
			return 0, fmt.Errorf("reading the track: %w", err)
		}
		at = 0
	}
	n := copy(p, t.buf[at:])
	t.pos += int64(n)
	return n, nil
}

// fill fetches what is there from pos to the end of its chunk.
func (t *clientTrack) fill() error {
	end := min((t.pos/maxRange+1)*maxRange, t.header.Size)
	resp, err := t.get(t.path+"/bytes", fmt.Sprintf("bytes=%d-%d", t.pos, end-1))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n := resp.ContentLength
	if resp.StatusCode != http.StatusPartialContent || n < 1 || n > end-t.pos {
		return errors.New("the node answers a range with something else: it may be of another version")
	}
	if t.buf == nil {
		t.buf = make([]byte, maxRange)
	}
	t.buf, t.bufStart = t.buf[:0], t.pos
	b := t.buf[:n]
	if _, err := io.ReadFull(resp.Body, b); err != nil {
		return lost(context.Background(), err)
	}
	drain(resp.Body)
	t.buf = b
	var s Shares
	if json.Unmarshal([]byte(resp.Header.Get(sharesHeader)), &s) == nil {
		t.setShares(s)
	}
	return nil
}

func (t *clientTrack) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += t.pos
	case io.SeekEnd:
		offset += t.header.Size
	default:
		return 0, errors.New("seeking in the track: no such whence")
	}
	if offset < 0 {
		return 0, errors.New("seeking in the track: before its beginning")
	}
	t.pos = offset
	return offset, nil
}

// Close ends a blocked Read first, then asks the owner to close the track and
// for its final shares.
func (t *clientTrack) Close() error {
	t.mu.Lock()
	was := t.closed
	t.closed = true
	t.mu.Unlock()
	if was {
		return nil
	}
	t.stopReads()
	defer t.release()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var s Shares
	err := t.client.call(ctx, http.MethodDelete, t.path, nil, &s)
	if err == nil {
		t.setShares(s)
	}
	if errors.Is(err, ErrNoOwner) || errors.Is(err, fs.ErrClosed) || errors.Is(err, context.DeadlineExceeded) {
		return nil // closed with the connection, or the owner
	}
	return err
}

func (t *clientTrack) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func (t *clientTrack) setShares(s Shares) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shares = s
}
