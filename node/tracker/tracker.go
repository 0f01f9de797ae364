// Package tracker is the server's directory: who has which track, and who of
// them is near.
//
// A Tracker is told what members announce and forgets what is not announced
// again in time, so that it needs no repair when members die or it is restarted
// empty. Memory keeps it in this process; another implementation may keep it
// where several servers share it. Each runs the suite of package trackertest.
//
// It promises at most the number of peers asked for, nearest first: on the
// asker's own LAN (the same public address), then by network coordinates
// (Vivaldi; Dabek et al., SIGCOMM 2004), then those whose place is unknown. Of
// equally near ones those that hold the whole track come first, then any, so
// that not all askers are sent to one. Addresses on a LAN are told to nobody
// outside it. What members say of themselves is bounded: no coordinate is too
// strange and no list too long.
package tracker

import (
	"context"
	"time"

	"earshot/protocol"
)

// Tracker knows who has which track. It is safe for concurrent use.
type Tracker interface {
	// Announce says that a peer holds tracks, for the next TTL, and where it
	// is. Tracks beyond MaxTracks are passed over.
	Announce(ctx context.Context, peer protocol.Peer, tracks []protocol.Announced) error
	// Withdraw says that a node holds tracks no more.
	Withdraw(ctx context.Context, node protocol.NodeID, ids []protocol.ID) error
	// Forget says that a node has gone.
	Forget(ctx context.Context, node protocol.NodeID) error
	// Peers returns at most max peers that hold a track, or some of it, nearest
	// to the asker first, never the asker.
	Peers(ctx context.Context, id protocol.ID, asker protocol.Peer, max int) ([]protocol.Peer, error)
	// Count returns how many peers hold a track, or some of it, as far as they
	// are kept: at most MaxPeers.
	Count(ctx context.Context, id protocol.ID) (int, error)
}

const (
	// TTL is how long an announcement counts: three times the time after which
	// nodes repeat them, so that two may get lost.
	TTL = 30 * time.Minute
	// MaxPeers is how many peers of one track are kept, the latest: enough to
	// choose the 10 nearest from. Spotify's kept 20 (Kreitz and Niemela,
	// section III.D).
	MaxPeers = 50
	// MaxTracks is how many tracks of one node are kept: more than a cache of
	// 100 GB holds at 5 MB a track, and 3 MB of memory at the most.
	MaxTracks = 1 << 15
)
