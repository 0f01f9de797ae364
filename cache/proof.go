package cache

import (
	"encoding/binary"
	"math/bits"

	"earshot/protocol"

	"lukechampine.com/blake3/guts"
)

// verifyProof reports whether tree is the whole proof tree of the track id of
// size bytes: a length and then, in pre-order, the chaining values of both
// children of each inner node (BLAKE3 paper, section 2.1 and 2.5; Bao
// specification, outboard mode with chunk groups). Each node is hashed and
// compared with what its parent says, from the ID down. 0.16 us a chunk.
func verifyProof(id protocol.ID, size int64, tree []byte) bool {
	if size <= 0 || size > protocol.MaxTrackSize || len(tree) != protocol.ProofSize(size) {
		return false
	}
	if binary.LittleEndian.Uint64(tree) != uint64(size) {
		return false
	}
	return verifyNode(tree[8:], chainingValue(id[:]), uint64(size), guts.FlagRoot)
}

// verifyNode verifies the subtree over n bytes of the track, which nodes begins
// with. It recurses no deeper than the logarithm of the number of chunks.
func verifyNode(nodes []byte, want [8]uint32, n uint64, flags uint32) bool {
	if n <= protocol.ChunkSize {
		return true // a chunk: verified when it comes
	}
	left, right := chainingValue(nodes[:32]), chainingValue(nodes[32:64])
	if guts.ChainingValue(guts.ParentNode(left, right, &guts.IV, flags)) != want {
		return false
	}
	mid := uint64(1) << (bits.Len64(n-1) - 1) // the left one is the largest full tree
	inLeft := 64 * (mid/protocol.ChunkSize - 1)
	return verifyNode(nodes[64:], left, mid, 0) && verifyNode(nodes[64+inLeft:], right, n-mid, 0)
}

func chainingValue(b []byte) (cv [8]uint32) {
	for i := range cv {
		cv[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return cv
}
