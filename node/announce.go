package node

import (
	"context"
	"sync"
	"time"

	"earshot/cache"
	"earshot/node/swarm"
	"earshot/protocol"
)

// announcer tells the server which tracks the cache holds: all of them when a
// connection comes up and now and then after that, changes as they happen.
type announcer struct {
	cache *cache.Cache
	swarm *swarm.Swarm

	kick    chan struct{}
	mu      sync.Mutex
	changed map[protocol.ID]struct{}
}

const (
	// announceEvery repeats all announcements a few times in the time after
	// which a tracker forgets (package tracker: tracker.TTL).
	announceEvery = 10 * time.Minute
	// gatherAnnounce lets changes gather: an album's eviction is one message.
	gatherAnnounce = time.Second
	// maxAnnounced bounds what one node announces: 20,000 tracks, the most
	// recently used, are ten times what a cache of 10 GB holds.
	maxAnnounced = 20_000
)

func newAnnouncer(c *cache.Cache, s *swarm.Swarm) *announcer {
	return &announcer{cache: c, swarm: s, kick: make(chan struct{}, 1), changed: map[protocol.ID]struct{}{}}
}

// note has a track looked at again.
func (a *announcer) note(id protocol.ID) {
	a.mu.Lock()
	a.changed[id] = struct{}{}
	a.mu.Unlock()
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// run announces until ctx ends.
func (a *announcer) run(ctx context.Context) {
	for ctx.Err() == nil {
		conn, changed := a.swarm.ServerChanged()
		if conn == nil {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		a.serve(ctx, conn)
	}
}

// serve keeps one connection informed, until it ends.
func (a *announcer) serve(ctx context.Context, conn *swarm.Conn) {
	if conn.Confirmed(ctx) != nil {
		return
	}
	for ctx.Err() == nil {
		a.take()
		if conn.Announce(ctx, a.all()) != nil {
			return
		}
		all := time.NewTimer(announceEvery)
		for again := false; !again; {
			select {
			case <-all.C:
				again = true
			case <-a.kick:
				select {
				case <-time.After(gatherAnnounce):
				case <-ctx.Done():
				}
				if !a.tell(ctx, conn) {
					all.Stop()
					return
				}
			case <-conn.Done():
				all.Stop()
				return
			case <-ctx.Done():
				all.Stop()
				return
			}
		}
	}
}

// tell announces what is held of the changed tracks, and withdraws the others.
func (a *announcer) tell(ctx context.Context, conn *swarm.Conn) bool {
	var held []protocol.Announced
	var gone []protocol.ID
	for id := range a.take() {
		if in, ok := a.cache.Lookup(id); ok {
			held = append(held, protocol.Announced{ID: id, Complete: in.Complete})
		} else {
			gone = append(gone, id)
		}
	}
	return conn.Announce(ctx, held) == nil && conn.Withdraw(ctx, gone) == nil
}

func (a *announcer) take() map[protocol.ID]struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed := a.changed
	a.changed = map[protocol.ID]struct{}{}
	return changed
}

func (a *announcer) all() []protocol.Announced {
	var tracks []protocol.Announced
	for in := range a.cache.Tracks() {
		if len(tracks) == maxAnnounced {
			break
		}
		tracks = append(tracks, protocol.Announced{ID: in.ID, Complete: in.Complete})
	}
	return tracks
}
