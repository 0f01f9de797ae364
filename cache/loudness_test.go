package cache

import (
	"strings"
	"testing"

	"earshot/protocol"
)

func TestLoudnessMayBeLearnedLater(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{Limit: 1 << 20}, testSeams())
	s := newSong(100_000, 1)
	s.Loudness = protocol.Loudness{}
	s.Title = strings.Repeat("x", 60)
	for i := range s.chunks() {
		fill(t, c, &s, i)
	}
	want := protocol.Loudness{TrackGain: -7654, AlbumGain: -6543, TrackPeak: 123_456, AlbumPeak: 234_567}
	held, ok := c.AcquireCached(s.ID)
	if !ok {
		t.Fatal("it is not there")
	}
	if err := held.SetLoudness(want); err != nil {
		t.Fatal(err)
	}
	if held.Header().Loudness.Known() {
		t.Error("a header that is leased changes")
	}
	held.Release()
	if err := held.SetLoudness(want); err == nil {
		t.Error("it can be set without a lease")
	}
	check := func(when string, c *Cache) {
		t.Helper()
		held, ok := c.AcquireCached(s.ID)
		if !ok {
			t.Fatalf("%s it is gone", when)
		}
		defer held.Release()
		if h := held.Header(); h.Loudness != want || h.Title != s.Title || !held.Complete() {
			t.Errorf("%s: %+v", when, h)
		}
		buf := make([]byte, protocol.ChunkSize)
		if n, err := held.ReadChunk(1, buf); err != nil || string(buf[:n]) != string(s.chunk(1)) {
			t.Errorf("%s a chunk is another: %v", when, err)
		}
	}
	check("at once", c)
	used := c.Stats().Bytes
	closeTest(t, c)
	again := openTest(t, dir, Options{Limit: 1 << 20}, testSeams())
	check("after a restart", again)
	if got := again.Stats().Bytes; got != used {
		t.Errorf("it counts %d bytes, and %d after a restart", used, got)
	}
}
