package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// PlayerClient is a Player on the other side of its socket. Its methods may be
// called from any goroutine. Where the player has gone they fail with ErrNoPlayer.
type PlayerClient struct{ caller }

var _ Player = (*PlayerClient)(nil)

// DialPlayer connects to what plays on a data folder, the newest where several
// do; ErrNoPlayer if nothing does.
func DialPlayer(ctx context.Context, dataDir string) (*PlayerClient, error) {
	c := &PlayerClient{}
	if err := c.connect(ctx, dataDir, playerSocketName); err != nil {
		return nil, noPlayer(err)
	}
	return c, nil
}

// noPlayer says of a player what the caller says of a node.
func noPlayer(err error) error {
	if errors.Is(err, ErrNoOwner) {
		return ErrNoPlayer
	}
	return err
}

// PlayerState implements Player.
func (c *PlayerClient) PlayerState(ctx context.Context) (PlayerState, error) {
	var out wirePlayerState
	err := c.call(ctx, http.MethodGet, "/v1/player", nil, &out)
	return out.state(), noPlayer(err)
}

// Command implements Player. A player that quits may go before it answers.
func (c *PlayerClient) Command(ctx context.Context, cmd Command) error {
	err := noPlayer(c.call(ctx, http.MethodPost, "/v1/player/command", cmd, nil))
	if cmd.Do == DoQuit && errors.Is(err, ErrNoPlayer) {
		return nil
	}
	return err
}

// Queue implements Player.
func (c *PlayerClient) Queue(ctx context.Context) (Queue, error) {
	resp, err := c.do(ctx, http.MethodGet, "/v1/player/queue", nil)
	if err != nil {
		return Queue{}, noPlayer(err)
	}
	defer resp.Body.Close()
	in := newLineReader(resp.Body)
	var first wireQueue
	if err := in.next(&first); err != nil {
		return Queue{}, noPlayer(lost(ctx, err))
	}
	q := Queue{Edit: first.Edit, Index: first.Index}
	for len(q.Tracks) <= MaxQueued {
		var t wireTrack
		err := in.next(&t)
		if errors.Is(err, io.EOF) {
			return q, nil
		}
		if err != nil {
			return Queue{}, noPlayer(lost(ctx, err))
		}
		q.Tracks = append(q.Tracks, t.track())
	}
	return Queue{}, fmt.Errorf("the player's queue is longer than %d tracks: it may be of another version", MaxQueued)
}

// Follow implements Player. States are read as they come, so that a slow f gets
// the newest and not what sockets hold.
func (c *PlayerClient) Follow(ctx context.Context, f func(PlayerState)) error {
	call, cancel := context.WithCancel(ctx)
	resp, err := c.do(call, http.MethodGet, "/v1/player/follow", nil)
	if err != nil {
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		return noPlayer(err)
	}
	states := make(chan PlayerState, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() {
		defer resp.Body.Close()
		err = readStates(call, newLineReader(resp.Body), states)
		close(states)
	})
	for s := range states {
		if ctx.Err() != nil {
			break
		}
		f(s)
	}
	if ctx.Err() != nil {
		return nil
	}
	return noPlayer(lost(ctx, err))
}

// readStates keeps the newest state in a channel of one.
func readStates(ctx context.Context, in *lineReader, states chan PlayerState) error {
	for {
		var w wirePlayerState
		if err := in.next(&w); err != nil {
			return err
		}
		select {
		case <-states: // nobody took the one before
		default:
		}
		select {
		case states <- w.state():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
