package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// captureStderr gives each line that is written to stderr to take, until
// release: libraries in C (ALSA) write there past us, in the middle of the
// screen. What a crash of this process says still reaches the terminal.
func captureStderr(take func(string)) (release func(), err error) {
	const stderr = 2
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("capturing stderr: %w", err)
	}
	defer w.Close()
	before, err := unix.FcntlInt(stderr, unix.F_DUPFD_CLOEXEC, stderr+1)
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("capturing stderr: %w", err)
	}
	terminal := os.NewFile(uintptr(before), "stderr")
	if err := unix.Dup2(int(w.Fd()), stderr); err != nil {
		r.Close()
		terminal.Close()
		return nil, fmt.Errorf("capturing stderr: %w", err)
	}
	debug.SetCrashOutput(terminal, debug.CrashOptions{})
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(&lines{take: take}, r) })
	return func() {
		debug.SetCrashOutput(nil, debug.CrashOptions{})
		unix.Dup2(before, stderr) // the pipe's last writer goes
		reading.Wait()
		r.Close()
		terminal.Close()
	}, nil
}
