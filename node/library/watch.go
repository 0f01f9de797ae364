package library

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long a folder and its files must be still before they are
	// scanned: a copy over a network writes more often than that.
	settle = time.Second
	// pollEvery is how often the folder is scanned where it cannot be watched:
	// an unchanged one costs some microseconds a file.
	pollEvery = time.Minute
	// overdue is when a folder that is never still is scanned all the same.
	overdue = 30 * time.Second
)

// Watch scans the folder whenever it has changed, until ctx ends; changed is
// called after each scan. Where the system cannot watch so many folders it looks
// now and then.
func (l *Library) Watch(ctx context.Context, changed func()) error {
	events, err := l.watcher()
	if err != nil {
		l.log.Warn("the music folder cannot be watched: looking at it now and then", "every", pollEvery, "err", err)
		events = &fsnotify.Watcher{}
	} else {
		defer events.Close()
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	if err == nil {
		poll.Stop()
	}
	timer := time.NewTimer(0) // what changed before the watch began
	defer timer.Stop()
	var first time.Time // of the changes since the last scan
	for {
		select {
		case e, ok := <-events.Events:
			if !ok {
				return nil
			}
			if e.Has(fsnotify.Create) {
				addFolders(events, e.Name)
			}
			if first.IsZero() {
				first = time.Now()
			}
			if time.Since(first) < overdue {
				timer.Reset(settle)
			}
			continue
		case err := <-events.Errors: // some events are lost: scan
			l.log.Warn("watching the music folder", "err", err)
			timer.Reset(settle)
			continue
		case <-l.stale:
		case <-poll.C:
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		first = time.Time{}
		unsettled, err := l.scan(ctx, time.Now().Add(-settle), nil)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			l.log.Warn("scanning the music folder", "err", err)
		}
		if unsettled {
			timer.Reset(settle)
		}
		changed()
	}
}

func (l *Library) watcher() (*fsnotify.Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := addFolders(w, l.path); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// addFolders watches a folder and all below it; what is no folder is ignored.
func addFolders(w *fsnotify.Watcher, path string) error {
	return filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		return w.Add(path)
	})
}
