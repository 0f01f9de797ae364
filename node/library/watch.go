package library

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"earshot/node/control"
)

const (
	// settle is how long a folder and its files must be still before they are
	// scanned: a copy over a network writes more often than that.
	settle = time.Second
	// overdue is when a folder that is never still is scanned all the same.
	overdue = 30 * time.Second
	// pollEvery is how often the folder is scanned where it cannot be watched:
	// an unchanged file costs 5 us.
	pollEvery = time.Minute
)

// Watch scans the folder whenever it has changed, until ctx ends; changed is
// called after each scan, with what that could not take and is new, or was refused for
// another reason before. A file is taken in once it has been still for a second.
// Where the system cannot watch so many folders it looks every minute, too.
func (l *Library) Watch(ctx context.Context, changed func(skipped []control.Skipped)) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		l.follow(ctx, changes{watch: func(string) error { return err }}, changed)
		return nil
	}
	defer w.Close()
	l.follow(ctx, changes{events: w.Events, errors: w.Errors, watch: w.Add}, changed)
	return nil
}

// changes is where word of changes comes from.
type changes struct {
	events <-chan fsnotify.Event
	errors <-chan error
	watch  func(folder string) error // asks for word of what is in a folder
}

// follower is the state of a Watch.
type follower struct {
	*Library
	changes
	timer   *time.Timer  // of the next scan
	first   time.Time    // of the changes since the last scan; zero: none
	poll    *time.Ticker // runs once a folder could not be watched
	polling bool
}

func (l *Library) follow(ctx context.Context, c changes, changed func(skipped []control.Skipped)) {
	f := &follower{Library: l, changes: c, timer: time.NewTimer(0), poll: time.NewTicker(pollEvery)}
	defer f.timer.Stop()
	defer f.poll.Stop()
	f.poll.Stop()
	f.watchBelow(l.path)
	for { // the timer begins at 0: what changed before comes first
		select {
		case e := <-f.events:
			if f.concerns(e) {
				f.wait()
			}
			continue
		case err := <-f.errors: // word was lost, perhaps of new folders
			l.log.Warn("watching the music folder", "err", err)
			f.watchBelow(l.path)
			f.wait()
			continue
		case <-l.stale:
		case <-f.poll.C:
		case <-f.timer.C:
		case <-ctx.Done():
			return
		}
		changed(f.scan(ctx))
		if ctx.Err() != nil {
			return
		}
	}
}

// wait puts the next scan off until the folder has been still.
func (f *follower) wait() {
	if f.first.IsZero() {
		f.first = time.Now()
	}
	if time.Since(f.first) < overdue {
		f.timer.Reset(settle)
	}
}

func (f *follower) scan(ctx context.Context) (skipped []control.Skipped) {
	f.first = time.Time{}
	found, err := f.Library.scan(ctx, time.Now().Add(-settle), nil)
	if err != nil && ctx.Err() == nil {
		f.log.Warn("scanning the music folder", "err", err)
	}
	if found.unsettled && !f.polling { // the next poll comes soon enough
		f.wait()
	}
	return found.skipped
}

// concerns reports whether an event may change the catalogue, and watches a
// folder that is new or may be read now.
func (f *follower) concerns(e fsnotify.Event) bool {
	if isHidden(filepath.Base(e.Name)) {
		return false
	}
	if kindOf(e.Name) == other && e.Has(fsnotify.Write) {
		return false // a database may be written all day
	}
	if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Chmod) {
		return true // what was removed may have been a folder
	}
	info, err := os.Lstat(e.Name)
	if err == nil && info.IsDir() {
		f.watchBelow(e.Name)
		return true
	}
	return kindOf(e.Name) != other
}

// watchBelow asks for word of what is in a folder and all below it.
func (f *follower) watchBelow(path string) {
	filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // the scan tells why
		}
		if path != f.path && isHidden(d.Name()) {
			return fs.SkipDir
		}
		err = f.watch(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if !f.polling {
			f.polling = true
			f.poll.Reset(pollEvery)
			f.log.Warn(unwatched(err), "err", err)
		}
		return fs.SkipAll
	})
}

// unwatched says for people what it means that a folder cannot be watched.
func unwatched(err error) string {
	const means = "the music folder cannot be watched: new music is found within a minute"
	if errors.Is(err, syscall.ENOSPC) {
		return means + "; raise fs.inotify.max_user_watches to find it at once"
	}
	return means
}
