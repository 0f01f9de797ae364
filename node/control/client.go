package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"earshot/protocol"
)

// Client is a Node on the other side of the control socket. Its methods may be
// called from any goroutine. Where the owner has gone they fail with ErrNoOwner.
type Client struct{ caller }

var _ Node = (*Client)(nil)

// Dial connects to the node that owns a data folder; ErrNoOwner if none does.
func Dial(ctx context.Context, dataDir string) (*Client, error) {
	c := &Client{}
	if err := c.connect(ctx, dataDir, socketName); err != nil {
		return nil, fmt.Errorf("connecting to the node: %w", err)
	}
	return c, nil
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
	return lines(ctx, &c.caller, "/v1/skipped", func(s Skipped) Skipped { return s })
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
	return lines(ctx, &c.caller, "/v1/cache/tracks", func(w wireCachedTrack) CachedTrack {
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

// Fetch implements Cache.
func (c *Client) Fetch(ctx context.Context, id protocol.ID, progress func(have, size int64)) error {
	resp, err := c.do(ctx, http.MethodPost, "/v1/cache/tracks/"+id.String()+"/fetch", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	in := newLineReader(resp.Body)
	for {
		var line wireFetch
		if err := in.next(&line); err != nil {
			return lost(ctx, err)
		}
		if line.Error != nil {
			return fromWire(*line.Error)
		}
		if progress != nil {
			progress(line.Have, line.Size)
		}
		if line.Complete {
			return nil
		}
	}
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
