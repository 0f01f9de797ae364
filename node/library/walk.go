package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"earshot/node/control"
)

// file is one music file of the folder, as the walk found it.
type file struct {
	path  string // relative to the folder
	size  int64
	mtime int64 // Unix nanoseconds
}

// known is what the database has of a file.
type known struct {
	size, mtime int64 // size may be tryAgain
	reason      string
	seen        bool
}

// tryAgain is the size in the database of a file that could not be read for now:
// no file has it, so that the next scan sees a change.
const tryAgain = -1

// walk is a walk over the folder, and what it has found.
type walk struct {
	root  *os.Root
	known map[string]*known
	// still: what changed after it may be in the middle of being written, and
	// is left alone. Zero: nothing is.
	still time.Time

	todo      []file   // to be read
	refused   []result // files that need no reading to be refused
	skipped   int      // files that were refused before, and are as they were
	unsettled bool     // there was a file that may be being written
}

// folder walks a folder and all below it. It reads lists only, no file. Names
// with a dot in front are passed over: they are of programs, or deleted (.Trash).
func (w *walk) folder(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := w.list(path)
	if err != nil && path == "." {
		return fmt.Errorf("reading the music folder: %w", err)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.refuse(file{path: path}, err)
		if !errors.Is(err, fs.ErrPermission) {
			w.keepBelow(path) // a disk or a network may come back
		}
	}
	for _, e := range entries {
		if isHidden(e.Name()) {
			continue
		}
		child := filepath.Join(path, e.Name())
		switch {
		case e.IsDir():
			if err := w.folder(ctx, child); err != nil {
				return err
			}
		case e.Type()&fs.ModeSymlink != 0:
			w.link(child)
		case kindOf(child) != other:
			info, err := e.Info()
			w.file(child, info, err)
		}
	}
	return nil
}

// list reads a folder without leaving the root, whatever has become of it since
// its name was read.
func (w *walk) list(path string) ([]fs.DirEntry, error) {
	d, err := openInside(w.root, path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

var errLeadsOut = errors.New("a symbolic link that leads out of the folder, or nowhere")

// link takes a symbolic link to a file inside the folder. One to a folder inside
// is passed over, as that is walked anyway.
func (w *walk) link(path string) {
	info, err := w.root.Stat(path)
	if err == nil {
		if kindOf(path) != other {
			w.file(path, info, nil)
		}
		return
	}
	// Of a link with an ordinary name it matters only whether it is a folder,
	// as people wonder where its music is.
	if outside, err := os.Stat(filepath.Join(w.root.Name(), path)); kindOf(path) != other || err == nil && outside.IsDir() {
		w.refuse(file{path: path}, errLeadsOut)
	}
}

// file decides what is to be done with a file.
func (w *walk) file(path string, info fs.FileInfo, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		return // gone since the folder was read
	}
	if err != nil {
		w.refuse(file{path: path}, err)
		return
	}
	if !info.Mode().IsRegular() {
		return
	}
	f := file{path, info.Size(), info.ModTime().UnixNano()}
	if k := w.known[path]; k != nil {
		k.seen = true
		if k.size == f.size && k.mtime == f.mtime {
			if k.reason != "" {
				w.skipped++
			}
			return
		}
	}
	switch {
	case kindOf(path) == unsupported:
		w.refused = append(w.refused, result{file: f, reason: strings.ToUpper(filepath.Ext(path)[1:]) + " is not supported: MP3, FLAC, Ogg Vorbis, Opus, WAV and AIFF are"})
	case w.isNew(info.ModTime()):
		w.unsettled = true
	default:
		w.todo = append(w.todo, f)
	}
}

// isNew reports whether a file may be being written. A time that lies ahead says
// nothing: it is the file's own, or another machine's clock.
func (w *walk) isNew(t time.Time) bool {
	return !w.still.IsZero() && t.After(w.still) && time.Until(t) < settle
}

// refuse notes why something cannot be taken. It is tried again by the next scan.
func (w *walk) refuse(f file, err error) {
	r := result{file: f, reason: reasonOf(err), again: true}
	if k := w.known[f.path]; k != nil {
		k.seen = true
		if k.size == tryAgain && k.reason == r.reason {
			w.skipped++
			return
		}
	}
	w.refused = append(w.refused, r)
}

// news returns those results that nobody was told of: what could not be taken, and was not
// refused for the same reason before. One that is being written may be taken the next time.
func (w *walk) news(results []result) (news []control.Skipped) {
	for _, r := range results {
		if k := w.known[r.path]; r.reason != "" && r.reason != errUnsettled.Error() && (k == nil || k.reason != r.reason) {
			news = append(news, control.Skipped{Path: r.path, Reason: r.reason})
		}
	}
	return news
}

// keepBelow keeps what is known of the files below a folder.
func (w *walk) keepBelow(path string) {
	for p, k := range w.known {
		if strings.HasPrefix(p, path+string(filepath.Separator)) {
			k.seen = true
		}
	}
}

// isHidden reports whether a name has a dot in front.
func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

// kind is what a file's name says of it.
type kind int

const (
	other kind = iota
	music
	unsupported
)

func kindOf(path string) kind {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".mp3", ".mp2", ".mp1", ".mpga", ".flac", ".ogg", ".oga", ".opus", ".wav", ".wave", ".aif", ".aiff", ".aifc":
		return music
	case ".m4a", ".aac", ".alac", ".wma", ".ape", ".wv", ".mpc", ".spx", ".dsf", ".dff":
		return unsupported
	}
	return other
}
