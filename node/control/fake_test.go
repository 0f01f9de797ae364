package control_test

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/node/control/controltest"
	"earshot/protocol"
)

// fakeNode is a node in memory: a listener unless role says server, with all
// its tracks in the cache. Of the stalled track only the first half ever comes.
type fakeNode struct {
	role    control.Role
	stalled protocol.ID
	stops   atomic.Int32
	open    atomic.Int32  // tracks open now
	closed  chan struct{} // gets a value after a track was closed
	reports chan control.Report

	mu     sync.Mutex
	tracks []fakeTrack
	stats  control.CacheStats
	froms  []time.Duration // of Open
}

type fakeTrack struct {
	header protocol.Header
	data   []byte
	pinned bool
}

// newFake returns a node of three tracks, the last one stalled.
func newFake(role control.Role) (*fakeNode, controltest.Fixture) {
	n := &fakeNode{role: role, reports: make(chan control.Report, 16), closed: make(chan struct{}, 1)}
	f := controltest.Fixture{Node: n, Words: "prelude"}
	for i, size := range []int{200_001, 65_536, 50_000} {
		data := randomBytes(uint64(i), size)
		id := protocol.ID{byte(i + 1), 0xab, 0xcd}
		h := protocol.Header{
			Track: protocol.Track{
				ID: id, Title: []string{"Prelude", "Fugue", "Gigue"}[i], Artist: "Bach", Album: "Suites <&>",
				Duration: 8*time.Second + time.Duration(i), Size: int64(size), Bitrate: 192_000,
			},
			Format: protocol.FormatMP3, SampleRate: 44100, Channels: 2, Delay: 576, Samples: 8 * 44100, Loudness: protocol.Loudness{TrackGain: -7500, AlbumPeak: 30_000},
		}
		for s := range 8 {
			h.Seek = append(h.Seek, int64(s*size/8))
		}
		n.tracks = append(n.tracks, fakeTrack{header: h, data: data})
		if i == 2 {
			n.stalled, f.Stalled = id, id
		} else {
			f.Tracks = append(f.Tracks, controltest.Sample{ID: id, Data: data})
		}
	}
	n.stats.LimitBytes = 1 << 30
	return n, f
}

func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// at returns the index of a track, -1 if there is none. Hold mu.
func (n *fakeNode) at(id protocol.ID) int {
	for i, t := range n.tracks {
		if t.header.ID == id {
			return i
		}
	}
	return -1
}

func (n *fakeNode) Status(context.Context) (control.Status, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return control.Status{
		Role: n.role, PID: 1, Tracks: len(n.tracks),
		Playing:    []control.Playing{{Track: n.tracks[0].header.Track, State: control.StatePlaying, Position: 3 * time.Second, Shares: control.Shares{Peers: 7}}},
		Neighbours: []control.Neighbour{{Address: "[::1]:5", RTT: time.Millisecond}},
	}, nil
}

func (n *fakeNode) Invite(_ context.Context, in control.Invitation) (string, error) {
	if n.role != control.RoleServer {
		return "", control.ErrNotServer
	}
	return "earshot:link/" + in.Expires.String(), nil
}

func (n *fakeNode) Stop(context.Context) error {
	n.stops.Add(1)
	return nil
}

func (n *fakeNode) Search(_ context.Context, q protocol.Query) (r protocol.Results, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.tracks {
		h := t.header
		if q.Kind == protocol.QueryTracks ||
			q.Kind == protocol.QueryWords && strings.Contains(strings.ToLower(h.Title), q.Text) ||
			q.Kind == protocol.QueryPrefix && strings.HasPrefix(h.ID.String(), q.Text) {
			r.Tracks = append(r.Tracks, h.Track)
		}
	}
	r.Total = len(r.Tracks)
	if q.Kind == protocol.QueryAlbums || q.Kind == protocol.QueryArtists {
		r.Groups = []protocol.Group{{Artist: "Bach", Tracks: 3}}
	}
	r.Tracks = r.Tracks[min(q.Offset, len(r.Tracks)):]
	if q.Limit > 0 {
		r.Tracks = r.Tracks[:min(q.Limit, len(r.Tracks))]
	}
	return r, nil
}

func (n *fakeNode) Skipped(context.Context) ([]control.Skipped, error) {
	return []control.Skipped{{Path: "a\nb.mp3", Reason: "not music"}, {Path: "c", Reason: "truncated"}}, nil
}

func (n *fakeNode) Open(ctx context.Context, id protocol.ID, from time.Duration) (control.Track, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.at(id)
	if i < 0 {
		return nil, control.ErrUnknownTrack
	}
	n.open.Add(1)
	n.froms = append(n.froms, from)
	return &openFake{node: n, header: n.tracks[i].header, r: bytes.NewReader(n.tracks[i].data), closed: make(chan struct{})}, nil
}

