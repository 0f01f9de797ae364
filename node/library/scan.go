package library

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Progress is how far a scan has come.
type Progress struct {
	Files, TotalFiles int   // to be read
	Bytes, TotalBytes int64 // of those
	Skipped           int   // files that cannot be taken, in all
}

// file is one music file of the folder, as the walk found it.
type file struct {
	path  string // relative to the folder
	size  int64
	mtime int64 // Unix nanoseconds
}

// known is what the database has of a file.
type known struct {
	size, mtime int64
	seen        bool
}

const (
	// batch is how many files one transaction takes, and batchTime how long
	// they are gathered at the most: a commit costs some milliseconds.
	batch     = 128
	batchTime = time.Second
)

// Scan brings the catalogue up to date with the folder: it reads new and changed
// files only, those of another size or time. progress may be nil; it is called
// from one goroutine, after each file. A cancelled scan keeps what it has read.
func (l *Library) Scan(ctx context.Context, progress func(Progress)) error {
	_, err := l.scan(ctx, time.Time{}, progress)
	return err
}

// scan leaves alone what changed after still, if that is set: it may be in the
// middle of being written. It reports whether there was any.
func (l *Library) scan(ctx context.Context, still time.Time, progress func(Progress)) (unsettled bool, err error) {
	select {
	case l.scans <- struct{}{}:
		defer func() { <-l.scans }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	files, err := l.known(ctx)
	if err != nil {
		return false, fmt.Errorf("reading the catalogue: %w", err)
	}
	todo, results, unsettled, err := l.walk(ctx, files, still)
	if err != nil {
		return false, err
	}
	if err := l.takeIn(ctx, todo, results, progress); err != nil {
		return false, err
	}
	if err := l.dropMissing(ctx, files); err != nil {
		return false, fmt.Errorf("taking removed files out of the catalogue: %w", err)
	}
	return unsettled, l.count(ctx)
}

func (l *Library) known(ctx context.Context) (map[string]*known, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT path, size, mtime FROM files")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	files := map[string]*known{}
	for rows.Next() {
		var path []byte
		k := new(known)
		if err := rows.Scan(&path, &k.size, &k.mtime); err != nil {
			return nil, err
		}
		files[string(path)] = k
	}
	return files, rows.Err()
}

// walk finds the music files of the folder. It returns those to be read, and
// results for those that need no reading to be refused. What the database has
// of them already is marked as seen.
func (l *Library) walk(ctx context.Context, files map[string]*known, still time.Time) (todo []file, refused []result, unsettled bool, err error) {
	err = filepath.WalkDir(l.path, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, rerr := filepath.Rel(l.path, path)
		if rerr != nil {
			return rerr
		}
		if err != nil {
			if rel == "." {
				return fmt.Errorf("reading the music folder: %w", err)
			}
			refused = append(refused, result{file: file{path: rel}, reason: reasonOf(err)})
			return nil
		}
		kind := kindOf(path)
		if d.IsDir() || kind == other {
			return nil
		}
		f := file{path: rel}
		info, err := d.Info()
		switch {
		case err != nil:
			refused = append(refused, result{file: f, reason: reasonOf(err)})
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			if info, err = l.root.Stat(rel); err != nil { // leads out of the folder, or nowhere
				refused = append(refused, result{file: f, reason: "a symbolic link that leads out of the folder, or nowhere"})
				return nil
			}
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		f.size, f.mtime = info.Size(), info.ModTime().UnixNano()
		if k := files[rel]; k != nil {
			k.seen = true
			if k.size == f.size && k.mtime == f.mtime {
				return nil
			}
		}
		switch {
		case kind == unsupported:
			refused = append(refused, result{file: f, reason: strings.ToUpper(strings.TrimPrefix(filepath.Ext(path), ".")) + " is not supported yet: only MP3 is"})
		case !still.IsZero() && info.ModTime().After(still):
			unsettled = true
		default:
			todo = append(todo, f)
		}
		return nil
	})
	for _, r := range refused {
		if k := files[r.path]; k != nil {
			k.seen = true
		}
	}
	return todo, refused, unsettled, err
}

// takeIn reads files, as many at a time as there are cores, and enters them.
func (l *Library) takeIn(ctx context.Context, todo []file, refused []result, progress func(Progress)) error {
	p := Progress{TotalFiles: len(todo), Skipped: len(refused)}
	for _, f := range todo {
		p.TotalBytes += f.size
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	work, done := make(chan file), make(chan result)
	wg.Go(func() {
		defer close(work)
		for _, f := range todo {
			select {
			case work <- f:
			case <-ctx.Done():
				return
			}
		}
	})
	for range min(runtime.GOMAXPROCS(0), len(todo)) {
		wg.Go(func() {
			for f := range work {
				r := l.read(f)
				select {
				case done <- r:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	gathered, since := refused, time.Now()
	for range todo {
		var r result
		select {
		case r = <-done:
		case <-ctx.Done():
			return l.enterLast(gathered, ctx.Err())
		}
		gathered = append(gathered, r)
		p.Files++
		p.Bytes += r.size
		if r.reason != "" {
			p.Skipped++
		}
		if progress != nil {
			progress(p)
		}
		if len(gathered) >= batch || time.Since(since) >= batchTime {
			if err := l.enter(ctx, gathered); err != nil {
				return err
			}
			gathered, since = gathered[:0], time.Now()
		}
	}
	return l.enter(ctx, gathered)
}

// enterLast keeps what a cancelled scan has read.
func (l *Library) enterLast(gathered []result, cause error) error {
	if err := l.enter(context.Background(), gathered); err != nil {
		return err
	}
	return cause
}

// kind is what a file's name says of it.
type kind int

const (
	other kind = iota
	music
	unsupported
)

func kindOf(path string) kind {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".mp3":
		return music
	case ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wav", ".aif", ".aiff", ".wma", ".mp2", ".ape", ".wv", ".mpc":
		return unsupported
	}
	return other
}
