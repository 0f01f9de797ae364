package node

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"earshot/node/swarm"
	"earshot/protocol"
)

const (
	// maxRemembered is how many neighbours a later process dials when it starts:
	// the nearest, who can bring a start sooner than the server, or without it.
	// Half of them may be gone by then.
	maxRemembered = 16
	// metFirst is how many of them are dialled at once, to ask them for a start (package
	// stream). Each dial takes the time of a processor, and who is gone takes it
	// twice; with all 16 it was a tenth of what the starts of a crowd took.
	metFirst = 4
	// metNear is how many of those are the nearest, who may be on the LAN; the others are
	// the nearest of those who can be spoken to in the first packet.
	metNear = 2
	// metLater is when the others are: when they are asked for a start that the server
	// has not answered yet (package stream), less a handshake.
	metLater = 700 * time.Millisecond
	// metPause is between two of those where the server is there, so that nobody waits for
	// them: a handshake takes some milliseconds of a small processor, and all twelve at once
	// can be heard.
	metPause = 100 * time.Millisecond
	// maxRememberedFile bounds the file that is read: 16 take some 6 KB.
	maxRememberedFile = 64 << 10
	// fewPeers is with how many neighbours a node whose server is away is content:
	// 8 of 8 each reach 64 nodes with a question.
	fewPeers = 8
	// redialEvery is how often it dials those it remembers, who may be back.
	redialEvery = 30 * time.Second
)

// memory is what is kept of the network for the next process.
type memory struct {
	Coordinate protocol.Coordinate `json:"coordinate"`
	Port       int                 `json:"port"`       // of the socket: where others remember this node
	Neighbours []protocol.Peer     `json:"neighbours"` // nearest first, then those of earlier
}

// neighbourFile is where it is kept. It is for one goroutine at a time.
type neighbourFile struct {
	path string
	kept memory
}

// openNeighbours reads the file. One that is missing or damaged gives nothing.
func openNeighbours(path string) neighbourFile {
	f := neighbourFile{path: path}
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxRememberedFile {
		return f
	}
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &f.kept) != nil {
		f.kept = memory{}
	}
	f.kept.Neighbours = f.kept.Neighbours[:min(len(f.kept.Neighbours), maxRemembered)]
	return f
}

// save writes who is near now, if that is not what was written last or if this is
// the last time. Those from before stay as far as there is room.
func (f *neighbourFile) save(s *swarm.Swarm, last bool) error {
	conns := slices.DeleteFunc(s.Neighbours(), func(c *swarm.Conn) bool {
		return c.Server() || !c.Trusted() || !c.Sharing() || !c.IsIntroduced()
	})
	slices.SortFunc(conns, func(a, b *swarm.Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
	now := memory{Coordinate: s.Coordinate()}
	if a, ok := s.Addr().(*net.UDPAddr); ok {
		now.Port = a.Port
	}
	for _, c := range conns {
		now.Neighbours = append(now.Neighbours, c.Peer())
	}
	for _, p := range f.kept.Neighbours {
		if !slices.ContainsFunc(now.Neighbours, func(q protocol.Peer) bool { return p.Node == q.Node }) {
			now.Neighbours = append(now.Neighbours, p)
		}
	}
	now.Neighbours = now.Neighbours[:min(len(now.Neighbours), maxRemembered)]
	if !last && now.Port == f.kept.Port && slices.Equal(nodesOf(now.Neighbours), nodesOf(f.kept.Neighbours)) {
		return nil
	}
	data, err := json.Marshal(now)
	if err == nil {
		err = renameio.WriteFile(f.path, data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the folder is gone: nothing to keep for
		return fmt.Errorf("remembering neighbours: %w", err)
	}
	f.kept = now
	return nil
}

// nodesOf returns who the peers are, in any order.
func nodesOf(peers []protocol.Peer) (nodes []protocol.NodeID) {
	for _, p := range peers {
		nodes = append(nodes, p.Node)
	}
	slices.SortFunc(nodes, func(a, b protocol.NodeID) int { return bytes.Compare(a[:], b[:]) })
	return nodes
}

// meet dials the neighbours that are remembered when the node starts, and again
// while the server is away and few of them are here.
func (n *Node) meet(ctx context.Context, peers []protocol.Peer) {
	n.meetFirst(ctx, peers)
	for {
		for again := false; !again; {
			select {
			case <-time.After(redialEvery):
			case <-ctx.Done():
				return
			}
			server, _ := n.swarm.ServerChanged()
			again = server == nil && len(n.swarm.Neighbours()) < fewPeers
		}
		n.swarm.Connect(ctx, peers)
	}
}

// meetFirst dials some of them at once, and the others when a start is not in need of the
// time.
func (n *Node) meetFirst(ctx context.Context, peers []protocol.Peer) {
	peers = soonest(peers, n.member.tickets.Has)
	var dials sync.WaitGroup
	defer dials.Wait()
	dials.Go(func() { n.swarm.Connect(ctx, peers[:min(metFirst, len(peers))]) })
	pause := metLater
	for _, p := range peers[min(metFirst, len(peers)):] {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		dials.Go(func() { n.swarm.Connect(ctx, []protocol.Peer{p}) })
		pause = 0
		if server, _ := n.swarm.ServerChanged(); server != nil {
			pause = metPause
		}
	}
}

// soonest puts first, behind the nearest, who can be spoken to at once.
func soonest(peers []protocol.Peer, atOnce func(protocol.NodeID) bool) []protocol.Peer {
	near := min(metNear, len(peers))
	ordered := slices.Clone(peers)
	slices.SortStableFunc(ordered[near:], func(a, b protocol.Peer) int {
		switch first := atOnce(a.Node); {
		case first == atOnce(b.Node):
			return 0
		case first:
			return -1
		}
		return 1
	})
	return ordered
}
