package node

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/google/renameio/v2"

	"earshot/node/swarm"
	"earshot/protocol"
)

const (
	// maxRemembered is how many neighbours a later process dials when it starts:
	// the nearest, who can bring a start sooner than the server, or without it.
	maxRemembered = 8
	// maxRememberedFile bounds the file that is read: 8 take some 3 KB.
	maxRememberedFile = 64 << 10
)

// neighbourFile is where the nearest neighbours are kept for the next process. It
// is for one goroutine at a time.
type neighbourFile struct {
	path string
	kept []protocol.NodeID // as written last
}

// save writes who is near now, if that is not what was written last. Where there
// is nobody, those from before stay.
func (f *neighbourFile) save(conns []*swarm.Conn) error {
	conns = slices.DeleteFunc(conns, func(c *swarm.Conn) bool { return c.Server() || !c.Trusted() || !c.Sharing() })
	slices.SortFunc(conns, func(a, b *swarm.Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
	var peers []protocol.Peer
	var nodes []protocol.NodeID
	for _, c := range conns[:min(len(conns), maxRemembered)] {
		peers, nodes = append(peers, c.Peer()), append(nodes, c.Node())
	}
	slices.SortFunc(nodes, func(a, b protocol.NodeID) int { return bytes.Compare(a[:], b[:]) })
	if len(peers) == 0 || slices.Equal(nodes, f.kept) {
		return nil
	}
	data, err := json.Marshal(peers)
	if err == nil {
		err = renameio.WriteFile(f.path, data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the folder is gone: nothing to keep for
		return fmt.Errorf("remembering neighbours: %w", err)
	}
	f.kept = nodes
	return nil
}

// rememberedNeighbours reads them. A file that is missing or damaged gives none.
func rememberedNeighbours(path string) []protocol.Peer {
	if info, err := os.Stat(path); err != nil || info.Size() > maxRememberedFile {
		return nil
	}
	data, err := os.ReadFile(path)
	var peers []protocol.Peer
	if err != nil || json.Unmarshal(data, &peers) != nil {
		return nil
	}
	return peers[:min(len(peers), maxRemembered)]
}
