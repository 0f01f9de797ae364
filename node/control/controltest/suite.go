// Package controltest is the conformance suite of control.Node. The node
// itself passes it, and so does a control.Client in front of it: whoever is
// handed a Node need not know which one it is.
package controltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// Fixture is a node to test and what it holds.
type Fixture struct {
	Node control.Node

	// Tracks are at least two that the node can open at once, without a
	// network: in its library, or complete in its cache.
	Tracks []Sample

	// Words find Tracks[0] in the catalogue.
	Words string

	// Stalled is a track that opens, and whose bytes do not all come; the zero
	// ID where there is none.
	Stalled protocol.ID
}

// Sample is a track and its bytes.
type Sample struct {
	ID   protocol.ID
	Data []byte
}

// prompt is how long anything that must not wait may take; longer than any
// machine is busy, so that only what hangs fails.
const prompt = 10 * time.Second

// Run runs the suite. Each test has a node of its own from setup, which is to
// be cleaned up with t.Cleanup.
func Run(t *testing.T, setup func(t *testing.T) Fixture) {
	tests := []struct {
		name string
		f    func(*testing.T, Fixture)
	}{
		{"StatusTellsRoleAndProcess", testStatus},
		{"SearchFindsByWordsPrefixAndInParts", testSearch},
		{"OpenGivesEveryByte", testOpen},
		{"SeekReadsAnyPart", testSeek},
		{"SeekOutOfRangeIsHarmless", testSeekRange},
		{"TracksAreReadIndependently", testIndependent},
		{"OpeningUnknownTracksFails", testUnknown},
		{"WhatIsCachedOpensAsSuch", testOpenCached},
		{"OpenOutlivesItsContext", testOpenContext},
		{"EndedContextsEndCalls", testEndedContext},
		{"CloseEndsABlockedRead", testCloseEndsRead},
		{"NothingIsReadAfterClose", testReadAfterClose},
		{"PrefetchTakesAllDepths", testPrefetch},
		{"CoversAreGivenOrNone", testCover},
		{"ReportsAreCounted", testReports},
		{"PinningShows", testPin},
		{"FetchingKeeps", testFetch},
		{"FetchingEndsWithItsContext", testFetchContext},
		{"RemovingRemoves", testRemove},
		{"VerifyFindsNoFault", testVerify},
		{"LimitIsKept", testLimit},
		{"InvitingIsForServers", testInvite},
		{"StopIsAnswered", testStop},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.f(t, setup(t)) })
	}
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), prompt)
	t.Cleanup(cancel)
	return ctx
}

func role(t *testing.T, n control.Node) control.Role {
	t.Helper()
	s, err := n.Status(testContext(t))
	if err != nil {
		t.Fatalf("Status: %v", err)
	}
	return s.Role
}

