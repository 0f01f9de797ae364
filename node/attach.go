package node

import (
	"context"
	"errors"
	"time"

	"earshot/node/control"
)

// attachWait is how long an owner that is just starting, or just ending, may
// take: opening the largest cache is a second.
const attachWait = 3 * time.Second

// Attach returns the node that owns the data folder, or starts one of its own
// where none runs; release lets go of it.
func Attach(ctx context.Context, c Config) (n control.Node, release func() error, err error) {
	deadline := time.Now().Add(attachWait)
	for {
		client, err := control.Dial(ctx, c.Data)
		if err == nil {
			return client, client.Close, nil
		}
		if !errors.Is(err, control.ErrNoOwner) {
			return nil, nil, err
		}
		own, err := Start(c)
		if err == nil {
			return own, own.Close, nil
		}
		var held *HeldError
		if !errors.As(err, &held) || time.Now().After(deadline) {
			return nil, nil, err
		}
		select { // between owning the folder and answering on the socket
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}
