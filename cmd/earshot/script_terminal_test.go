package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// hasTerminals reports whether there are pseudo-terminals here.
func hasTerminals() bool {
	keys, terminal, err := pty.Open()
	if err != nil {
		return false
	}
	keys.Close()
	terminal.Close()
	return true
}

// onTerminal: terminal COLUMNS TERM CODE COMMAND...: runs a command on a pseudo-terminal
// so wide, of the type TERM, to its end. Stdout is all that the terminal was sent; on
// stderr stands what can be seen of it in the end, without what was written over.
func onTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: terminal COLUMNS TERM CODE COMMAND...")
	}
	columns, err := strconv.ParseUint(args[0], 10, 16)
	ts.Check(err)
	cmd, _, _ := command(ts, args[3:])
	cmd.Stdout, cmd.Stderr = nil, nil
	cmd.Env = append(cmd.Env, "TERM="+args[1], "NO_COLOR=1")
	keys, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(columns), Rows: 24})
	ts.Check(err)
	defer keys.Close()
	kill := time.AfterFunc(scriptWait, func() { cmd.Process.Kill() })
	defer kill.Stop()
	sent, _ := io.ReadAll(keys) // it ends with an error where the other side is gone
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	text := strings.ReplaceAll(string(sent), "\r\n", "\n") // as terminals have it
	fmt.Fprint(ts.Stdout(), text)
	for line := range strings.Lines(text) {
		if i := strings.LastIndex(line, eraseLine); i >= 0 {
			line = line[i+len(eraseLine):]
		}
		fmt.Fprint(ts.Stderr(), line)
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[2] {
		ts.Fatalf("exit code %s, want %s: %q", got, args[2], sent)
	}
}

// suspended: suspended TEXT COMMAND...: runs a command with a screen in a shell, waits
// until that shows TEXT, stops it with ctrl+z, has the shell go on with it, and quits.
// The terminal is the shell's while it is stopped, and shows the same afterwards.
func suspended(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: suspended TEXT COMMAND...")
	}
	const columns, rows = 80, 24
	// -m: job control, as a person's shell has it. What is echoed is not as it is typed.
	line := strings.Join(args[1:], " ") + "; echo stopped with $?; read go; fg >/dev/null; echo ended with $?"
	cmd, _, _ := command(ts, args[1:])
	shell := exec.Command("sh", "-m", "-c", line)
	shell.Dir, shell.Env = cmd.Dir, append(cmd.Env, "TERM=xterm-256color", "LANG=C.UTF-8")
	keys, err := pty.StartWithSize(shell, &pty.Winsize{Cols: columns, Rows: rows})
	ts.Check(err)
	defer keys.Close()
	kill := time.AfterFunc(scriptWait, func() { shell.Process.Kill() })
	defer kill.Stop()
	x := &emulated{emu: vt.NewEmulator(columns, rows)}
	var work sync.WaitGroup
	work.Go(func() { io.Copy(keys, x.emu) }) // what a terminal answers
	work.Go(func() { io.Copy(x, keys) })
	press := func(keyed string) {
		_, err := io.WriteString(keys, keyed)
		ts.Check(err)
	}
	until := func(text string, whole bool) {
		poll(ts, fmt.Sprintf("%q on the terminal", text), func(context.Context) bool { return x.shows(text, whole) })
	}
	until(args[0], true)
	press("\x1a")
	until("stopped with 148", false) // by signal 20, SIGTSTP
	press("\n")
	until(args[0], true)
	press("?")
	until("pause, go on", true)
	press("q")
	until("ended with 0", false)
	ts.Check(shell.Wait())
	x.emu.InputPipe().(io.Closer).Close()
	work.Wait()
}

// emulated is a terminal that is looked at.
type emulated struct {
	mu  sync.Mutex
	emu *vt.Emulator
}

func (x *emulated) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.emu.Write(b)
}

// shows reports whether the terminal shows a text: on a screen of its own that a program
// has, or on the shell's lines.
func (x *emulated) shows(text string, whole bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.emu.IsAltScreen() == whole && strings.Contains(x.emu.String(), text)
}