type openFake struct {
	node   *fakeNode
	header protocol.Header
	r      *bytes.Reader
	read   atomic.Int64
	once   sync.Once
	closed chan struct{}
}

func (o *openFake) Header() protocol.Header { return o.header }

func (o *openFake) Shares() control.Shares { return control.Shares{Cache: o.read.Load()} }

func (o *openFake) Read(p []byte) (int, error) {
	select {
	case <-o.closed:
		return 0, fs.ErrClosed
	default:
	}
	if o.header.ID == o.node.stalled && int64(o.r.Len()) <= o.header.Size/2 {
		<-o.closed
		return 0, fs.ErrClosed
	}
	m, err := o.r.Read(p[:min(len(p), 10_000)]) // less than asked for, as it comes
	o.read.Add(int64(m))
	return m, err
}

func (o *openFake) Seek(offset int64, whence int) (int64, error) { return o.r.Seek(offset, whence) }

func (o *openFake) Close() error {
	o.once.Do(func() {
		close(o.closed)
		o.node.open.Add(-1)
		select {
		case o.node.closed <- struct{}{}:
		default:
		}
	})
	return nil
}

func (n *fakeNode) OpenCached(ctx context.Context, id protocol.ID) (control.Track, error) {
	return n.Open(ctx, id, 0)
}

func (n *fakeNode) Prefetch(context.Context, protocol.ID, control.Depth) error { return nil }

// Cover gives the first track a picture.
func (n *fakeNode) Cover(_ context.Context, id protocol.ID) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch n.at(id) {
	case -1:
		return nil, control.ErrUnavailable
	case 0:
		return []byte("\x89PNG\x00"), nil
	}
	return nil, nil
}

func (n *fakeNode) Report(_ context.Context, r control.Report) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch r.State {
	case control.StateStarted:
		n.stats.Plays++
		n.stats.PlaybackLatencyMS.Count++
	case control.StateEnded:
		n.stats.Stutters += int64(r.Stutters)
	}
	select {
	case n.reports <- r:
	default:
	}
	return nil
}

func (n *fakeNode) cacheless() error {
	if n.role == control.RoleServer {
		return control.ErrNoCache
	}
	return nil
}

func (n *fakeNode) CacheStats(context.Context) (control.CacheStats, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.stats
	s.Tracks, s.Bytes = len(n.tracks), 1
	for _, t := range n.tracks {
		if t.pinned {
			s.TracksPinned++
		}
	}
	return s, n.cacheless()
}

func (n *fakeNode) CacheTracks(context.Context) (all []control.CachedTrack, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.tracks {
		all = append(all, control.CachedTrack{Track: t.header.Track, Bytes: t.header.Size, Complete: true, Pinned: t.pinned})
	}
	return all, n.cacheless()
}

func (n *fakeNode) Pin(_ context.Context, id protocol.ID, pinned bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.at(id)
	if i >= 0 {
		n.tracks[i].pinned = pinned
	}
	return n.found(i)
}

func (n *fakeNode) Remove(_ context.Context, id protocol.ID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.at(id)
	if i >= 0 {
		n.tracks = append(n.tracks[:i:i], n.tracks[i+1:]...)
	}
	return n.found(i)
}

func (n *fakeNode) Fetch(ctx context.Context, id protocol.ID, progress func(have, size int64)) error {
	if err := n.Pin(ctx, id, true); err != nil {
		return err
	}
	n.mu.Lock()
	size := n.tracks[n.at(id)].header.Size
	n.mu.Unlock()
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if id == n.stalled {
		progress(size/2, size)
		<-ctx.Done()
		return ctx.Err()
	}
	for have := int64(0); have < size; have += protocol.ChunkSize {
		progress(have, size)
	}
	progress(size, size)
	return nil
}

func (n *fakeNode) found(i int) error {
	if err := n.cacheless(); err != nil || i >= 0 {
		return err
	}
	return control.ErrUnknownTrack
}

func (n *fakeNode) Verify(_ context.Context, progress func(done, total int64)) (control.VerifyResult, error) {
	if err := n.cacheless(); err != nil {
		return control.VerifyResult{}, err
	}
	for i := int64(0); i <= 1000 && progress != nil; i++ {
		progress(i, 1000)
	}
	return control.VerifyResult{Tracks: len(n.tracks), Bytes: 1000}, nil
}

func (n *fakeNode) SetLimit(_ context.Context, limit int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if limit < 50e6 && n.cacheless() == nil {
		return control.ErrBadLimit
	}
	n.stats.LimitBytes = limit
	return n.cacheless()
}

// serve serves n on a new data folder until the test ends, and returns the
// folder and a function that ends it sooner.
func serve(t testing.TB, n control.Node) (dir string, stop func()) {
	t.Helper()
	dir = t.TempDir()
	l, err := control.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- control.Serve(ctx, l, n, nil) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return dir, stop
}

func dial(t testing.TB, dir string) *control.Client {
	t.Helper()
	c, err := control.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
