package cache

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

// victimEnv names the folder that the test binary, run again, fills until it is
// killed.
const victimEnv = "EARSHOT_CACHE_VICTIM"

// victimSongs are what a victim puts.
const victimSongs = 40

func victimSong(i int) song { return newSong(30_000+i*7_001, uint64(i)) }

// victim puts chunks, evicts and removes, and says each chunk that is stored and
// each track that is lost, until it is killed.
func victim(dir string) {
	out := make(chan string, 1)
	c, err := open(dir, Options{Limit: 2_000_000, OnLost: func(id protocol.ID) { out <- "lost " + id.String() }}, testSeams())
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	go func() {
		for s := range out {
			os.Stdout.WriteString(s + "\n") // one write, never torn
		}
	}()
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 0))
	for {
		s := victimSong(r.IntN(victimSongs))
		t, err := c.Acquire(s.Header)
		if err == nil {
			err = t.SetProof(s.tree)
		}
		for _, i := range r.Perm(s.chunks())[:1+r.IntN(s.chunks())] {
			if err == nil {
				err = t.Put(i, s.chunk(i))
			}
			if err == nil {
				out <- fmt.Sprintf("put %s %d", s.ID, i)
			}
		}
		if err != nil {
			out <- "failed " + err.Error()
		} else {
			t.Release()
		}
		if r.IntN(5) == 0 {
			c.Remove(s.ID)
		}
	}
}

