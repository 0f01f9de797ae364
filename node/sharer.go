package node

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"earshot/node/control"
	"earshot/node/library"
	"earshot/node/origin"
	"earshot/protocol"
)

// tracks is the library as the server's role sees it.
type tracks struct{ library *library.Library }

func (t tracks) Header(ctx context.Context, id protocol.ID) (protocol.Header, error) {
	h, err := t.library.Header(ctx, id)
	return h, unknown(err)
}

func (t tracks) Proof(ctx context.Context, id protocol.ID) ([]byte, error) {
	tree, err := t.library.Proof(ctx, id)
	return tree, unknown(err)
}

func (t tracks) Content(ctx context.Context, id protocol.ID) (origin.Content, error) {
	c, err := t.library.Content(ctx, id)
	if err != nil {
		return nil, unknown(err)
	}
	return c, nil
}

func unknown(err error) error {
	if errors.Is(err, library.ErrUnknownTrack) {
		return origin.ErrUnknownTrack
	}
	return err
}

// Search asks the catalogue.
func (s *Server) Search(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	return s.library.Search(ctx, q)
}

// Skipped lists the files that could not be taken in.
func (s *Server) Skipped(ctx context.Context) ([]control.Skipped, error) {
	return s.library.Skipped(ctx)
}

// Invite makes a join link.
func (s *Server) Invite(ctx context.Context, in control.Invitation) (string, error) {
	return invite(ctx, s.authority, s.invites, s.advertised(), in)
}

// Status tells what the server is doing now.
func (s *Server) Status(context.Context) (control.Status, error) {
	st := control.Status{
		Role: control.RoleServer, PID: os.Getpid(), Node: s.identity.NodeID(), Listen: s.swarm.Addr().String(),
		Sharing: true, Tracks: s.library.Len(), Playing: []control.Playing{}, Neighbours: []control.Neighbour{},
	}
	fillTraffic(&st, s.swarm, &s.meter)
	st.Members = len(st.Neighbours)
	return st, nil
}

// Open opens a track of the library: a server plays its own music from disk.
func (s *Server) Open(ctx context.Context, id protocol.ID, _ time.Duration) (control.Track, error) {
	h, err := s.library.Header(ctx, id)
	if errors.Is(err, library.ErrUnknownTrack) {
		return nil, control.ErrUnknownTrack
	}
	if err != nil {
		return nil, err
	}
	c, err := s.library.Content(ctx, id)
	if err != nil {
		return nil, err
	}
	return &ownTrack{SectionReader: io.NewSectionReader(c, 0, h.Size), content: c, header: h}, nil
}

// OpenCached is Open: all is here.
func (s *Server) OpenCached(ctx context.Context, id protocol.ID) (control.Track, error) {
	return s.Open(ctx, id, 0)
}

// ownTrack is a track that a server plays itself. What it reads counts as
// cached: it costs the network nothing.
type ownTrack struct {
	*io.SectionReader
	content io.Closer
	header  protocol.Header
	read    atomic.Int64
}

func (t *ownTrack) Header() protocol.Header { return t.header }

func (t *ownTrack) Read(b []byte) (int, error) {
	n, err := t.SectionReader.Read(b)
	t.read.Add(int64(n))
	return n, err
}

func (t *ownTrack) Shares() control.Shares { return control.Shares{Cache: t.read.Load()} }

// Close may be called again.
func (t *ownTrack) Close() error {
	if err := t.content.Close(); !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

// Prefetch does nothing: all is here.
func (s *Server) Prefetch(context.Context, protocol.ID, control.Depth) error { return nil }

// Report takes a player's news; a server keeps no figures of its own plays.
func (s *Server) Report(context.Context, control.Report) error { return nil }

// CacheStats and the others below are for listeners: a server has no cache.
func (s *Server) CacheStats(context.Context) (control.CacheStats, error) {
	return control.CacheStats{}, control.ErrNoCache
}

// CacheTracks fails with control.ErrNoCache.
func (s *Server) CacheTracks(context.Context) ([]control.CachedTrack, error) {
	return nil, control.ErrNoCache
}

// Pin fails with control.ErrNoCache.
func (s *Server) Pin(context.Context, protocol.ID, bool) error { return control.ErrNoCache }

// Remove fails with control.ErrNoCache.
func (s *Server) Remove(context.Context, protocol.ID) error { return control.ErrNoCache }

// Fetch fails with control.ErrNoCache.
func (s *Server) Fetch(context.Context, protocol.ID, func(have, size int64)) error {
	return control.ErrNoCache
}

// Verify fails with control.ErrNoCache.
func (s *Server) Verify(context.Context, func(done, total int64)) (control.VerifyResult, error) {
	return control.VerifyResult{}, control.ErrNoCache
}

// SetLimit fails with control.ErrNoCache.
func (s *Server) SetLimit(context.Context, int64) error { return control.ErrNoCache }

var _ control.Node = (*Server)(nil)
