package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// pipeSize is how much a pipe to a command holds, in bytes, where the system lets it
	// be set: 93 ms. Linux' own 64 KiB would sound on for as long after a pause.
	pipeSize = 16 << 10

	// endTime is how long a command may take to end once it has all sound: it may have a
	// second or two buffered.
	endTime = 5 * time.Second

	maxSaid = 4 << 10 // bytes of what a command writes to stderr that are kept
)

// pipe is a writer to a command of its own.
type pipe struct {
	Output
	cmd   *exec.Cmd
	stop  context.CancelFunc
	in    *os.File
	said  *tail
	grace time.Duration // endTime
	ended chan struct{}
	err   error // of the command; once ended is closed
	shut  bool
}

// StartPipe returns an output that passes PCM (signed 16-bit little-endian, stereo, at
// 44.1 kHz) to the standard input of a command, which the system's shell runs. Where
// the command ends too soon, Write and Drain tell, with what it wrote to stderr last.
// Close lets it sound what it has, for 5 s at the most.
func StartPipe(command string) (Output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	defer r.Close()
	limitPipe(w)
	ctx, stop := context.WithCancel(context.Background())
	p := &pipe{cmd: shell(ctx, command), stop: stop, in: w, said: new(tail), grace: endTime, ended: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stderr = r, p.said
	p.cmd.WaitDelay = time.Second // for what it has started and left behind
	if err := p.cmd.Start(); err != nil {
		stop()
		w.Close()
		return nil, fmt.Errorf("starting %q: %w", command, err)
	}
	p.Output = NewWriter(w)
	go func() { // it ends with the command, which Close waits for or kills
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Write tells why the command ended rather than that its pipe is broken.
func (p *pipe) Write(ctx context.Context, pcm []byte) error {
	select {
	case <-p.ended:
		return p.death()
	default:
	}
	err := p.Output.Write(ctx, pcm)
	if !errors.Is(err, syscall.EPIPE) {
		return err
	}
	select {
	case <-p.ended:
		return p.death()
	case <-time.After(time.Second): // it has closed its input and goes on
		return fmt.Errorf("the command no longer takes sound: %w", err)
	}
}

// Drain tells when the command has ended. What it holds it sounds in its own time.
func (p *pipe) Drain(ctx context.Context) error {
	if p.shut {
		return errClosed
	}
	select {
	case <-p.ended:
		return p.death()
	default:
		return p.Output.Drain(ctx)
	}
}

func (p *pipe) death() error {
	if p.shut {
		return errClosed
	}
	err := p.err
	if err == nil {
		err = errors.New("it ended before the sound did")
	}
	if last := p.said.lastLine(); last != "" {
		return fmt.Errorf("the command that was given the sound ended: %w: %s", err, last)
	}
	return fmt.Errorf("the command that was given the sound ended: %w", err)
}

// Close tells of a command that failed.
func (p *pipe) Close() error {
	if p.shut {
		return nil
	}
	p.in.Close() // ends a write that hangs, too
	p.Output.Close()
	select {
	case <-p.ended:
	case <-time.After(p.grace):
		p.stop()
		<-p.ended
		p.err = nil // it was killed here
	}
	p.stop()
	err := p.err
	if err != nil {
		err = p.death()
	}
	p.shut = true
	return err
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-maxSaid):]
	return len(p), nil
}

// lastLine returns the last line that is not empty.
func (t *tail) lastLine() string {
	lines := bytes.FieldsFunc(t.b, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(string(lines[i])); line != "" {
			return line
		}
	}
	return ""
}
