package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
)

// The exit codes: a contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 + SIGINT, what shells make of it
)

// usageError says that the command line makes no sense.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// interruptedError says that the user, or the system, asked the program to end.
type interruptedError struct{ signal syscall.Signal }

func (e *interruptedError) Error() string { return "interrupted: " + e.signal.String() }

// errStopped is the cause where `earshot stop` ended this process's node.
var errStopped = errors.New("stopped by `earshot stop`")

// exitCode says what the process tells its parent of an error.
func exitCode(err error) int {
	var usage *usageError
	var interrupted *interruptedError
	var coder cli.ExitCoder
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &interrupted), errors.Is(err, errStopped):
		return exitInterrupted
	case errors.As(err, &coder):
		return coder.ExitCode()
	}
	return exitFailed
}

// cause puts the reason why ctx ended in the place of an error that came of it:
// ctx's own, or that of something which ctx's end has closed.
func cause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	for _, of := range []error{ctx.Err(), fs.ErrClosed, net.ErrClosed} {
		if errors.Is(err, of) {
			return context.Cause(ctx)
		}
	}
	return err
}

// hints say what to do about errors that do not say so themselves.
var hints = [...]struct {
	err  error
	hint string
}{
	{control.ErrServerAway, "check the network, and that the server runs"},
	{control.ErrUnavailable, "try again when the server or a peer that has it is there"},
	{control.ErrUnknownTrack, "`earshot search` and `earshot ls` list what there is"},
	{control.ErrNotServer, "run this with the server's data folder (--data)"},
	{control.ErrNoCache, "run this with a listener's data folder (--data)"},
	{control.ErrNoOwner, "start one with `earshot seed`"},
	{syscall.EADDRINUSE, "choose another one with --listen, or end the program that has it"},
	{syscall.EADDRNOTAVAIL, "--listen takes an address of this machine"},
	{syscall.EACCES, "check who may read and write there"},
	{context.DeadlineExceeded, "try again"},
}

// explain is what the user reads of an error: one line that says what to do;
// empty where there is nothing to say.
func explain(err error) string {
	code := exitCode(err)
	if code == exitDone || code == exitInterrupted {
		return ""
	}
	text := strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", "; "))
	if code == exitUsage {
		return text
	}
	for _, h := range hints {
		if errors.Is(err, h.err) {
			if !strings.Contains(text, "earshot ") && !strings.Contains(text, "--") {
				text += ": " + h.hint
			}
			break
		}
	}
	return text
}
