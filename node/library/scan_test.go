package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"earshot/protocol"
)

func TestOnlyNewAndChangedFilesAreRead(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	f.track("2.mp3", "Two", "A", "X", 2)
	l := f.open()
	if p := scan(t, l); p.Files != 2 {
		t.Fatalf("first scan: %+v", p)
	}
	if p := scan(t, l); p.TotalFiles != 0 {
		t.Errorf("an unchanged folder: %+v", p)
	}
	f.track("2.mp3", "Two, changed", "A", "X", 2)
	f.track("3.mp3", "Three", "A", "X", 3)
	if p := scan(t, l); p.Files != 2 {
		t.Errorf("one changed, one new: %+v", p)
	}
	if got := titles(t, l, protocol.Query{Kind: protocol.QueryTracks}); got != "One, Two, changed, Three" {
		t.Errorf("tracks: %s", got)
	}
}

func TestRemovedAndRenamedFiles(t *testing.T) {
	f := newFolder(t)
	id := f.track("1.mp3", "One", "A", "X", 1)
	gone := f.track("2.mp3", "Two", "A", "X", 2)
	l := f.open()
	scan(t, l)
	os.Rename(filepath.Join(f.path, "1.mp3"), filepath.Join(f.path, "renamed.mp3"))
	os.Remove(filepath.Join(f.path, "2.mp3"))
	scan(t, l)
	if l.Len() != 1 {
		t.Errorf("%d tracks", l.Len())
	}
	if c, err := l.Content(context.Background(), id); err != nil {
		t.Errorf("the renamed track: %v", err)
	} else {
		c.Close()
	}
	if _, err := l.Header(context.Background(), gone); !errors.Is(err, ErrUnknownTrack) {
		t.Errorf("the removed track: %v", err)
	}
	if got := titles(t, l, protocol.Query{Text: "two"}); got != "" {
		t.Errorf("the removed track is found: %s", got)
	}
}

func TestTwoFilesWithTheSameBytesAreOneTrack(t *testing.T) {
	f := newFolder(t)
	id := f.track("1.mp3", "One", "A", "X", 1)
	f.track("copy/1.mp3", "One", "A", "X", 1)
	l := f.open()
	scan(t, l)
	if l.Len() != 1 {
		t.Fatalf("%d tracks", l.Len())
	}
	os.Remove(filepath.Join(f.path, "1.mp3"))
	scan(t, l)
	if c, err := l.Content(context.Background(), id); err != nil {
		t.Errorf("with one copy left: %v", err)
	} else {
		c.Close()
	}
}

