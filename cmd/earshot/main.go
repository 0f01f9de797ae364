// Command earshot plays music from a swarm, and shares it.
//
// It is the top floor: flags in, words out. main.go reads the signals and turns
// what came of a command into an exit code; app.go holds the list of commands,
// each in a file of its own; nodes.go is the only place that starts nodes, so
// that tests can put others in their place; output.go is the only one that
// knows how sound is decoded and where it goes; screen.go is the only way to
// the terminal, and keeps away from it what strangers may have put into a
// title; onscreen.go shows package tui on it.
//
// Names of commands, flags and JSON fields, and the exit codes, are a contract:
// others script against them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	started := time.Now()
	// quic-go would print a warning of its own where the system allows small
	// socket buffers only; at the bitrates of music they do.
	os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
	ctx, stop := interruptible()
	p := &program{
		started: started,
		nodes:   realNodes(),
		out:     newScreen(os.Stdout),
		err:     newScreen(os.Stderr),
		stdout:  os.Stdout,
	}
	code := p.run(ctx, os.Args)
	stop()
	os.Exit(code)
}

// interruptible returns a context that ends with the first signal that asks the
// program to end; its cause tells which. The second one ends the process as if
// nobody listened.
func interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	wanted := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // it is under nohup
		wanted = append(wanted, syscall.SIGHUP)
	}
	signal.Notify(signals, wanted...)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&interruptedError{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
