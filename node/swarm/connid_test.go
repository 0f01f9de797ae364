package swarm

import (
	"testing"
)

func TestNoConnectionIDComesTwiceBeforeAllHaveCome(t *testing.T) {
	ids := newConnIDs()
	seen := make([]bool, 1<<(8*ids.ConnectionIDLen()))
	for i := range seen {
		id, err := ids.GenerateConnectionID()
		if err != nil || id.Len() != ids.ConnectionIDLen() {
			t.Fatalf("%v of %d bytes, %v", id, id.Len(), err)
		}
		number := 0
		for _, b := range id.Bytes() {
			number = number<<8 | int(b)
		}
		if seen[number] {
			t.Fatalf("%v, the %dth, was there before", id, i)
		}
		seen[number] = true
	}
}