func TestWhatCannotBeTakenIsListedWithTheReason(t *testing.T) {
	f := newFolder(t)
	f.track("good.mp3", "Good", "A", "X", 1)
	f.write("empty.mp3", nil)
	f.write("text.mp3", []byte("this is no music at all, only its name says so"))
	f.write("song.flac", []byte("fLaC"))
	f.write("song.wma", []byte("x"))
	f.write("pages.ogg", []byte("OggS"))
	f.write("cover.jpg", []byte("picture"))
	f.write("new\nline.mp3", []byte("x"))
	f.write("latin1-\xe9.mp3", []byte("x"))
	f.write("large.mp3", nil)
	os.Truncate(filepath.Join(f.path, "large.mp3"), protocol.MaxTrackSize+1)
	if err := syscall.Mkfifo(filepath.Join(f.path, "pipe.mp3"), 0o600); err != nil {
		t.Fatal(err)
	}
	outside := newFolder(t)
	outside.track("secret.mp3", "Secret", "A", "X", 1)
	os.Symlink(filepath.Join(outside.path, "secret.mp3"), filepath.Join(f.path, "link.mp3"))
	os.Symlink(outside.path, filepath.Join(f.path, "linked"))
	os.Symlink(".", filepath.Join(f.path, "loop"))
	l := f.open()
	scan(t, l)
	if got := titles(t, l, protocol.Query{Kind: protocol.QueryTracks}); got != "Good" {
		t.Errorf("tracks: %s", got)
	}
	skipped, err := l.Skipped(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, s := range skipped {
		reasons[s.Path] = s.Reason
	}
	for path, want := range map[string]string{
		"empty.mp3": "empty", "text.mp3": "", "song.flac": "truncated", "song.wma": "WMA is not supported", "pages.ogg": "truncated", "link.mp3": "out of the folder",
		"new\nline.mp3": "", "latin1-\xe9.mp3": "", "linked": "out of the folder", "large.mp3": "larger than 1024 MiB",
	} {
		if got, ok := reasons[path]; !ok || !strings.Contains(got, want) || got == "" {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	if len(reasons) != 10 {
		t.Errorf("skipped: %v", reasons)
	}
}

func TestACancelledScanIsContinued(t *testing.T) {
	f := newFolder(t)
	for i := range 20 {
		f.track(fmt.Sprintf("%d.mp3", i), fmt.Sprint("Track ", i), "A", "X", i)
	}
	l := f.open()
	ctx, cancel := context.WithCancel(context.Background())
	err := l.Scan(ctx, func(p Progress) {
		if p.Files == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if p := scan(t, l); p.Files > 15 || l.Len() != 20 {
		t.Errorf("read %d again, %d tracks", p.Files, l.Len())
	}
}

func TestAFileOfTheSameSizeAndTimeIsNotRead(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	l := f.open()
	scan(t, l)
	path := filepath.Join(f.path, "1.mp3")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f.track("1.mp3", "Two", "A", "X", 1)
	os.Chtimes(path, info.ModTime(), info.ModTime())
	scan(t, l)
	if got := titles(t, l, protocol.Query{Kind: protocol.QueryTracks}); got != "One" {
		t.Errorf("it was read: %s", got)
	}
}

func TestACancelledReadSaysNothingOfTheFile(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	l := f.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := l.read(ctx, file{path: "1.mp3", size: 1 << 20}); !r.again || !strings.Contains(r.reason, "canceled") {
		t.Errorf("%+v: reading goes on", r)
	}
	done, wait := l.readAll(ctx, []file{{path: "1.mp3", size: 1 << 20}})
	wait()
	select {
	case r := <-done:
		t.Errorf("%+v", r)
	default:
	}
}

func TestWhatCouldNotBeReadIsTriedAgain(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	l := f.open()
	info, err := os.Stat(filepath.Join(f.path, "1.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	r := l.read(t.Context(), file{"gone.mp3", info.Size(), info.ModTime().UnixNano()})
	r.path = "1.mp3" // as if it had been there, and unreadable
	if err := l.enter(t.Context(), []result{r}); err != nil {
		t.Fatal(err)
	}
	if skipped, err := l.Skipped(t.Context()); err != nil || len(skipped) != 1 {
		t.Errorf("skipped: %v, %v", skipped, err)
	}
	scan(t, l)
	if l.Len() != 1 {
		t.Error("it was not tried again")
	}
}

func TestAFolderThatFailsKeepsItsTracks(t *testing.T) {
	w := walk{known: map[string]*known{"disk/1.mp3": {}, "disk2/1.mp3": {}}}
	w.keepBelow("disk")
	if !w.known["disk/1.mp3"].seen || w.known["disk2/1.mp3"].seen {
		t.Error("not what is below it")
	}
}

func TestTheMusicFolderMayBeASymbolicLink(t *testing.T) {
	f := newFolder(t)
	f.track("1.mp3", "One", "A", "X", 1)
	link := filepath.Join(t.TempDir(), "Music")
	if err := os.Symlink(f.path, link); err != nil {
		t.Fatal(err)
	}
	f.path = link
	l := f.open()
	scan(t, l)
	if l.Len() != 1 {
		t.Errorf("%d tracks", l.Len())
	}
}

func TestHiddenFilesAndFoldersArePassedOver(t *testing.T) {
	f := newFolder(t)
	f.track(".Trash-1000/files/1.mp3", "Deleted", "A", "X", 1)
	f.write("._2.mp3", []byte("what macOS keeps of a file"))
	l := f.open()
	scan(t, l)
	if skipped, err := l.Skipped(t.Context()); l.Len() != 0 || len(skipped) != 0 || err != nil {
		t.Errorf("%d tracks, skipped %v, %v", l.Len(), skipped, err)
	}
}

func TestWithoutTagsATrackIsNamedAfterItsFile(t *testing.T) {
	f := newFolder(t)
	f.write("Album/01 Früh\x1b.mp3", mp3(10, nil))
	l := f.open()
	scan(t, l)
	all := protocol.Query{Kind: protocol.QueryTracks}
	r, err := l.Search(t.Context(), all)
	if err != nil || len(r.Tracks) != 1 || r.Tracks[0].Title != "01 Früh" || r.Tracks[0].Album != "Album" {
		t.Errorf("%+v, %v", r, err)
	}
	os.Rename(filepath.Join(f.path, "Album/01 Früh\x1b.mp3"), filepath.Join(f.path, "Album/Spät.mp3"))
	scan(t, l)
	if got := titles(t, l, all); got != "Spät" {
		t.Errorf("renamed: %s", got)
	}
	if got := titles(t, l, protocol.Query{Text: "spat"}) + titles(t, l, protocol.Query{Text: "fruh"}); got != "Spät" {
		t.Errorf("found by the new name and not by the old one: %s", got)
	}
}

func TestSearchAndReadGoOnBesideAScan(t *testing.T) {
	f := newFolder(t)
	id := f.track("0.mp3", "Track", "A", "X", 0)
	l := f.open()
	scan(t, l)
	for i := range 200 {
		f.track(fmt.Sprintf("%d/%d.mp3", i/10, i), fmt.Sprint("Track ", i), "A", "X", i)
	}
	var wg sync.WaitGroup
	scanned := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for done := false; !done; {
				select {
				case <-scanned:
					done = true
				default:
				}
				if r, err := l.Search(t.Context(), protocol.Query{Text: "track"}); err != nil || r.Total == 0 {
					t.Errorf("%d found, %v", r.Total, err)
				}
				if _, err := l.Header(t.Context(), id); err != nil {
					t.Error(err)
				}
				if c, err := l.Content(t.Context(), id); err != nil {
					t.Error(err)
				} else {
					c.Close()
				}
			}
		})
	}
	scan(t, l)
	close(scanned)
	wg.Wait()
	if l.Len() != 201 {
		t.Errorf("%d tracks", l.Len())
	}
}
