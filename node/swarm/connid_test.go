package swarm

import (
	"testing"

	"github.com/quic-go/quic-go"
)

func TestNoConnectionIDComesTwiceInAMillion(t *testing.T) {
	ids := newConnIDs()
	seen := map[quic.ConnectionID]bool{}
	for i := range 1_000_000 {
		id, err := ids.GenerateConnectionID()
		if err != nil || id.Len() != ids.ConnectionIDLen() {
			t.Fatalf("%v of %d bytes, %v", id, id.Len(), err)
		}
		if seen[id] {
			t.Fatalf("the %dth was there before", i)
		}
		seen[id] = true
	}
}
