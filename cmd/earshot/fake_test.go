package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"earshot/audio"
	"earshot/audio/music"
	"earshot/node"
	"earshot/node/control"
	"earshot/protocol"
)

// fakeNode is a node whose catalogue is its cache; it plays what it holds in
// memory.
type fakeNode struct {
	control.Node // what is not overridden is not called
	tracks       []control.CachedTrack
	bytes        map[protocol.ID][]byte
	err          error // of everything
	config       nodeConfig
	released     int
	pinned       protocol.ID
}

func newFakeNode(titles ...string) *fakeNode {
	n := &fakeNode{}
	for i, title := range titles {
		n.tracks = append(n.tracks, control.CachedTrack{Track: protocol.Track{
			ID: protocol.ID{0xab, 0xcd, 0xef, byte(i)}, Title: title, Artist: "Bach", Album: "Suites", Duration: time.Minute, Size: 1000,
		}})
	}
	return n
}

// minuet gives the fake a track that plays.
func (n *fakeNode) minuet(t *testing.T) protocol.ID {
	data, err := fs.ReadFile(music.Files(), "02-minuet.mp3")
	if err != nil {
		t.Fatal(err)
	}
	id := protocol.ID{9}
	n.bytes = map[protocol.ID][]byte{id: data}
	return id
}

func (n *fakeNode) Search(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	if q.Kind == protocol.QueryTracks {
		r := protocol.Results{Total: len(n.tracks)}
		for _, t := range n.tracks[q.Offset:min(len(n.tracks), q.Offset+2)] { // two at a time
			r.Tracks = append(r.Tracks, t.Track)
		}
		return r, n.err
	}
	r, _ := amongCached(n.tracks)(ctx, q)
	return r, n.err
}

func (n *fakeNode) CacheTracks(context.Context) ([]control.CachedTrack, error) {
	return n.tracks, n.err
}

func (n *fakeNode) Pin(_ context.Context, id protocol.ID, _ bool) error {
	n.pinned = id
	return n.err
}

func (n *fakeNode) Status(context.Context) (control.Status, error) {
	s := control.Status{Role: control.RoleListener, PID: 7, Server: "h:1", Sharing: true, Faults: control.Faults{BadChunks: 3}}
	for _, t := range n.tracks {
		s.Playing = append(s.Playing, control.Playing{
			Track: t.Track, State: control.StatePlaying, Position: 3 * time.Second, Length: t.Duration, Shares: control.Shares{Peers: 1},
		})
	}
	s.Neighbours = []control.Neighbour{{Address: "[::1]:5", RTT: 1500 * time.Microsecond, Server: true}}
	return s, n.err
}

func (n *fakeNode) CacheStats(context.Context) (control.CacheStats, error) {
	return control.CacheStats{
		Tracks: 2, Plays: 1, PlayedFromPeers: 3, PlayedFromCache: 1, PlaybackLatencyMS: control.Latency{P50: 12, Count: 1},
	}, n.err
}

func (n *fakeNode) Report(context.Context, control.Report) error { return nil }

func (n *fakeNode) OpenCached(context.Context, protocol.ID) (control.Track, error) {
	return nil, control.ErrUnavailable
}

func (n *fakeNode) Prefetch(context.Context, protocol.ID, control.Depth) error { return nil }

func (n *fakeNode) Open(_ context.Context, id protocol.ID, _ time.Duration) (control.Track, error) {
	data := n.bytes[id]
	if data == nil {
		return nil, control.ErrUnknownTrack
	}
	r := bytes.NewReader(data)
	info, err := audio.Probe(r, r.Size())
	if err != nil {
		return nil, err
	}
	return &fakeTrack{r, info.Header(protocol.Track{ID: id, Title: "Minuet\x1b[2J"})}, nil
}

type fakeTrack struct {
	*bytes.Reader
	header protocol.Header
}

func (t *fakeTrack) Header() protocol.Header { return t.header }

func (t *fakeTrack) Shares() control.Shares { return control.Shares{} }

func (t *fakeTrack) Close() error { return nil }

// run runs a command line on the fake, with a data folder of its own.
func (n *fakeNode) run(args ...string) (code int, stdout, stderr string) {
	data, err := os.MkdirTemp("", "earshot")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(data)
	os.Setenv("EARSHOT_DATA", data)
	defer os.Unsetenv("EARSHOT_DATA")
	out, printed := page(0)
	errs, complained := page(0)
	attach := func(_ context.Context, c nodeConfig) (*session, error) {
		n.config = c
		return &session{node: n, release: func() error { n.released++; return nil }}, nil
	}
	p := &program{
		started: time.Now(), out: out, err: errs, stdout: printed,
		nodes: nodes{
			attach: attach,
			dial: func(ctx context.Context, data string) (*session, error) {
				return attach(ctx, nodeConfig{Data: data})
			},
			join: func(_ context.Context, data, link string) (node.Joined, error) {
				return node.Joined{Server: link}, n.err
			},
			invite: func(_ context.Context, _ string, in control.Invitation) (string, error) {
				return fmt.Sprint(in.Uses, in.Expires), n.err
			},
		},
	}
	code = p.run(context.Background(), append([]string{"earshot"}, args...))
	return code, printed.String(), complained.String()
}
