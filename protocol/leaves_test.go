package protocol

import (
	"bytes"
	"testing"
)

func TestATreeGrowsFromItsLeaves(t *testing.T) {
	for _, size := range []int{1, ChunkSize, ChunkSize + 1, 2 * ChunkSize, 3 * ChunkSize, 8*ChunkSize - 1, 11*ChunkSize + 5, 176 * ChunkSize} {
		_, tree, _ := made(size)
		leaves := Leaves(tree, int64(size))
		if len(leaves) != LeavesSize(int64(size)) || len(leaves) > (len(tree)+nodeSize)/2 {
			t.Errorf("%d bytes: a tree of %d bytes has leaves of %d", size, len(tree), len(leaves))
		}
		if !bytes.Equal(TreeOf(leaves, int64(size)), tree) {
			t.Errorf("%d bytes: another tree grows from the leaves", size)
		}
	}
}

func TestLeavesOfAnotherTrackGrowNoTreeOfIt(t *testing.T) {
	const size = 5 * ChunkSize
	data, tree, id := made(size)
	leaves := Leaves(tree, size)
	for name, other := range map[string][]byte{"fewer": leaves[leafSize:], "more": append(bytes.Clone(leaves), make([]byte, leafSize)...), "cut": leaves[:len(leaves)-1]} {
		if TreeOf(other, size) != nil {
			t.Errorf("%s grow a tree", name)
		}
	}
	for _, size := range []int64{-1, 0, MaxTrackSize + 1} {
		if TreeOf(nil, size) != nil || Leaves(tree, size) != nil {
			t.Errorf("there is a tree of %d bytes", size)
		}
	}
	for i := range 5 {
		wrong := bytes.Clone(leaves)
		wrong[leafSize*i] ^= 1
		for chunk := range 5 { // the root is another
			if VerifyChunk(id, size, TreeOf(wrong, size), chunk, data[chunk*ChunkSize:][:ChunkSize]) {
				t.Errorf("chunk %d verifies by wrong leaves", chunk)
			}
		}
	}
}
