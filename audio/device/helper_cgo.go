//go:build cgo

package device

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// retryTime is how long to wait before a card is looked for again: one that was plugged in
// again is heard within that.
const retryTime = 2 * time.Second

// A helper asks for PCM by its length in bytes, in 4 bytes, little-endian, and gets so
// many. It waits, as oto's reader does, where nothing is to sound.

// Serve opens the sound card of a name (empty: the default) and sounds the PCM that it gets
// for the asking, until r ends, the card is lost, or ctx ends. It is for a process of
// its own: see Options.Helper.
func Serve(ctx context.Context, name string, r io.Reader, w io.Writer) error {
	c, err := openCard(ctx, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.play(func(p []byte) bool {
		var ask [4]byte
		binary.LittleEndian.PutUint32(ask[:], uint32(len(p)))
		_, err := w.Write(ask[:])
		if err == nil {
			_, err = io.ReadFull(r, p)
		}
		if err != nil {
			cancel()
		}
		return err == nil
	})
	return c.lost(ctx)
}

// helper is a process that has a card.
type helper struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	in     io.WriteCloser
	out    io.Reader
	asked  int // bytes
}

// startHelper starts a process and waits until it asks for PCM: it has a card.
func startHelper(ctx context.Context, command func(context.Context) *exec.Cmd) (*helper, error) {
	ctx, cancel := context.WithCancel(ctx)
	opening := time.AfterFunc(openTime, cancel)
	h := &helper{cmd: command(ctx), cancel: cancel}
	var err error
	if h.in, err = h.cmd.StdinPipe(); err == nil {
		h.out, err = h.cmd.StdoutPipe()
	}
	if err == nil {
		err = h.cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("starting a process for the sound card: %w", err)
	}
	if err = h.ask(); err == nil && opening.Stop() {
		return h, nil
	}
	return nil, h.end()
}

// ask waits for the helper to ask.
func (h *helper) ask() error {
	var ask [4]byte
	if _, err := io.ReadFull(h.out, ask[:]); err != nil {
		return err
	}
	h.asked = int(binary.LittleEndian.Uint32(ask[:]))
	if h.asked <= 0 || h.asked > playerBuffer {
		return errors.New("it asks for nonsense")
	}
	return nil
}

// play gives the helper what it asks for, and returns why it ended; nil where ctx or
// the sound has.
func (h *helper) play(ctx context.Context, next func(ctx context.Context, p []byte) bool) error {
	buf := make([]byte, playerBuffer)
	for err := error(nil); err == nil; err = h.ask() {
		if !next(ctx, buf[:h.asked]) {
			h.end()
			return nil
		}
		if _, err = h.in.Write(buf[:h.asked]); err != nil {
			break
		}
	}
	if err := h.end(); ctx.Err() == nil {
		return fmt.Errorf("the sound card is gone: %w", err)
	}
	return nil
}

// end ends the process, and returns how it did.
func (h *helper) end() error {
	h.in.Close()
	h.cancel()
	if err := h.cmd.Wait(); err != nil {
		return err
	}
	return errors.New("its process ended")
}
