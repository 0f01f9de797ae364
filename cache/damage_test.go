package cache

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"earshot/protocol"
)

func TestDamagedChunkIsDroppedAndCanBeFetchedAgain(t *testing.T) {
	var lost []protocol.ID
	dir := t.TempDir()
	c := openTest(t, dir, Options{OnLost: func(id protocol.ID) { lost = append(lost, id) }}, testSeams())
	s := newSong(100_000, 1)
	fill(t, c, &s)
	damage(t, c.path(s.ID, dataExt), 2*protocol.ChunkSize+5)
	if err := os.Truncate(c.path(s.ID, dataExt), 5*protocol.ChunkSize); err != nil {
		t.Fatal(err)
	}
	tr := acquire(t, c, &s)
	defer tr.Release()
	buf := make([]byte, protocol.ChunkSize)
	for _, i := range []int{2, 5, 6} {
		if _, err := tr.ReadChunk(i, buf); !errors.Is(err, ErrBadChunk) {
			t.Errorf("chunk %d: %v", i, err)
		}
		if _, err := tr.ReadChunk(i, buf); !errors.Is(err, ErrMissing) || tr.Has(i) {
			t.Errorf("chunk %d, once dropped: %v", i, err)
		}
	}
	if want := []protocol.ID{s.ID, s.ID, s.ID}; !slices.Equal(lost, want) {
		t.Errorf("told of %v", lost)
	}
	mustHold(t, c, &s, 0, 1, 3, 4)
	agreesWithDisk(t, c, dir)
	fill(t, c, &s)
	mustHold(t, c, &s, 0, 1, 2, 3, 4, 5, 6)
}

func TestTrackWithoutItsFilesIsNotCached(t *testing.T) {
	for name, harm := range map[string]func(c *Cache, s *song) error{
		"no data":     func(c *Cache, s *song) error { return os.Remove(c.path(s.ID, dataExt)) },
		"no proof":    func(c *Cache, s *song) error { return os.Remove(c.path(s.ID, proofExt)) },
		"empty proof": func(c *Cache, s *song) error { return os.Truncate(c.path(s.ID, proofExt), 0) },
		"torn proof":  func(c *Cache, s *song) error { return os.Truncate(c.path(s.ID, proofExt), 200) },
		"wrong proof": func(c *Cache, s *song) error {
			other := newSong(100_000, 99)
			return os.WriteFile(c.path(s.ID, proofExt), encodeProofFile(&other.Header, other.tree), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := openTest(t, t.TempDir(), Options{}, testSeams())
			s, o := newSong(100_000, 1), newSong(100_000, 2)
			fill(t, c, &s)
			fill(t, c, &o)
			if err := errors.Join(harm(c, &s), harm(c, &o)); err != nil {
				t.Fatal(err)
			}
			if _, ok := c.AcquireCached(s.ID); ok {
				t.Error("it can be leased")
			}
			mustNotHold(t, c, &s)
			fill(t, c, &o) // begins anew
			mustHold(t, c, &o, 0, 1, 2, 3, 4, 5, 6)
		})
	}
}

func TestVerifyFindsAndDropsAllDamage(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	sound, bad, hopeless := newSong(100_000, 1), newSong(100_000, 2), newSong(100_000, 3)
	for _, s := range []*song{&sound, &bad, &hopeless} {
		fill(t, c, s)
	}
	damage(t, c.path(bad.ID, dataExt), 50_000)
	damage(t, c.path(bad.ID, dataExt), 99_999)
	damage(t, c.path(hopeless.ID, proofExt), 300)
	var before []protocol.ID
	for in := range c.Tracks() {
		before = append(before, in.ID)
	}
	var at, of int64
	got, err := c.Verify(t.Context(), func(done, total int64) {
		if done < at || done > total || total != 300_000 {
			t.Errorf("progress %d of %d after %d", done, total, at)
		}
		at, of = done, total
	})
	want := VerifyResult{Tracks: 2, Bytes: 200_000 - protocol.ChunkSize - 100_000%protocol.ChunkSize, Damaged: 2 + 7}
	if err != nil || got != want || at != of {
		t.Errorf("%+v, want %+v; %v; progress %d of %d", got, want, err, at, of)
	}
	var after []protocol.ID
	for in := range c.Tracks() {
		after = append(after, in.ID)
	}
	if !slices.Equal(after, before[1:]) {
		t.Errorf("order %v, before it %v", after, before)
	}
	mustHold(t, c, &bad, 0, 1, 2, 4, 5)
	mustHold(t, c, &sound, 0, 1, 2, 3, 4, 5, 6)
	mustNotHold(t, c, &hopeless)
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	c := openTest(t, t.TempDir(), Options{}, testSeams())
	for i := range 3 {
		s := newSong(100_000, uint64(i))
		fill(t, c, &s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, err := c.Verify(ctx, func(done, _ int64) {
		if done >= 100_000 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || got.Bytes != 100_000 {
		t.Errorf("%+v, %v", got, err)
	}
}