func testStatus(t *testing.T, f Fixture) {
	s, err := f.Node.Status(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.Role != control.RoleServer && s.Role != control.RoleListener {
		t.Errorf("role %q", s.Role)
	}
	if s.PID <= 0 {
		t.Errorf("process %d", s.PID)
	}
	if s.Tracks < len(f.Tracks) {
		t.Errorf("%d tracks, and the fixture alone has %d", s.Tracks, len(f.Tracks))
	}
}

func testSearch(t *testing.T, f Fixture) {
	ctx := testContext(t)
	want := f.Tracks[0]
	for _, q := range []protocol.Query{
		{Kind: protocol.QueryWords, Text: f.Words},
		{Kind: protocol.QueryPrefix, Text: want.ID.String()[:protocol.MinPrefix+4]},
		{Kind: protocol.QueryTracks},
	} {
		r, err := f.Node.Search(ctx, q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if !holds(r.Tracks, want) {
			t.Errorf("%+v does not find the track, but %d others", q, len(r.Tracks))
		}
	}
	r, err := f.Node.Search(ctx, protocol.Query{Kind: protocol.QueryTracks, Offset: 1, Limit: 1})
	if err != nil || len(r.Tracks) != 1 || r.Total < len(f.Tracks) {
		t.Errorf("one track from the second: %d tracks of %d, %v", len(r.Tracks), r.Total, err)
	}
	r, err = f.Node.Search(ctx, protocol.Query{Kind: protocol.QueryWords, Text: "xyzzyplugh"})
	if err != nil || r.Total != 0 || len(r.Tracks) != 0 {
		t.Errorf("words that nothing has: %d tracks, %v", r.Total, err)
	}
	for _, kind := range []protocol.QueryKind{protocol.QueryAlbums, protocol.QueryArtists} {
		if r, err := f.Node.Search(ctx, protocol.Query{Kind: kind}); err != nil || len(r.Groups) == 0 {
			t.Errorf("kind %d: %d groups, %v", kind, len(r.Groups), err)
		}
	}
}

// holds reports whether a track is listed, with its size and its duration.
func holds(tracks []protocol.Track, want Sample) bool {
	for _, t := range tracks {
		if t.ID == want.ID && t.Size == int64(len(want.Data)) && t.Duration > 0 {
			return true
		}
	}
	return false
}

func open(t *testing.T, n control.Node, id protocol.ID) control.Track {
	t.Helper()
	track, err := n.Open(testContext(t), id, 0)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { track.Close() })
	return track
}

func testOpen(t *testing.T, f Fixture) {
	for _, want := range f.Tracks {
		track := open(t, f.Node, want.ID)
		h := track.Header()
		if h.ID != want.ID || h.Size != int64(len(want.Data)) || h.Duration <= 0 || len(h.Seek) == 0 {
			t.Errorf("header of %d bytes, %v, %d seconds of seek table; want %d bytes", h.Size, h.Duration, len(h.Seek), len(want.Data))
		}
		got, err := io.ReadAll(track)
		if err != nil || !bytes.Equal(got, want.Data) {
			t.Errorf("read %d bytes, %v; want the track's %d", len(got), err, len(want.Data))
		}
		if n, err := track.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("reading at the end: %d, %v", n, err)
		}
		if got := track.Shares().Total(); got != h.Size {
			t.Errorf("shares of %d bytes after reading %d", got, h.Size)
		}
		if err := track.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if got := track.Shares().Total(); got != h.Size {
			t.Errorf("shares of %d bytes after Close, read %d", got, h.Size)
		}
	}
}

func testSeek(t *testing.T, f Fixture) {
	want := f.Tracks[0]
	track := open(t, f.Node, want.ID)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		at := rnd.IntN(len(want.Data))
		b := make([]byte, 1+rnd.IntN(min(40_000, len(want.Data)-at)))
		var pos int64
		var err error
		switch rnd.IntN(3) {
		case 0:
			pos, err = track.Seek(int64(at), io.SeekStart)
		case 1:
			pos, err = track.Seek(int64(at-len(want.Data)), io.SeekEnd)
		default:
			var now int64
			if now, err = track.Seek(0, io.SeekCurrent); err == nil {
				pos, err = track.Seek(int64(at)-now, io.SeekCurrent)
			}
		}
		if err != nil || pos != int64(at) {
			t.Fatalf("seeking to %d: %d, %v", at, pos, err)
		}
		if _, err := io.ReadFull(track, b); err != nil || !bytes.Equal(b, want.Data[at:at+len(b)]) {
			t.Fatalf("reading %d bytes from %d: wrong bytes or %v", len(b), at, err)
		}
	}
}

func testSeekRange(t *testing.T, f Fixture) {
	track := open(t, f.Node, f.Tracks[0].ID)
	if _, err := track.Seek(-1, io.SeekStart); err == nil {
		t.Error("seeking before the beginning succeeds")
	}
	if _, err := track.Seek(0, 7); err == nil {
		t.Error("seeking from nowhere succeeds")
	}
	if _, err := track.Seek(1<<40, io.SeekStart); err != nil {
		t.Errorf("seeking beyond the end: %v", err)
	}
	if n, err := track.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("reading beyond the end: %d, %v", n, err)
	}
	if _, err := track.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if _, err := io.ReadFull(track, b); err != nil || !bytes.Equal(b, f.Tracks[0].Data[:10]) {
		t.Errorf("back at the beginning: %x, %v", b, err)
	}
}

