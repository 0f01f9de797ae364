package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"lukechampine.com/blake3/bao"

	"earshot/audio"
	"earshot/protocol"
)

// result is what came of reading one file: a track, or the reason why not.
type result struct {
	file
	reason string
	again  bool // it may be readable another time, unchanged
	header protocol.Header
	tree   []byte
}

// read makes a track of a file.
func (l *Library) read(ctx context.Context, f file) result {
	r := result{file: f}
	if err := l.readTrack(ctx, &r); err != nil {
		var unsupported *audio.UnsupportedError
		r.reason, r.again = reasonOf(err), !errors.As(err, &unsupported)
	}
	return r
}

var errUnsettled = errors.New("the file changed while it was read")

func (l *Library) readTrack(ctx context.Context, r *result) error {
	f, err := openInside(l.root, r.path)
	if err != nil {
		return err
	}
	defer f.Close()
	content := readerAt(func(b []byte, at int64) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err // a large file takes seconds
		}
		return f.ReadAt(b, at)
	})
	info, err := audio.Probe(content, r.size)
	if err != nil {
		return err
	}
	t := protocol.Track{}
	if t.ID, r.tree, err = hash(content, r.size); err != nil {
		return err
	}
	tags := readTags(content, r.size)
	t.Title, t.Artist, t.Album = tags.title, tags.artist, tags.album
	t.Disc, t.Number, t.Year = tags.disc, tags.number, tags.year
	nameAfterPath(&t, r.path)
	r.header = info.Header(t)
	r.header.Loudness = tags.loudness
	if now, err := f.Stat(); err != nil || now.Size() != r.size || now.ModTime().UnixNano() != r.mtime {
		return errUnsettled
	}
	return nil
}

// openInside opens a file or a folder that is inside a folder, wherever symbolic
// links lead. A named pipe that took a file's place does not hang it.
func openInside(root *os.Root, path string) (*os.File, error) {
	return root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

type readerAt func(b []byte, at int64) (int, error)

func (r readerAt) ReadAt(b []byte, at int64) (int, error) { return r(b, at) }

// hash returns the ID and the proof tree of a file's bytes, in one pass with
// little memory.
func hash(f io.ReaderAt, size int64) (protocol.ID, []byte, error) {
	tree := make(buffer, protocol.ProofSize(size))
	root, err := bao.Encode(tree, &blockReader{r: io.NewSectionReader(f, 0, size)}, size, protocol.ChunkGroup, true)
	if err != nil {
		return protocol.ID{}, nil, fmt.Errorf("hashing: %w", err)
	}
	return root, tree, nil
}

// buffer is an io.WriterAt of fixed size.
type buffer []byte

func (b buffer) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(b)) {
		return 0, io.ErrShortWrite
	}
	return copy(b[at:], p), nil
}

// blockReader reads ahead in blocks, as bao reads a chunk at a time.
type blockReader struct {
	r      io.Reader
	block  [256 << 10]byte
	unread []byte
}

func (b *blockReader) Read(p []byte) (int, error) {
	if len(b.unread) == 0 {
		n, err := b.r.Read(b.block[:])
		if n == 0 {
			return 0, err
		}
		b.unread = b.block[:n]
	}
	n := copy(p, b.unread)
	b.unread = b.unread[n:]
	return n, nil
}

// nameAfterPath gives a track without a title its file's name, and one without
// an album its folder's.
func nameAfterPath(t *protocol.Track, path string) {
	if t.Title == "" {
		t.Title = clean(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	}
	if dir := filepath.Dir(path); t.Album == "" && dir != "." {
		t.Album = clean(filepath.Base(dir))
	}
}

// reasonOf says for people why a file was not taken.
func reasonOf(err error) string {
	var unsupported *audio.UnsupportedError
	var path *fs.PathError
	switch {
	case errors.As(err, &unsupported):
		return unsupported.Reason
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read: permission denied"
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return err.Error()
}
