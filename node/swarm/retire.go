package swarm

import (
	"time"

	"earshot/protocol"
)

const (
	// retireAfter is how long the one of two connections that is not kept goes on, where
	// two nodes dial one another at the same moment: what was asked on it in the first
	// packet is the start of a track, and comes within that.
	retireAfter = 2 * time.Second
	// maxRetired bounds how many do.
	maxRetired = hardNeighbours
)

// retires reports whether a connection that lost against another with the same node is
// not to end at once: that is where each of them dialled one, now. s.mu is held.
func (s *Swarm) retires(loser, kept *Conn) bool {
	mutual := loser.dialed != kept.dialed && time.Since(loser.since) < retireAfter && time.Since(kept.since) < retireAfter
	if !mutual || loser.server || s.config.Server != nil || len(s.retired) >= maxRetired {
		return false
	}
	s.retired[loser] = struct{}{}
	s.wg.Go(func() {
		timer := time.NewTimer(retireAfter)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-loser.Done():
		}
		s.mu.Lock()
		delete(s.retired, loser)
		s.mu.Unlock()
		loser.close(protocol.CodeDuplicate)
	})
	return true
}
