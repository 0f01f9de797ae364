package audio

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/google/renameio/v2"
)

const (
	wavHeaderSize = 44
	wavMaxData    = (math.MaxUint32 - wavHeaderSize) / sampleSize * sampleSize // RIFF counts in 32 bits
	wavBuffer     = 64 << 10                                                   // bytes: a third of a second, one system call
)

// wav writes a file.
type wav struct {
	gate
	file *renameio.PendingFile
	buf  *bufio.Writer
	n    int64
	fail error
}

// CreateWAV returns an output that writes a WAV file, as fast as it can. The
// file appears, or replaces the one that was there, on Close, with all that
// came until then.
func CreateWAV(path string) (Output, error) {
	if i, err := os.Stat(path); err == nil && !i.Mode().IsRegular() {
		return nil, fmt.Errorf("writing WAV: %s is not a regular file", path)
	}
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return nil, fmt.Errorf("writing WAV: %w", err)
	}
	o := &wav{file: f, buf: bufio.NewWriterSize(f, wavBuffer)}
	o.buf.Write(wavHeader(0)) // fits the buffer
	return o, nil
}

// wavHeader returns the header of a file with n bytes of PCM (IBM and Microsoft,
// Multimedia Programming Interface and Data Specifications 1.0, 1991).
func wavHeader(n int64) []byte {
	b := append(make([]byte, 0, wavHeaderSize), "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n+wavHeaderSize-8))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16) // the length of what follows
	b = binary.LittleEndian.AppendUint16(b, 1)  // PCM
	b = binary.LittleEndian.AppendUint16(b, 2)  // channels
	b = binary.LittleEndian.AppendUint32(b, SampleRate)
	b = binary.LittleEndian.AppendUint32(b, SampleRate*sampleSize)
	b = binary.LittleEndian.AppendUint16(b, sampleSize)
	b = binary.LittleEndian.AppendUint16(b, 16) // bits
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, uint32(n))
}

func (o *wav) Write(ctx context.Context, pcm []byte) error {
	switch {
	case len(pcm)%sampleSize != 0:
		return errHalfSample
	case o.fail != nil:
		return o.fail
	case o.n+int64(len(pcm)) > wavMaxData:
		return errors.New("writing WAV: the file is full: it can hold 4 GiB, 6.7 hours")
	}
	if on, err := o.pass(ctx); !on || err != nil {
		return err
	}
	if _, err := o.buf.Write(pcm); err != nil {
		o.fail = fmt.Errorf("writing WAV: %w", err)
	}
	o.n += int64(len(pcm))
	return o.fail
}

func (o *wav) Drain(ctx context.Context) error {
	if o.fail != nil {
		return o.fail
	}
	return ctx.Err()
}

// Unheard is none: what is in the file has sounded. So Flush drops nothing of it.
func (o *wav) Unheard() time.Duration { return 0 }

// Stutters is none: a file has no clock.
func (o *wav) Stutters() (int, time.Duration) { return 0, 0 }

func (o *wav) Close() error {
	if errors.Is(o.fail, errClosed) {
		return nil
	}
	defer o.file.Cleanup() // does nothing once replaced
	err := o.fail
	o.fail = errClosed
	if err == nil {
		err = o.buf.Flush()
	}
	if err == nil {
		_, err = o.file.WriteAt(wavHeader(o.n), 0)
	}
	if err == nil {
		err = o.file.CloseAtomicallyReplace()
	}
	if err != nil {
		return fmt.Errorf("finishing the WAV file: %w", err)
	}
	return nil
}
