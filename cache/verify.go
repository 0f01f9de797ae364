package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"earshot/protocol"
)

// VerifyResult is what Verify found.
type VerifyResult struct {
	Tracks  int   // verified
	Bytes   int64 // of sound chunks
	Damaged int   // chunks that were damaged, and dropped
}

// progressStep is how many chunks, 1 MiB, are read between two news of progress.
const progressStep = 64

// Verify reads every chunk in the cache, and drops those that are damaged. It
// changes no order of use, and tells progress, if that is not nil, in bytes and
// from one goroutine. On the end of ctx it returns what it found so far.
func (c *Cache) Verify(ctx context.Context, progress func(done, total int64)) (VerifyResult, error) {
	v := verification{c: c, progress: progress, buf: make([]byte, protocol.ChunkSize)}
	if progress == nil {
		v.progress = func(int64, int64) {}
	}
	var all []Info
	for in := range c.Tracks() {
		all = append(all, in)
		v.total += in.dataBytes()
	}
	for _, in := range all {
		if err := v.track(ctx, in); err != nil {
			return v.result, fmt.Errorf("verifying the cache: %w", err)
		}
	}
	return v.result, nil
}

// dataBytes estimates the bytes of the chunks that are there; only a partial
// track's last chunk makes a difference.
func (in *Info) dataBytes() int64 { return min(int64(in.Have)*protocol.ChunkSize, in.Size) }

// verification is one run of Verify.
type verification struct {
	c           *Cache
	progress    func(done, total int64)
	buf         []byte
	done, total int64
	result      VerifyResult
}

func (v *verification) track(ctx context.Context, in Info) error {
	end := v.done + in.dataBytes()
	defer func() {
		v.done = end
		v.progress(v.done, v.total)
	}()
	t, err := v.c.lease(in.ID, nil, false)
	switch {
	case errors.Is(err, errProofFile), errors.Is(err, fs.ErrNotExist):
		v.result.Damaged += in.Have // without its proof tree no chunk is worth anything
		return ctx.Err()
	case errors.Is(err, ErrNotCached): // evicted since
		return ctx.Err()
	case err != nil:
		return err
	}
	defer t.Release()
	v.result.Tracks++
	for i := range protocol.Chunks(in.Size) {
		if !t.Has(i) {
			continue
		}
		if i%progressStep == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			v.progress(v.done, v.total)
		}
		n, err := t.ReadChunk(i, v.buf)
		switch {
		case err == nil:
			v.result.Bytes += int64(n)
			v.done = min(v.done+int64(n), end)
		case errors.Is(err, ErrBadChunk):
			v.result.Damaged++
		case !errors.Is(err, ErrMissing): // dropped by someone else since
			return err
		}
	}
	return nil
}