func testIndependent(t *testing.T, f Fixture) {
	want := []Sample{f.Tracks[0], f.Tracks[1], f.Tracks[0]}
	read := make(chan error)
	for i, w := range want {
		track := open(t, f.Node, w.ID)
		go func() {
			_, err := track.Seek(int64(i*1000), io.SeekStart)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(track)
			}
			if err == nil && !bytes.Equal(got, w.Data[i*1000:]) {
				err = errors.New("wrong bytes")
			}
			read <- err
		}()
	}
	for range want {
		if err := <-read; err != nil {
			t.Error(err)
		}
	}
}

func testUnknown(t *testing.T, f Fixture) {
	ctx := testContext(t)
	_, err := f.Node.Open(ctx, protocol.ID{1, 2, 3}, 0)
	for errors.Is(err, control.ErrUnavailable) && ctx.Err() == nil { // its server is not reached yet
		_, err = f.Node.Open(ctx, protocol.ID{1, 2, 3}, 0)
	}
	if !errors.Is(err, control.ErrUnknownTrack) {
		t.Errorf("Open: %v; want ErrUnknownTrack", err)
	}
}

func testOpenCached(t *testing.T, f Fixture) {
	ctx := testContext(t)
	_, err := f.Node.OpenCached(ctx, protocol.ID{1, 2, 3})
	if !errors.Is(err, control.ErrUnavailable) && !errors.Is(err, control.ErrUnknownTrack) {
		t.Errorf("of an unknown track: %v", err)
	}
	want := f.Tracks[0]
	if err := f.Node.Fetch(ctx, want.ID, nil); err != nil && !errors.Is(err, control.ErrNoCache) {
		t.Fatal(err)
	}
	track, err := f.Node.OpenCached(ctx, want.ID)
	if err != nil {
		t.Fatalf("a track that was fetched: %v", err)
	}
	defer track.Close()
	got, err := io.ReadAll(track)
	if err != nil || !bytes.Equal(got, want.Data) || track.Header().Size != int64(len(got)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if _, err := track.Seek(1000, io.SeekStart); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(track); err != nil || !bytes.Equal(got, want.Data[1000:]) {
		t.Errorf("read %d bytes from 1000 on, %v", len(got), err)
	}
	if err := track.Close(); err != nil {
		t.Error(err)
	}
	if n, err := track.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("after Close: %d, %v", n, err)
	}
}

func testOpenContext(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	track, err := f.Node.Open(ctx, f.Tracks[0].ID, 0)
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	defer track.Close()
	if got, err := io.ReadAll(track); err != nil || !bytes.Equal(got, f.Tracks[0].Data) {
		t.Errorf("read %d bytes, %v, after Open's context ended", len(got), err)
	}
}

func testEndedContext(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	track, err := f.Node.Open(ctx, f.Tracks[0].ID, 0)
	if err == nil {
		track.Close()
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v; want context.Canceled or none", err)
	}
}

func testCloseEndsRead(t *testing.T, f Fixture) {
	if f.Stalled == (protocol.ID{}) {
		return
	}
	track := open(t, f.Node, f.Stalled)
	read := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, track)
		read <- err
	}()
	if err := track.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	select {
	case err := <-read:
		if err == nil {
			t.Error("a track that never comes was read to its end")
		}
	case <-time.After(prompt):
		t.Fatal("Read is still blocked after Close")
	}
}

func testReadAfterClose(t *testing.T, f Fixture) {
	track := open(t, f.Node, f.Tracks[0].ID)
	for range 2 {
		if err := track.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if n, err := track.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("reading after Close: %d, %v", n, err)
	}
}

// testCover asks for the covers of tracks that are here, which is no error where
// they have none, and of one that is not.
func testCover(t *testing.T, f Fixture) {
	for _, s := range f.Tracks {
		if _, err := f.Node.Cover(testContext(t), s.ID); err != nil {
			t.Errorf("%s: %v", s.ID.Short(), err)
		}
	}
	_, err := f.Node.Cover(testContext(t), protocol.ID{0xfe, 0xfe})
	if !errors.Is(err, control.ErrUnavailable) && !errors.Is(err, control.ErrUnknownTrack) {
		t.Errorf("of an unknown track: %v", err)
	}
}
