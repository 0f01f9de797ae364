package library

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"earshot/node/control"
)

// Progress is how far a scan has come.
type Progress struct {
	Files, TotalFiles int   // to be read
	Bytes, TotalBytes int64 // of those
	Skipped           int   // files that cannot be taken, in all
}

const (
	// batch is how many files one transaction takes, and batchTime how long
	// they are gathered at the most: a commit costs some milliseconds.
	batch     = 128
	batchTime = time.Second
)

// Scan brings the catalogue up to date with the folder: it reads new and changed
// files only, those of another size or time. progress may be nil; it is called
// from one goroutine, before the first file and after each. A cancelled scan keeps what
// it has read.
func (l *Library) Scan(ctx context.Context, progress func(Progress)) error {
	_, err := l.scan(ctx, time.Time{}, progress)
	return err
}

// scanned is what a scan has found.
type scanned struct {
	unsettled bool              // there was a file that may be being written
	skipped   []control.Skipped // what could not be taken, but for what was known of already
}

// scan leaves alone what changed after still, if that is set: it may be in the
// middle of being written. What it has found holds as far as it has come.
func (l *Library) scan(ctx context.Context, still time.Time, progress func(Progress)) (found scanned, err error) {
	select {
	case l.scans <- struct{}{}:
		defer func() { <-l.scans }()
	case <-ctx.Done():
		return found, ctx.Err()
	}
	w := &walk{root: l.root, still: still}
	if w.known, err = l.known(ctx); err != nil {
		return found, l.failed("reading the catalogue", err)
	}
	if err := w.folder(ctx, "."); err != nil {
		return found, err
	}
	found.unsettled = w.unsettled
	if found.skipped, err = l.takeIn(ctx, w, progress); err != nil {
		return found, err
	}
	if err := l.dropMissing(ctx, w.known); err != nil {
		return found, l.failed("taking removed files out of the catalogue", err)
	}
	return found, nil
}

// takeIn reads what the walk found, as many files at a time as there are cores,
// and enters what they came to. It returns what was skipped and is news.
func (l *Library) takeIn(ctx context.Context, w *walk, progress func(Progress)) (news []control.Skipped, err error) {
	p := Progress{TotalFiles: len(w.todo), Skipped: w.skipped + len(w.refused)}
	for _, f := range w.todo {
		p.TotalBytes += f.size
	}
	if progress != nil {
		progress(p)
	}
	ctx, cancel := context.WithCancel(ctx)
	done, wait := l.readAll(ctx, w.todo)
	defer wait()
	defer cancel()
	gathered, since := w.refused, time.Now()
	enter := func(ctx context.Context) error {
		if err := l.enter(ctx, gathered); err != nil {
			return err
		}
		news = append(news, w.news(gathered)...)
		gathered, since = gathered[:0], time.Now()
		return nil
	}
	for range w.todo {
		select {
		case r := <-done:
			gathered = append(gathered, r)
			p.note(r)
		case <-ctx.Done():
			if err := enter(context.WithoutCancel(ctx)); err != nil {
				return news, err
			}
			return news, ctx.Err()
		}
		if progress != nil {
			progress(p)
		}
		if len(gathered) >= batch || time.Since(since) >= batchTime {
			if err := enter(ctx); err != nil {
				return news, err
			}
		}
	}
	return news, enter(ctx)
}

func (p *Progress) note(r result) {
	p.Files++
	p.Bytes += r.size
	if r.reason != "" {
		p.Skipped++
	}
}

// readAll reads files, in any order, until ctx ends; wait waits for that.
func (l *Library) readAll(ctx context.Context, files []file) (done <-chan result, wait func()) {
	var wg sync.WaitGroup
	work, results := make(chan file), make(chan result)
	wg.Go(func() {
		defer close(work)
		for _, f := range files {
			select {
			case work <- f:
			case <-ctx.Done():
				return
			}
		}
	})
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(func() {
			for f := range work {
				r := l.read(ctx, f)
				if ctx.Err() != nil {
					return // r may tell of nothing but that
				}
				select {
				case results <- r:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return results, wg.Wait
}

// enter writes what files came to, all or nothing.
func (l *Library) enter(ctx context.Context, results []result) error {
	if len(results) == 0 {
		return nil
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return l.failed("writing to the catalogue", err)
	}
	defer tx.Rollback()
	for _, r := range results {
		if err := enterFile(ctx, tx, r); err != nil {
			return l.failed(fmt.Sprintf("writing %q to the catalogue", r.path), err)
		}
	}
	if err := tx.Commit(); err != nil {
		return l.failed("writing to the catalogue", err)
	}
	select {
	case l.fresh <- struct{}{}:
	default:
	}
	return l.failed("counting tracks", l.count(ctx))
}
