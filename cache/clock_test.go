package cache

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAClockThatIsSetBackDoesNotTurnTheOrderOfUse: what was used last is kept longest,
// in a process after it too. In a bubble it is the year 2000.
func TestAClockThatIsSetBackDoesNotTurnTheOrderOfUse(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	before, after, next := newSong(150_000, 1), newSong(150_000, 2), newSong(150_000, 3)
	fill(t, c, &after)
	fill(t, c, &before)
	closeTest(t, c)
	synctest.Test(t, func(t *testing.T) {
		if time.Now().Year() > 2000 {
			t.Skip("the clock is not set back")
		}
		c := openTest(t, dir, Options{}, testSeams())
		use, ok := c.AcquireCached(after.ID)
		if !ok {
			t.Fatal("it is not held")
		}
		use.Release()
		closeTest(t, c)
	})
	c = openTest(t, dir, Options{}, testSeams())
	if err := c.SetLimit(c.Stats().Bytes + songCost(&next)/2); err != nil {
		t.Fatal(err)
	}
	fill(t, c, &next)
	mustNotHold(t, c, &before)
	if _, ok := c.Lookup(after.ID); !ok {
		t.Error("what was used last is evicted first")
	}
}
