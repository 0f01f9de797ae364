package main

import (
	"context"
	"errors"
	"fmt"

	"earshot/node"
	"earshot/node/control"
)

// nodeConfig and serveConfig are what nodes are made of.
type (
	nodeConfig  = node.Config
	serveConfig = node.ServeConfig
)

// nodes is all that commands do with package node.
type nodes struct {
	// attach reaches the owner of a data folder, or becomes it.
	attach func(ctx context.Context, c nodeConfig) (*session, error)
	// dial reaches the owner; control.ErrNoOwner if there is none.
	dial func(ctx context.Context, data string) (*session, error)
	// player reaches what plays on a data folder; control.ErrNoPlayer if nothing does.
	player func(ctx context.Context, data string) (control.Player, func() error, error)
	// start becomes the owner.
	start func(c nodeConfig) (running, error)
	// serve becomes the owner, as a server.
	serve func(ctx context.Context, c serveConfig) (runningServer, error)
	// invite makes a join link, with a server that runs or without.
	invite func(ctx context.Context, data string, in control.Invitation) (string, error)
	// join makes a data folder a member.
	join func(ctx context.Context, data, link string) (node.Joined, error)
}

// session is a node that a command uses.
type session struct {
	node    control.Node
	release func() error
	// own is set where the node runs in this process.
	own interface {
		Wait(context.Context) error
	}
}

// running is a node that runs until it is told to stop.
type running interface {
	control.Node
	Wait(ctx context.Context) error
	Close() error
}

// runningServer is a server that does.
type runningServer interface {
	running
	Addr() string
	Tracks() int
}

// realNodes are those of package node.
func realNodes() nodes {
	return nodes{
		attach: func(ctx context.Context, c nodeConfig) (*session, error) {
			n, release, err := node.Attach(ctx, c)
			if err != nil {
				return nil, err
			}
			s := &session{node: n, release: release}
			if own, ok := n.(*node.Node); ok {
				s.own = own
			}
			return s, nil
		},
		dial: func(ctx context.Context, data string) (*session, error) {
			c, err := control.Dial(ctx, data)
			if errors.Is(err, control.ErrNoOwner) {
				return nil, fmt.Errorf("%w (%s)", control.ErrNoOwner, data)
			}
			if err != nil {
				return nil, err
			}
			return &session{node: c, release: c.Close}, nil
		},
		player: func(ctx context.Context, data string) (control.Player, func() error, error) {
			c, err := control.DialPlayer(ctx, data)
			if err != nil {
				return nil, nil, err
			}
			return c, c.Close, nil
		},
		start: func(c nodeConfig) (running, error) {
			n, err := node.Start(c)
			if err != nil {
				return nil, err // not n: a nil *node.Node is no nil interface
			}
			return n, nil
		},
		serve: func(ctx context.Context, c serveConfig) (runningServer, error) {
			s, err := node.Serve(ctx, c)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		invite: node.Invite,
		join:   node.Join,
	}
}
