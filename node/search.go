package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"earshot/node/library"
	"earshot/node/swarm"
	"earshot/protocol"
)

// Search asks the server's catalogue; where the server is away, what was seen of
// it before is found, and what the swarm holds, as far as neighbours and theirs
// reach.
func (n *Node) Search(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	if n.swarm == nil {
		return n.searchCache(q), nil
	}
	asking, cancel := context.WithTimeout(ctx, searchPatience)
	r, err := n.searchServer(asking, q)
	late := asking.Err() != nil
	cancel()
	var refused *protocol.Refused
	if err != nil && ctx.Err() == nil && !errors.As(err, &refused) {
		if found := n.searchSwarm(ctx, q); found.Total > 0 {
			return found, nil
		}
		if late { // nothing is at hand: then it is waited for
			r, err = n.searchServer(ctx, q)
		}
	}
	if err == nil {
		n.seen.Note(r.Tracks...)
	}
	return r, translate(err)
}

// searchSeen finds what was seen of the catalogue: in answers of the server, and
// in the cache. It says nothing of who holds it.
func (n *Node) searchSeen(ctx context.Context, q protocol.Query) protocol.Results {
	if !n.seenCached.Swap(true) {
		var cached []protocol.Track
		for in := range n.cache.Tracks() {
			cached = append(cached, in.Track)
		}
		if err := n.seen.Keep(ctx, cached); err != nil {
			n.seenCached.Store(false)
			n.log.Warn("what was seen of the catalogue is not found", "err", err)
			return n.searchCache(q)
		}
	}
	r, err := n.seen.Search(ctx, q)
	if err != nil {
		n.log.Warn("what was seen of the catalogue is not found", "err", err)
		return n.searchCache(q)
	}
	return r
}

// searchPatience is a round trip to anywhere, or two to most places.
const searchPatience = 500 * time.Millisecond

// searchServer asks once more where the connection broke: a blip is no reason to
// give a command up.
func (n *Node) searchServer(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	r, err := n.trySearch(ctx, q)
	if !errors.Is(err, swarm.ErrServerAway) {
		return r, err
	}
	_, changed := n.swarm.ServerChanged()
	select {
	case <-changed:
	case <-time.After(searchPatience):
	case <-ctx.Done():
		return r, err
	}
	return n.trySearch(ctx, q)
}

func (n *Node) trySearch(ctx context.Context, q protocol.Query) (protocol.Results, error) {
	server, err := n.swarm.Server(ctx)
	if err != nil {
		return protocol.Results{}, err
	}
	r, err := server.Search(ctx, q)
	var refused *protocol.Refused
	if err != nil && ctx.Err() == nil && !errors.As(err, &refused) {
		err = fmt.Errorf("%w: %w", swarm.ErrServerAway, err)
	}
	return r, err
}

// searchCache finds tracks among those that are cached.
func (n *Node) searchCache(q protocol.Query) protocol.Results {
	var found []protocol.Track
	for in := range n.cache.Tracks() {
		if fits(in.Track, q) {
			found = append(found, in.Track)
		}
	}
	library.Sort(found)
	return listed(found, q)
}

func holdsWords(t protocol.Track, words []string) bool {
	fields := strings.Fields(strings.ToLower(t.Title + " " + t.Artist + " " + t.Album))
	for _, w := range words {
		if !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, w) }) {
			return false
		}
	}
	return len(words) > 0
}
