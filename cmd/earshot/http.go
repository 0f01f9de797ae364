package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
)

// httpFlags have a node's tracks served by HTTP.
func httpFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "http", Usage: "serve tracks as http://HOST:PORT/tracks/ID to other players, at `HOST:PORT` of this machine"},
		&cli.BoolFlag{Name: "http-anyone", Usage: "let --http take an address that other machines reach: whoever reaches it can listen"},
	}
}

// tracksPort is where tracks are served by HTTP: nowhere, if it has no address.
type tracksPort struct {
	address string // HOST:PORT
	anyone  bool   // others than this machine's programs, too
	end     func() error
}

// readHTTP reads the HTTP flags.
func readHTTP(c *cli.Context) (*tracksPort, error) {
	t := &tracksPort{address: c.String("http"), anyone: c.Bool("http-anyone")}
	if t.address == "" && t.anyone {
		return nil, usagef("--http-anyone goes with --http HOST:PORT")
	}
	if t.address == "" {
		return t, nil
	}
	return t, checkAddress("http", t.address)
}

// open serves n's tracks from now on, until close: close it before the node.
func (t *tracksPort) open(ctx context.Context, n control.Node) error {
	if t.address == "" {
		return nil
	}
	l, err := control.ListenTracks(t.address, t.anyone)
	if errors.Is(err, control.ErrNotLoopback) {
		return usagef("--http %s: %v: add --http-anyone if others shall listen", t.address, control.ErrNotLoopback)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: choose another one with --http", err)
	}
	if err != nil {
		return err
	}
	t.address = l.Addr().String() // with the port, where any was asked for
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- control.ServeTracks(ctx, l, n, nil) }()
	t.end = func() error {
		cancel()
		return <-ended
	}
	return nil
}

// close ends it, and what is being sent.
func (t *tracksPort) close() error {
	if t.end == nil {
		return nil
	}
	return t.end()
}
