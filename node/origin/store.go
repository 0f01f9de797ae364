package origin

import (
	"context"
	"errors"
	"io"

	"earshot/node/swarm"
	"earshot/protocol"
)

// Acquire opens a track for the runs that members ask for.
func (o *Origin) Acquire(id protocol.ID) (swarm.Stored, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	header, err := o.Tracks.Header(ctx, id)
	if err != nil {
		return nil, false
	}
	content, err := o.Tracks.Content(ctx, id)
	if err != nil {
		return nil, false
	}
	return &track{origin: o, header: header, content: content}, true
}

// track is one of the server's own, complete by nature.
type track struct {
	origin  *Origin
	header  protocol.Header
	content Content
}

func (t *track) Header() protocol.Header { return t.header }

func (t *track) Have() protocol.Bitmap {
	return protocol.FullBitmap(protocol.Chunks(t.header.Size))
}

func (t *track) ReadChunk(i int, buf []byte) (int, error) {
	n := protocol.ChunkLen(t.header.Size, i)
	k, err := t.content.ReadAt(buf[:n], int64(i)*protocol.ChunkSize)
	if k == n && errors.Is(err, io.EOF) {
		err = nil
	}
	return k, err
}

// slices returns what verifies n chunks slice by slice, as far as it can be read.
func (t *track) slices(first, n int) (all []byte) {
	var chunk [protocol.ChunkSize]byte
	for i := first; i < first+n; i++ {
		k, err := t.ReadChunk(i, chunk[:])
		if err != nil {
			break
		}
		all = append(all, protocol.Slices(i, chunk[:k])...)
	}
	return all
}

func (t *track) Proof() ([]byte, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	tree, err := t.origin.Tracks.Proof(ctx, t.header.ID)
	return tree, err == nil
}

func (t *track) Path(first, count int) ([]byte, bool) {
	tree, _ := t.Proof()
	path := protocol.Path(tree, t.header.Size, first, count)
	return path, path != nil
}

func (t *track) Release() { t.content.Close() }
