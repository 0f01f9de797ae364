package library

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/protocol"
)

func TestADamagedDatabaseIsMadeAnew(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	data := t.TempDir()
	os.WriteFile(filepath.Join(data, databaseFile), []byte(strings.Repeat("no database ", 1000)), 0o600)
	l, err := Open(context.Background(), data, f.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	scan(t, l)
	if l.Len() != 1 {
		t.Errorf("%d tracks", l.Len())
	}
}

func TestADatabaseIsKeptUnlessItIsBad(t *testing.T) {
	f := newFolder(t)
	for i := range 50 {
		f.track(fmt.Sprintf("%d.mp3", i), fmt.Sprint("Track ", i), "A", "X", i)
	}
	data := filepath.Join(t.TempDir(), "100% a?b#c")
	os.Mkdir(data, 0o700)
	path := filepath.Join(data, databaseFile)
	with := func(do func(*Library)) {
		t.Helper()
		l, err := Open(t.Context(), data, f.path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		do(l)
	}
	left := func() (n int) { // when it is opened again; a scan then finds all
		t.Helper()
		with(func(l *Library) {
			n = l.Len()
			if scan(t, l); l.Len() != 50 {
				t.Errorf("%d tracks after a scan", l.Len())
			}
		})
		return n
	}
	left()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := Open(cancelled, data, f.path, Options{}); err == nil {
		l.Close()
		t.Error("opened with a context that had ended")
	}
	if n := left(); n != 50 {
		t.Errorf("%d tracks when opened again", n)
	}
	for _, bad := range []string{
		"PRAGMA user_version = 1",
		"PRAGMA user_version = 4", // and has today's tables
		"PRAGMA user_version = 0",
		"PRAGMA user_version = 99",
		"DROP TABLE tracks",
	} {
		with(func(l *Library) {
			if _, err := l.db.Exec(bad); err != nil {
				t.Fatal(err)
			}
		})
		if n := left(); n != 0 {
			t.Errorf("%s: %d tracks are left", bad, n)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b); i++ {
		b[i] ^= 0x55
	}
	os.WriteFile(path, b, 0o600)
	if n := left(); n != 0 {
		t.Errorf("with its pages overwritten %d tracks are left", n)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Errorf("the bad one is not kept: %v", err)
	}
}

// withOneTrack returns a folder of one track, and a library in the folder data that has
// taken it in.
func withOneTrack(t *testing.T) (f folder, id protocol.ID, data string, l *Library) {
	t.Helper()
	f, data = newFolder(t), t.TempDir()
	id = f.track("1.mp3", "One", "A", "X", 1)
	l, err := Open(t.Context(), data, f.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	scan(t, l)
	return f, id, data, l
}

func TestADatabaseOfTheVersionBeforeKeepsWhatWasMeasured(t *testing.T) {
	f, id, data, l := withOneTrack(t)
	for _, change := range []string{
		"ALTER TABLE tracks ADD COLUMN cover_offset INTEGER",
		"ALTER TABLE tracks ADD COLUMN cover_size INTEGER",
		"ALTER TABLE tracks ADD COLUMN cover_mime TEXT",
		"INSERT INTO loudness (id, blocks, gain, peak) SELECT id, x'00', 1, 1 FROM tracks",
		"PRAGMA user_version = 4",
	} {
		if _, err := l.db.Exec(change); err != nil {
			t.Fatal(change, err)
		}
	}
	l.Close()
	l, err := Open(t.Context(), data, f.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var measured int
	if err := l.db.QueryRow("SELECT count(*) FROM loudness").Scan(&measured); err != nil || measured != 1 || l.Len() != 1 {
		t.Errorf("%d tracks, %d of them measured, %v", l.Len(), measured, err)
	}
	f.track("2.mp3", "Two", "A", "X", 2) // and it takes new ones
	if scan(t, l); l.Len() != 2 {
		t.Errorf("%d tracks after a scan", l.Len())
	}
	if _, err := l.Header(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func TestDamageFoundLaterIsMendedByTheNextStart(t *testing.T) {
	f, id, data, l := withOneTrack(t)
	if _, err := l.db.Exec("UPDATE tracks SET header = x'00'"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Header(t.Context(), id); err == nil || !strings.Contains(err.Error(), "start again") {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), data, f.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	scan(t, l)
	if _, err := l.Header(t.Context(), id); err != nil {
		t.Error(err)
	}
}
