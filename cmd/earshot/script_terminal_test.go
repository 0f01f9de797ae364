package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

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
