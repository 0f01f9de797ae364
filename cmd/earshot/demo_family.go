package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// stopGrace is how long a child may take to end once asked: a node that
	// closes its connections and its cache needs well under a second.
	stopGrace = 3 * time.Second
	// killGrace is how long the kernel may take to end a killed child.
	killGrace = 2 * time.Second
	// maxLine bounds a line that a child prints: results and join links have
	// some hundreds of bytes.
	maxLine = 64 << 10
)

// demoFamily starts processes of this program and sees to it that none is left.
type demoFamily struct {
	program string
	grace   time.Duration // stopGrace
	starts  chan func()   // run on the thread that children hang on
	wg      sync.WaitGroup

	mu       sync.Mutex
	children []*demoChild
	closed   bool
}

// newDemoFamily begins; end it with close. On Linux children are killed when
// the thread that started them ends, so one thread starts them all, and stays.
func newDemoFamily(program string) *demoFamily {
	f := &demoFamily{program: program, grace: stopGrace, starts: make(chan func())}
	f.wg.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for start := range f.starts {
			start()
		}
	})
	return f
}

// demoChild is a process of the family.
type demoChild struct {
	name  string
	cmd   *exec.Cmd
	grace time.Duration
	done  chan struct{} // closed once it has ended and its output is read
	err   error         // of its end; after done

	mu   sync.Mutex
	last string // line on stderr
}

// start starts the program with a command line. stdout and stderr get the
// lines printed; nil drops them. Both are called from goroutines of their own.
func (f *demoFamily) start(name string, stdout, stderr func(line string), args ...string) (*demoChild, error) {
	c := &demoChild{name: name, grace: f.grace, cmd: exec.Command(f.program, args...), done: make(chan struct{})}
	c.cmd.SysProcAttr = childAttr()
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	complaints, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	// Held while the process starts, so that close misses none.
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, fmt.Errorf("starting the %s: %w", name, context.Canceled)
	}
	started := make(chan error)
	f.starts <- func() { started <- c.cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	f.children = append(f.children, c)
	var reading sync.WaitGroup
	reading.Go(func() { eachLine(out, stdout) })
	reading.Go(func() {
		eachLine(complaints, func(line string) {
			c.mu.Lock()
			c.last = line
			c.mu.Unlock()
			if stderr != nil {
				stderr(line)
			}
		})
	})
	f.wg.Go(func() {
		reading.Wait()
		c.err = c.cmd.Wait()
		close(c.done)
	})
	return c, nil
}

// eachLine calls do for each line that is not empty, until the pipe ends. What
// is left of a line too long is read and dropped.
func eachLine(r io.Reader, do func(string)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && do != nil {
			do(line)
		}
	}
	io.Copy(io.Discard, r)
}

// failure returns why a child that has ended ended, in one line; nil where it
// did so well.
func (c *demoChild) failure() error {
	if c.err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != "" {
		return fmt.Errorf("the %s: %s", c.name, strings.TrimPrefix(c.last, "earshot: "))
	}
	return fmt.Errorf("the %s ended: %w", c.name, c.err)
}

// gone is failure for a child that was to stay.
func (c *demoChild) gone() error {
	if err := c.failure(); err != nil {
		return err
	}
	return fmt.Errorf("the %s ended by itself", c.name)
}

// run runs a command to its end and returns what it printed. It ends with ctx.
func (f *demoFamily) run(ctx context.Context, name string, args ...string) (string, error) {
	var out strings.Builder
	c, err := f.start(name, func(line string) {
		if out.Len() < maxLine {
			out.WriteString(line + "\n")
		}
	}, nil, args...)
	if err != nil {
		return "", err
	}
	select {
	case <-c.done:
		return out.String(), c.failure()
	case <-ctx.Done():
		c.stop(syscall.SIGTERM)
		return "", ctx.Err()
	}
}

// stop asks a child's group to end, with a signal, and kills it where it does
// not within stopGrace. It returns once the child is gone.
func (c *demoChild) stop(sig syscall.Signal) {
	c.signal(sig)
	if c.wait(c.grace) {
		return
	}
	c.signal(syscall.SIGKILL)
	c.wait(killGrace)
}

// signal reaches the child's whole group, which has the child's number. A child
// that has been waited for is left alone: its number may be another's.
func (c *demoChild) signal(sig syscall.Signal) {
	select {
	case <-c.done:
	default:
		syscall.Kill(-c.cmd.Process.Pid, sig)
	}
}

func (c *demoChild) wait(limit time.Duration) bool {
	select {
	case <-c.done:
		return true
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.done:
		return true
	case <-timer.C:
		return false
	}
}

// close ends all children, together, and waits for them.
func (f *demoFamily) close() {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	f.closed = true
	children := f.children
	f.mu.Unlock()
	var ending sync.WaitGroup
	for _, c := range children {
		ending.Go(func() { c.stop(syscall.SIGTERM) })
	}
	ending.Wait()
	close(f.starts)
	f.wg.Wait()
}
