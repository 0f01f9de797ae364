package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"earshot/node/control"
)

const (
	// endWait is how long a node may take to end: it tells its neighbours, and
	// writes down what it has counted.
	endWait = 5 * time.Second
	// endLook is how often it is looked for.
	endLook = 20 * time.Millisecond
)

func (p *program) stopCommand() *cli.Command {
	return &cli.Command{
		Name: "stop", Usage: "end the node that owns the data folder", Category: "Nodes",
		Flags: flags(),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			pid, err := p.stop(c.Context, c.Path("data"))
			if errors.Is(err, control.ErrNoOwner) {
				return fmt.Errorf("there is nothing to stop: %w: --data names another one", err)
			}
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.out.json(struct {
					Event string `json:"event"`
					PID   int    `json:"pid"`
				}{"stopped", pid})
			}
			p.out.say("stopped")
			return nil
		},
	}
}

// stop asks the owner to end and returns when it has: whoever comes next finds
// the data folder free.
func (p *program) stop(ctx context.Context, data string) (pid int, err error) {
	s, err := p.nodes.dial(ctx, data)
	if err != nil {
		return 0, err
	}
	defer s.release()
	if status, err := s.node.Status(ctx); err == nil {
		pid = status.PID
	}
	if err := s.node.Stop(ctx); err != nil {
		return pid, err
	}
	s.release()
	ctx, cancel := context.WithTimeout(ctx, endWait)
	defer cancel()
	look := time.NewTicker(endLook)
	defer look.Stop()
	for {
		again, err := p.nodes.dial(ctx, data)
		if err == nil {
			again.release()
		}
		answers := !errors.Is(err, control.ErrNoOwner)
		if !answers && !alive(pid) {
			return pid, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			if answers || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return pid, cause(ctx, fmt.Errorf("process %d was asked to end and is still there (kill %d ends it): %w", pid, pid, ctx.Err()))
			}
			return pid, nil // it gave the folder up
		}
	}
}

// alive reports whether there is a process of that number. 0 stands for none.
func alive(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
