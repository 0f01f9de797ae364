//go:build figures

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// What Linux knows of a process's memory (proc(5)).
const (
	resident = "VmRSS"
	most     = "VmHWM" // resident at any time
)

// memoryOf returns what a process has of one kind of memory, in bytes.
func memoryOf(pid int, kind string) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(raw), kind+":")
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err != nil { // it has ended
		return 0, fmt.Errorf("no %s of process %d: %w", kind, pid, err)
	}
	return kib << 10, nil
}

// memory is memoryOf a process that runs.
func memory(t *testing.T, pid int, kind string) int64 {
	t.Helper()
	bytes, err := memoryOf(pid, kind)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// watchMemory looks at a process until it ends, or the function it returns is called,
// which tells the most it has had resident, in bytes. What the process is accounted for
// at its end (getrusage(2), ru_maxrss) tells of its parent too: a child shares the memory
// of who starts it until it is another program, and what that had counts as its own.
func watchMemory(pid int) (peak func() int64) {
	stop, last := make(chan struct{}), make(chan int64)
	go func() {
		var seen int64
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			if now, err := memoryOf(pid, most); err == nil {
				seen = now
			}
			select {
			case <-tick.C:
			case <-stop:
				tick.Stop()
				last <- seen
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-last
	}
}
