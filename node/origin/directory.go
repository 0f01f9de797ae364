package origin

import (
	"context"
	"slices"
	"time"

	"earshot/node/swarm"
	"earshot/node/tracker"
	"earshot/protocol"
)

// peers returns who can help the asker with a track, and how many there are.
// A tracker that fails costs help, never the answer.
func (o *Origin) peers(ctx context.Context, asker *swarm.Conn, id protocol.ID) ([]protocol.Peer, int) {
	peers, err := o.Tracker.Peers(ctx, id, asker.Peer(), protocol.MaxPeers)
	if err != nil {
		o.Log.Warn("the tracker failed", "err", err)
		return nil, 0
	}
	n, err := o.Tracker.Count(ctx, id)
	if err != nil {
		n = len(peers)
	}
	return peers, n
}

// enter makes a member a peer for tracks once its handshake is complete, as its
// words may be a replay before, and it has said how to reach it and whether it
// shares: one that does not helps nobody.
func (o *Origin) enter(c *swarm.Conn, tracks []protocol.Announced) {
	announce := func(ctx context.Context) { o.announce(ctx, c, tracks) }
	if c.IsIntroduced() {
		o.later(announce)
		return
	}
	o.wg.Go(func() {
		if c.Introduced(context.Background()) == nil { // ends with the connection
			o.later(announce)
		}
	})
}

// enterOpener enters who opens a track: at once where that can be, so that who
// opens it next is told of this one.
func (o *Origin) enterOpener(ctx context.Context, c *swarm.Conn, id protocol.ID) {
	tracks := []protocol.Announced{{ID: id}}
	if c.IsIntroduced() {
		o.announce(ctx, c, tracks)
	} else {
		o.enter(c, tracks)
	}
}

// announce tells the tracker what a member holds, and where it is if that can be.
func (o *Origin) announce(ctx context.Context, c *swarm.Conn, tracks []protocol.Announced) {
	if !c.Sharing() {
		return
	}
	peer := c.Peer()
	if !c.Credible() {
		peer.Coordinate = protocol.Coordinate{}
	}
	if err := o.Tracker.Announce(ctx, peer, tracks); err != nil {
		o.Log.Warn("the tracker failed", "err", err)
	}
}

// Announced enters what a member says that it holds, as far as there is such a
// track: what is made up would take the tracker's memory.
func (o *Origin) Announced(from *swarm.Conn, tracks []protocol.Announced) {
	o.later(func(ctx context.Context) { o.announce(ctx, from, o.known.only(ctx, o.Tracks, tracks)) })
}

// knownTracks are those that were found to exist, so that a look-up is made once
// for a track and not for each member that holds it. Only the tracker's goroutine
// uses it.
type knownTracks struct {
	ids   map[protocol.ID]struct{}
	since time.Time
}

// only returns the announced tracks that exist, in place.
func (k *knownTracks) only(ctx context.Context, store TrackStore, tracks []protocol.Announced) []protocol.Announced {
	if now := time.Now(); k.ids == nil || now.Sub(k.since) > tracker.TTL { // tracks are removed, too
		k.ids, k.since = map[protocol.ID]struct{}{}, now
	}
	return slices.DeleteFunc(tracks, func(t protocol.Announced) bool {
		if _, known := k.ids[t.ID]; known {
			return false
		}
		if _, err := store.Header(ctx, t.ID); err != nil {
			return true
		}
		k.ids[t.ID] = struct{}{}
		return false
	})
}

// Withdrawn takes tracks back that a member has evicted.
func (o *Origin) Withdrawn(from *swarm.Conn, ids []protocol.ID) {
	o.later(func(ctx context.Context) {
		if err := o.Tracker.Withdraw(ctx, from.Node(), ids); err != nil {
			o.Log.Warn("the tracker failed", "err", err)
		}
	})
}

// Left forgets what a member held: it cannot be told to anyone any more.
func (o *Origin) Left(c *swarm.Conn) {
	o.later(func(ctx context.Context) {
		if err := o.Tracker.Forget(ctx, c.Node()); err != nil {
			o.Log.Warn("the tracker failed", "err", err)
		}
	})
}

// later does work for the tracker behind the answers, in order. When too much
// has gathered it is dropped: members announce themselves again.
func (o *Origin) later(f func(ctx context.Context)) {
	select {
	case o.work <- f:
	default:
	}
}