// runVictim starts a victim, kills it after it has said so many lines, and
// brings what it said to what.
func runVictim(t *testing.T, dir string, lines int, say func(line string)) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for n := 0; scanner.Scan(); n++ {
		if strings.HasPrefix(scanner.Text(), "failed") {
			t.Error(scanner.Text())
		}
		say(scanner.Text())
		if n == lines {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
}

// TestKillLosesNothingThatWasPut kills a real process again and again, in the
// middle of whatever it does.
func TestKillLosesNothingThatWasPut(t *testing.T) {
	dir := t.TempDir()
	songs := map[protocol.ID]song{}
	for i := range victimSongs {
		s := victimSong(i)
		songs[s.ID] = s
	}
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 12 {
		put := map[protocol.ID]map[int]bool{}
		runVictim(t, dir, 1+r.IntN(600), func(line string) {
			var id protocol.ID
			word, rest, _ := strings.Cut(line, " ")
			hex, number, _ := strings.Cut(rest, " ")
			if err := id.UnmarshalText([]byte(hex)); err != nil {
				return
			}
			switch word {
			case "lost":
				delete(put, id)
			case "put":
				var i int
				fmt.Sscan(number, &i)
				if put[id] == nil {
					put[id] = map[int]bool{}
				}
				put[id][i] = true
			}
		})
		c := openTest(t, dir, Options{}, testSeams())
		missing := 0
		for id, chunks := range put {
			s := songs[id]
			tr, ok := c.AcquireCached(id)
			if !ok {
				missing++ // it may have been lost when no one could be told any more
				continue
			}
			for i := range chunks {
				if !tr.Has(i) {
					t.Errorf("round %d: chunk %d of %d is missing from %s", round, i, s.chunks(), id.Short())
				}
			}
			tr.Release()
		}
		// A track may have been on its way out, by the limit or by Remove, and
		// the news of it still on theirs, behind two more in the channel.
		if missing > 4 {
			t.Errorf("round %d: %d of %d tracks are missing", round, missing, len(put))
		}
		if v, err := c.Verify(t.Context(), nil); err != nil || v.Damaged > 0 {
			t.Errorf("round %d: %+v, %v", round, v, err)
		}
		agreesWithDisk(t, c, dir)
		closeTest(t, c)
	}
}

// agreesWithDisk fails unless the books agree with what the files take. File
// systems count blocks of their own for files in many pieces: a few a track.
func agreesWithDisk(t testing.TB, c *Cache, dir string) {
	t.Helper()
	took, _ := onDisk(t, filepath.Join(dir, tracksDir))
	s := c.Stats()
	booked := s.Bytes - c.overhead
	if took < booked || took > booked+int64(s.Tracks)*2*blockSize {
		t.Errorf("%d bytes on disk, %d in the books, %d tracks", took, booked, s.Tracks)
	}
}

func TestTornWriteIsNotTakenForAChunk(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	s := newSong(150_000, 1)
	fill(t, c, &s, 0, 3)
	dir = crash(t, dir)
	f, err := os.OpenFile(filepath.Join(dir, tracksDir, s.ID.String()[:2], s.ID.String()+dataExt), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt(s.chunk(1)[:5000], 1*protocol.ChunkSize)        // torn
	f.WriteAt(s.chunk(4), 4*protocol.ChunkSize)               // whole, but not recorded
	f.WriteAt(make([]byte, 9999), s.Size)                     // garbage behind the end
	f.WriteAt([]byte("overwritten"), 3*protocol.ChunkSize+99) // a stored one torn
	f.Close()
	c = openTest(t, dir, Options{}, testSeams())
	mustHold(t, c, &s, 0, 4)
	fill(t, c, &s)
	mustHold(t, c, &s, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	agreesWithDisk(t, c, dir)
}

func TestCrashLeavesNoStrayFiles(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	s, halfMade, halfGone := newSong(150_000, 1), newSong(100_000, 2), newSong(100_000, 3)
	fill(t, c, &s, 7)
	fill(t, c, &halfMade, 1)
	fill(t, c, &halfGone, 1)
	empty := newSong(100_000, 4)
	tr := acquire(t, c, &empty)
	defer tr.Release()
	dir = crash(t, dir)
	tracks := filepath.Join(dir, tracksDir)
	for _, err := range []error{
		os.Remove(filepath.Join(tracks, halfMade.ID.String()[:2], halfMade.ID.String()+proofExt)),
		os.Remove(filepath.Join(tracks, halfGone.ID.String()[:2], halfGone.ID.String()+dataExt)),
		os.WriteFile(filepath.Join(tracks, s.ID.String()[:2], s.ID.String()+proofExt+tempExt), []byte("torn"), 0o600),
		os.WriteFile(filepath.Join(tracks, "stray"), nil, 0o600),
		os.MkdirAll(filepath.Join(tracks, "ab", "folder", "deep"), 0o700),
		os.WriteFile(filepath.Join(tracks, "ab", strings.ToUpper(s.ID.String())+dataExt), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c = openTest(t, dir, Options{}, testSeams())
	mustHold(t, c, &s, 7)
	mustNotHold(t, c, &halfMade)
	mustNotHold(t, c, &halfGone)
	mustNotHold(t, c, &empty)
	if _, n := onDisk(t, tracks); n != 2 {
		t.Errorf("%d files are left, want 2", n)
	}
}

func TestOrderOfUseAndPinsOutliveACrash(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	a, b := newSong(150_000, 1), newSong(150_000, 2)
	fill(t, c, &a, 1)
	fill(t, c, &b, 2)
	mustHold(t, c, &a, 1)
	if err := c.Pin(b.ID, true); err != nil {
		t.Fatal(err)
	}
	c.Ledger().Play(time.Second)
	if err := c.flush(); err != nil { // what a second does
		t.Fatal(err)
	}
	var order []Info
	for in := range c.Tracks() {
		order = append(order, in)
	}
	c = openTest(t, crash(t, dir), Options{}, testSeams())
	i := 0
	for in := range c.Tracks() {
		if in != order[i] {
			t.Errorf("%+v, want %+v", in, order[i])
		}
		i++
	}
	if n := c.Ledger().Snapshot().Plays; n != 1 {
		t.Errorf("%d plays", n)
	}
}

func TestCleanCacheIsNotVerifiedOnOpening(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	s := newSong(150_000, 1)
	fill(t, c, &s, 1, 2)
	data := c.path(s.ID, dataExt)
	closeTest(t, c)
	damage(t, data, 1*protocol.ChunkSize)
	c = openTest(t, dir, Options{}, testSeams())
	if in, _ := c.Lookup(s.ID); in.Have != 2 {
		t.Errorf("it read the files: %+v", in)
	}
}

func TestOldPartialTrackIsTrustedAfterACrash(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	old, recent, grown := newSong(150_000, 1), newSong(150_000, 2), newSong(150_000, 3)
	for _, s := range []*song{&old, &recent, &grown} {
		fill(t, c, s, 1, 2)
	}
	for _, e := range c.tracks {
		e.changed -= int64(time.Minute) // a minute passes
	}
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	fill(t, c, &grown, 4, 5, 6) // not yet in the index
	copied := crash(t, dir)
	data := func(s *song) string {
		return filepath.Join(copied, tracksDir, s.ID.String()[:2], s.ID.String()+dataExt)
	}
	long := time.Now().Add(-time.Hour)
	for _, s := range []*song{&old, &recent} {
		f, err := os.OpenFile(data(s), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		punch(f, 0, protocol.ChunkSize) // what os.CopyFS made of the hole
		punch(f, 3*protocol.ChunkSize, 150_000)
		f.Close()
		damage(t, data(s), protocol.ChunkSize)
	}
	for _, s := range []*song{&old, &grown} {
		if err := os.Chtimes(data(s), long, long); err != nil {
			t.Fatal(err)
		}
	}
	c = openTest(t, copied, Options{}, testSeams())
	if in, _ := c.Lookup(old.ID); in.Have != 2 {
		t.Errorf("a track older than its record was read: %+v", in)
	}
	mustHold(t, c, &recent, 2)
	mustHold(t, c, &grown, 1, 2, 4, 5, 6) // a clock set back does not hide it
}

// TestDamagedIndexIsRebuiltFromTheFiles damages the index in every way that a
// disk can think of.
func TestDamagedIndexIsRebuiltFromTheFiles(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	whole, part := newSong(100_000, 1), newSong(200_000, 2)
	fill(t, c, &whole)
	fill(t, c, &part, 0, 5, 12)
	closeTest(t, c)
	good, err := os.ReadFile(filepath.Join(dir, indexFile))
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{
		"gone": nil, "empty": {}, "garbage": []byte(strings.Repeat("garbage ", 10_000)), "a byte": {1},
	}
	for n := 4096; n < len(good); n += 4096 {
		damages[fmt.Sprintf("cut at %d", n)] = good[:n]
		zeroed := append([]byte(nil), good...)
		clear(zeroed[n-4096 : n])
		damages[fmt.Sprintf("page before %d zeroed", n)] = zeroed
	}
	r := rand.New(rand.NewPCG(3, 4))
	for k := range 60 {
		flipped := append([]byte(nil), good...)
		for range 1 + k {
			flipped[r.IntN(len(flipped))] ^= 1 << r.IntN(8)
		}
		damages[fmt.Sprintf("%d bits flipped", 1+k)] = flipped
	}
	for name, index := range damages {
		if index == nil {
			os.Remove(filepath.Join(dir, indexFile))
			os.WriteFile(filepath.Join(dir, uncleanFile), nil, 0o600)
		} else if err := os.WriteFile(filepath.Join(dir, indexFile), index, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := open(dir, Options{}, testSeams())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// Whatever the index claims, no wrong byte is read, and all can be had.
		fill(t, c, &whole)
		fill(t, c, &part)
		if _, err := c.Verify(t.Context(), nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fill(t, c, &whole)
		fill(t, c, &part)
		mustHold(t, c, &whole, 0, 1, 2, 3, 4, 5, 6)
		mustHold(t, c, &part, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		c.flush() // may find that the index is damaged, never more
		c.Close()
		os.Remove(filepath.Join(dir, damagedFile))
	}
}

func TestDamagedIndexIsSetAside(t *testing.T) {
	dir := t.TempDir()
	c := openTest(t, dir, Options{}, testSeams())
	s := newSong(200_000, 2)
	fill(t, c, &s, 0, 5, 12)
	closeTest(t, c)
	index := filepath.Join(dir, indexFile)
	if err := os.Truncate(index, 5000); err != nil {
		t.Fatal(err)
	}
	c = openTest(t, dir, Options{}, testSeams())
	mustHold(t, c, &s, 0, 5, 12)
	if fi, err := os.Stat(filepath.Join(dir, damagedFile)); err != nil || fi.Size() != 5000 {
		t.Errorf("set aside: %v %v", fi, err)
	}
	closeTest(t, c)
	c = openTest(t, dir, Options{}, testSeams())
	mustHold(t, c, &s, 0, 5, 12)
}
