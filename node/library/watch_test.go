package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"earshot/node/control"
	"earshot/protocol"
)

// watched is a library that is watched in virtual time, with made-up events.
type watched struct {
	folder
	*Library
	events chan fsnotify.Event
	errors chan error
	asked  []string // the folders to be watched
	fail   error    // of asking
	scans  atomic.Int64

	mu      sync.Mutex
	skipped []string // as told
}

// watch runs a test in virtual time; prepare may be nil.
func watch(t *testing.T, prepare func(*watched), test func(*watched)) {
	f, data := newFolder(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f.t = t
		l, err := Open(t.Context(), data, f.path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		w := &watched{folder: f, Library: l, events: make(chan fsnotify.Event), errors: make(chan error)}
		if prepare != nil {
			prepare(w)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.follow(ctx, changes{w.events, w.errors, func(path string) error {
				w.asked = append(w.asked, path)
				return w.fail
			}}, w.scanned)
		}()
		synctest.Wait() // the first scan, at once
		test(w)
		cancel()
		<-done
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (w *watched) scanned(skipped []control.Skipped) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range skipped {
		w.skipped = append(w.skipped, s.Path+": "+s.Reason)
	}
	w.scans.Add(1)
}

// told returns what was told of since it was asked last.
func (w *watched) told() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.skipped
	w.skipped = nil
	return told
}

// event tells of a file, whose time is now.
func (w *watched) event(op fsnotify.Op, name string) {
	path := filepath.Join(w.path(), name)
	os.Chtimes(path, time.Now(), time.Now())
	w.events <- fsnotify.Event{Name: path, Op: op}
}

func (w *watched) path() string { return w.folder.path }

func (w *watched) wantTracks(n int) {
	w.t.Helper()
	synctest.Wait()
	if w.Len() != n {
		w.t.Errorf("%d tracks, want %d", w.Len(), n)
	}
}

func TestAGrowingFileIsTakenInOnceItIsStill(t *testing.T) {
	watch(t, nil, func(w *watched) {
		for frames := range 8 {
			w.write("1.mp3", mp3(10+frames, nil))
			w.event(fsnotify.Write, "1.mp3")
			time.Sleep(settle / 2)
		}
		w.wantTracks(0)
		time.Sleep(settle / 2)
		w.wantTracks(1)
		if n := w.scans.Load(); n != 2 {
			w.t.Errorf("%d scans, want one at first and one when the file was still", n)
		}
	})
}

func TestAFolderThatIsNeverStillIsScannedAllTheSame(t *testing.T) {
	watch(t, nil, func(w *watched) {
		w.write("1.mp3", mp3(10, nil))
		w.event(fsnotify.Create, "1.mp3")
		for range 2 * (overdue + 2*settle) / settle {
			w.write("growing.mp3", mp3(10, nil))
			w.event(fsnotify.Write, "growing.mp3")
			time.Sleep(settle / 2)
		}
		w.wantTracks(1) // not the other
	})
}

func TestAFileThatCannotBeTakenIsToldOfOnce(t *testing.T) {
	prepare := func(w *watched) {
		w.write("known.mp3", []byte("no music"))
		os.Chtimes(filepath.Join(w.path(), "known.mp3"), time.Unix(1, 0), time.Unix(1, 0))
		if _, err := w.scan(w.t.Context(), time.Time{}, nil); err != nil { // as when the server begins
			w.t.Fatal(err)
		}
	}
	watch(t, prepare, func(w *watched) {
		if told := w.told(); len(told) > 0 {
			w.t.Errorf("it was known before: %q", told)
		}
		whole := mp3(10, nil)
		for name, data := range map[string][]byte{
			"text.mp3": []byte("hello"), "empty.flac": nil, "good.mp3": whole, "cut.mp3": whole[:100], "new.m4a": []byte("x"),
		} {
			w.write(name, data)
			w.event(fsnotify.Create, name)
		}
		time.Sleep(settle + time.Millisecond)
		told := w.told()
		slices.Sort(told)
		if len(told) != 4 || w.Len() != 1 {
			w.t.Errorf("%q, and %d tracks", told, w.Len())
		}
		for i, name := range []string{"cut.mp3: ", "empty.flac: ", "new.m4a: ", "text.mp3: "} {
			if i >= len(told) || len(told[i]) <= len(name) || told[i][:len(name)] != name {
				w.t.Errorf("%q, want one of %s", told, name)
			}
		}
		w.event(fsnotify.Write, "text.mp3") // read again, and still none
		time.Sleep(settle + time.Millisecond)
		if told := w.told(); len(told) > 0 {
			w.t.Errorf("again: %q", told)
		}
	})
}

func TestAFileThatWasBeingWrittenAtTheStartIsNotForgotten(t *testing.T) {
	prepare := func(w *watched) {
		w.write("1.mp3", mp3(10, nil))
		os.Chtimes(filepath.Join(w.path(), "1.mp3"), time.Now(), time.Now())
	}
	watch(t, prepare, func(w *watched) {
		w.wantTracks(0)
		time.Sleep(settle)
		w.wantTracks(1)
	})
}

func TestAFileFromTheFutureIsTakenIn(t *testing.T) {
	prepare := func(w *watched) {
		w.write("1.mp3", mp3(10, nil))
		os.Chtimes(filepath.Join(w.path(), "1.mp3"), time.Now(), time.Now().AddDate(70, 0, 0))
	}
	watch(t, prepare, func(w *watched) { w.wantTracks(1) })
}

func TestAFolderThatCannotBeWatchedIsLookedAtEveryMinute(t *testing.T) {
	prepare := func(w *watched) { w.fail = syscall.ENOSPC }
	watch(t, prepare, func(w *watched) {
		w.write("1.mp3", mp3(10, nil))
		time.Sleep(pollEvery - time.Second)
		w.wantTracks(0)
		time.Sleep(time.Second)
		w.wantTracks(1)
	})
}

func TestOnlyWhatMayBeMusicCausesAScan(t *testing.T) {
	watch(t, nil, func(w *watched) {
		w.write("earshot/library.db-wal", []byte("x"))
		w.write("cover.jpg", []byte("x"))
		w.event(fsnotify.Write, "earshot/library.db-wal")
		w.event(fsnotify.Create, "cover.jpg")
		w.event(fsnotify.Chmod, "cover.jpg")
		w.event(fsnotify.Create, ".1.mp3.part")
		time.Sleep(overdue)
		if n := w.scans.Load(); n != 1 {
			w.t.Errorf("%d scans, want the first only", n)
		}
		for i, e := range []fsnotify.Event{{Name: "gone", Op: fsnotify.Remove}, {Name: "1.mp3", Op: fsnotify.Write}, {Name: "1.MP3", Op: fsnotify.Chmod}, {Name: "a.flac", Op: fsnotify.Create}} {
			w.event(e.Op, e.Name)
			time.Sleep(overdue)
			if n := w.scans.Load(); n != int64(i)+2 {
				w.t.Errorf("%d scans after %v", n, e)
			}
		}
	})
}

func TestNewFoldersAreWatched(t *testing.T) {
	watch(t, nil, func(w *watched) {
		w.write("new/deep/1.mp3", mp3(10, nil))
		w.write("new/.hidden/1.mp3", mp3(10, nil))
		w.event(fsnotify.Create, "new")
		synctest.Wait()
		want := fmt.Sprint([]string{w.path(), filepath.Join(w.path(), "new"), filepath.Join(w.path(), "new/deep")})
		if got := fmt.Sprint(w.asked); got != want {
			w.t.Errorf("watched %s, want %s", got, want)
		}
		w.asked = nil
		w.errors <- fsnotify.ErrEventOverflow
		time.Sleep(settle)
		synctest.Wait()
		if got := fmt.Sprint(w.asked); got != want {
			w.t.Errorf("after events were lost: watched %s, want %s", got, want)
		}
	})
}

func TestAFileFoundChangedIsScannedAgain(t *testing.T) {
	prepare := func(w *watched) { w.write("1.mp3", mp3(10, nil)) }
	watch(t, prepare, func(w *watched) {
		w.wantTracks(1)
		r, err := w.Search(w.t.Context(), protocol.Query{Kind: protocol.QueryTracks})
		if err != nil {
			w.t.Fatal(err)
		}
		os.Remove(filepath.Join(w.path(), "1.mp3"))
		if _, err := w.Content(w.t.Context(), r.Tracks[0].ID); !errors.Is(err, ErrChanged) {
			w.t.Errorf("got %v, want ErrChanged", err)
		}
		w.wantTracks(0)
	})
}

// The one test on a real folder: it takes seconds, as files must be still.
func TestAWatchedFolderIsTakenInAsItChanges(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	outside := newFolder(t)
	outside.track("2.mp3", "Two", "A", "X", 2)
	l := f.open()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	scanned, done := make(chan struct{}, 100), make(chan error, 1)
	go func() { done <- l.Watch(ctx, func([]control.Skipped) { scanned <- struct{}{} }) }()
	until := func(want string) {
		t.Helper()
		for titles(t, l, protocol.Query{Kind: protocol.QueryTracks}) != want {
			select {
			case <-scanned:
			case <-ctx.Done():
				t.Fatalf("%q, want %q", titles(t, l, protocol.Query{Kind: protocol.QueryTracks}), want)
			}
		}
	}
	until("One")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, filepath.Join(f.path, to)); err != nil {
			t.Fatal(err)
		}
	}
	move(outside.path, "in")
	until("One, Two")
	move(filepath.Join(f.path, "in"), "renamed")
	f.track("renamed/deep/3.mp3", "Three", "A", "X", 3)
	until("One, Two, Three")
	f.track("renamed/deep/4.mp3", "Four", "A", "X", 4)
	os.Remove(filepath.Join(f.path, "1.mp3"))
	until("Two, Three, Four")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
