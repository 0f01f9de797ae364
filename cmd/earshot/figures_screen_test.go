//go:build figures

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"earshot/node/bench"
)

const (
	screenPlays = 40 * time.Second // of playing, from the start of the process
	screenIdles = 20 * time.Second // paused
	// clockTicks is how many ticks of /proc/PID/stat a second has on Linux
	// (USER_HZ, proc(5)).
	clockTicks = 100
)

// screen measures the screen of 200 by 60 cells, in a process that plays to a sound card,
// fetches and shows.
func (r *rig) screen(t *testing.T) {
	r.join(t, "screen", false)
	card, sounded := newCard(t)
	cmd := exec.Command(r.bin, "play", "--data", r.data("screen"), r.tracks[rigTracks-2])
	cmd.Env = append(os.Environ(), card, "TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8")
	keys, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 200, Rows: 60})
	if err != nil {
		t.Fatal(err)
	}
	shown := &tail{}
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(shown, keys) })
	time.Sleep(screenPlays)
	playing := processorTime(t, cmd.Process.Pid)
	drawn, heard := shown.count(), sounded()
	io.WriteString(keys, " ") // pause
	time.Sleep(time.Second)
	before := processorTime(t, cmd.Process.Pid)
	time.Sleep(screenIdles)
	idle := processorTime(t, cmd.Process.Pid) - before
	peak := memory(t, cmd.Process.Pid, most)
	io.WriteString(keys, "q")
	if err := cmd.Wait(); err != nil {
		t.Errorf("the screen: %v", err)
	}
	keys.Close()
	reading.Wait()
	if !strings.Contains(shown.String(), "paused") || heard < screenPlays*9/10 {
		t.Errorf("it did not play on a screen, but for %v: %q", heard, shown)
	}
	bench.Report(t, "process, screen",
		bench.AtMost("memory of a player with its screen and a sound card", float64(peak)/(1<<20), 50, "MiB"),
		bench.AtMost("processor time of playing, fetching and showing, of a core", 100*playing.Seconds()/screenPlays.Seconds(), 4, "%"),
		bench.AtMost("processor time while nothing plays, of a core", 100*idle.Seconds()/screenIdles.Seconds(), 1, "%"),
		bench.Told("written to the terminal, a second of playing", float64(drawn)/screenPlays.Seconds(), "B"),
	)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
	all int
}

// maxTail is a screen of 200 by 60 cells with its sequences.
const maxTail = 64 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all += len(b)
	t.end = append(t.end, b...)
	t.end = t.end[max(0, len(t.end)-maxTail):]
	return len(b), nil
}

func (t *tail) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}

// processorTime is what a process has used so far (proc(5), fields 14 and 15 of
// stat).
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:])) // from the third on
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return time.Duration(user+system) * time.Second / clockTicks
}
