package node

import (
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

// rememberNeighbours keeps the nearest neighbours for the next process. Where there
// are none now, those from before stay.
func rememberNeighbours(path string, conns []*swarm.Conn) error {
	conns = slices.DeleteFunc(conns, func(c *swarm.Conn) bool { return c.Server() || !c.Trusted() || !c.Sharing() })
	if len(conns) == 0 {
		return nil
	}
	slices.SortFunc(conns, func(a, b *swarm.Conn) int { return cmp.Compare(a.RTT(), b.RTT()) })
	var peers []protocol.Peer
	for _, c := range conns[:min(len(conns), maxRemembered)] {
		peers = append(peers, c.Peer())
	}
	data, err := json.Marshal(peers)
	if err == nil {
		err = renameio.WriteFile(path, data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the folder is gone: nothing to keep for
		return fmt.Errorf("remembering neighbours: %w", err)
	}
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
