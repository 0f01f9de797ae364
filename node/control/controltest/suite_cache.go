package controltest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

func testPrefetch(t *testing.T, f Fixture) {
	for _, d := range []control.Depth{control.DepthPeers, control.DepthHead, control.DepthScreen} {
		if err := f.Node.Prefetch(testContext(t), f.Tracks[1].ID, d); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
}

// testReports plays a track to its end, as a player reports it.
func testReports(t *testing.T, f Fixture) {
	ctx := testContext(t)
	before, err := f.Node.CacheStats(ctx)
	if err != nil && !errors.Is(err, control.ErrNoCache) {
		t.Fatal(err)
	}
	id := f.Tracks[0].ID
	track := open(t, f.Node, id)
	if _, err := io.Copy(io.Discard, track); err != nil {
		t.Fatal(err)
	}
	for _, r := range []control.Report{
		{State: control.StateStarted, Latency: 20 * time.Millisecond},
		{State: control.StatePlaying, Position: time.Second, Stutters: 1, StutterNS: time.Millisecond},
		{State: control.StateEnded, Position: 2 * time.Second, Stutters: 1, StutterNS: time.Millisecond},
	} {
		r.Play, r.ID = "conformance", id
		if err := f.Node.Report(ctx, r); err != nil {
			t.Fatalf("%s: %v", r.State, err)
		}
	}
	if err := track.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if role(t, f.Node) == control.RoleServer {
		return
	}
	after, err := f.Node.CacheStats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := after.Plays - before.Plays; got != 1 {
		t.Errorf("%d plays counted, want 1", got)
	}
	if got := after.Stutters - before.Stutters; got != 1 {
		t.Errorf("%d stutters counted, want 1", got)
	}
	if got := after.PlaybackLatencyMS.Count - before.PlaybackLatencyMS.Count; got != 1 {
		t.Errorf("%d latencies counted, want 1", got)
	}
}

// needCache reports whether the node has a cache; a server must say that it
// has none.
func needCache(t *testing.T, f Fixture) bool {
	t.Helper()
	if role(t, f.Node) == control.RoleListener {
		return true
	}
	ctx := testContext(t)
	_, statsErr := f.Node.CacheStats(ctx)
	_, listErr := f.Node.CacheTracks(ctx)
	_, verifyErr := f.Node.Verify(ctx, nil)
	for _, err := range []error{
		statsErr, listErr, verifyErr,
		f.Node.Fetch(ctx, f.Tracks[0].ID, nil),
		f.Node.Pin(ctx, f.Tracks[0].ID, true),
		f.Node.Remove(ctx, f.Tracks[0].ID),
		f.Node.SetLimit(ctx, 1<<30),
	} {
		if !errors.Is(err, control.ErrNoCache) {
			t.Errorf("a server answers %v; want ErrNoCache", err)
		}
	}
	return false
}

// cached returns the row of a track in the cache's list.
func cached(t *testing.T, n control.Node, id protocol.ID) (control.CachedTrack, bool) {
	t.Helper()
	all, err := n.CacheTracks(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.ID == id {
			return c, true
		}
	}
	return control.CachedTrack{}, false
}

func testPin(t *testing.T, f Fixture) {
	if !needCache(t, f) {
		return
	}
	ctx := testContext(t)
	s := f.Tracks[0]
	for _, pinned := range []bool{true, false} {
		if err := f.Node.Pin(ctx, s.ID, pinned); err != nil {
			t.Fatal(err)
		}
		c, ok := cached(t, f.Node, s.ID)
		if !ok || c.Pinned != pinned || !c.Complete || c.Size != int64(len(s.Data)) || c.Duration <= 0 {
			t.Errorf("pinned %v: listed %v as %+v", pinned, ok, c)
		}
		want := 0
		if pinned {
			want = 1
		}
		if st, err := f.Node.CacheStats(ctx); err != nil || st.TracksPinned != want {
			t.Errorf("%d pinned in the statistics, %v; want %d", st.TracksPinned, err, want)
		}
	}
	if err := f.Node.Pin(ctx, protocol.ID{1, 2, 3}, true); !errors.Is(err, control.ErrUnknownTrack) {
		t.Errorf("pinning a track that is not there: %v; want ErrUnknownTrack", err)
	}
}

func testFetch(t *testing.T, f Fixture) {
	if !needCache(t, f) {
		return
	}
	for _, s := range f.Tracks {
		var last, of int64
		err := f.Node.Fetch(testContext(t), s.ID, func(have, size int64) {
			if have < last || have > size {
				t.Errorf("%d of %d bytes are there, after %d", have, size, last)
			}
			last, of = have, size
		})
		if size := int64(len(s.Data)); err != nil || last != size || of != size {
			t.Errorf("%v; progress ended at %d of %d bytes, want %d", err, last, of, size)
		}
		if c, ok := cached(t, f.Node, s.ID); !ok || !c.Complete || !c.Pinned {
			t.Errorf("listed %v as %+v", ok, c)
		}
	}
	if err := f.Node.Fetch(testContext(t), f.Tracks[0].ID, nil); err != nil {
		t.Errorf("again, without progress: %v", err)
	}
	if err := f.Node.Fetch(testContext(t), protocol.ID{1, 2, 3}, nil); !errors.Is(err, control.ErrUnknownTrack) {
		t.Errorf("fetching a track that is not there: %v; want ErrUnknownTrack", err)
	}
}

func testFetchContext(t *testing.T, f Fixture) {
	if f.Stalled == (protocol.ID{}) || !needCache(t, f) {
		return
	}
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	err := f.Node.Fetch(ctx, f.Stalled, func(have, size int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want context.Canceled", err)
	}
}

func testRemove(t *testing.T, f Fixture) {
	if !needCache(t, f) {
		return
	}
	ctx := testContext(t)
	if err := f.Node.Remove(ctx, f.Tracks[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := cached(t, f.Node, f.Tracks[0].ID); ok {
		t.Error("still listed")
	}
	if _, ok := cached(t, f.Node, f.Tracks[1].ID); !ok {
		t.Error("another track went too")
	}
	if err := f.Node.Remove(ctx, f.Tracks[0].ID); !errors.Is(err, control.ErrUnknownTrack) {
		t.Errorf("removing it again: %v; want ErrUnknownTrack", err)
	}
}

func testVerify(t *testing.T, f Fixture) {
	if !needCache(t, f) {
		return
	}
	var last, all int64
	r, err := f.Node.Verify(testContext(t), func(done, total int64) {
		if done < last || done > total {
			t.Errorf("%d of %d bytes done, after %d", done, total, last)
		}
		last, all = done, total
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Tracks < len(f.Tracks) || r.Damaged != 0 || r.Bytes <= 0 {
		t.Errorf("found %+v", r)
	}
	if last != all || all == 0 {
		t.Errorf("progress ended at %d of %d bytes", last, all)
	}
	if _, err := f.Node.Verify(testContext(t), nil); err != nil {
		t.Errorf("without progress: %v", err)
	}
}

func testLimit(t *testing.T, f Fixture) {
	if !needCache(t, f) {
		return
	}
	ctx := testContext(t)
	const limit = 123 << 20
	if err := f.Node.SetLimit(ctx, limit); err != nil {
		t.Fatal(err)
	}
	if err := f.Node.SetLimit(ctx, 1<<20); !errors.Is(err, control.ErrBadLimit) {
		t.Errorf("1 MiB: %v; want ErrBadLimit", err)
	}
	s, err := f.Node.CacheStats(ctx)
	if err != nil || s.LimitBytes != limit {
		t.Errorf("limit is %d, %v; want %d", s.LimitBytes, err, limit)
	}
	if s.Tracks < len(f.Tracks) || s.Bytes <= 0 {
		t.Errorf("%d tracks of %d bytes", s.Tracks, s.Bytes)
	}
}

func testInvite(t *testing.T, f Fixture) {
	link, err := f.Node.Invite(testContext(t), control.Invitation{Uses: 1, Expires: time.Hour})
	if role(t, f.Node) == control.RoleServer {
		if err != nil || strings.TrimSpace(link) == "" {
			t.Errorf("link %q, %v", link, err)
		}
		return
	}
	if !errors.Is(err, control.ErrNotServer) {
		t.Errorf("a listener answers %v; want ErrNotServer", err)
	}
}

func testStop(t *testing.T, f Fixture) {
	if err := f.Node.Stop(testContext(t)); err != nil {
		t.Error(err)
	}
}
