package swarm

import (
	"testing"

	"github.com/quic-go/quic-go"
)

func TestNoConnectionIDComesTwiceBeforeAllHaveCome(t *testing.T) {
	const all = 1 << (8 * connIDLen)
	ids := newConnIDs()
	seen := map[quic.ConnectionID]int{}
	for i := range 2 * all {
		id, err := ids.GenerateConnectionID()
		if err != nil || id.Len() != ids.ConnectionIDLen() {
			t.Fatalf("%v of %d bytes, %v", id, id.Len(), err)
		}
		if last, ok := seen[id]; ok != (i >= all) || ok && i-last != all {
			t.Fatalf("the %dth was there as the %dth", i, last)
		}
		seen[id] = i
	}
}
