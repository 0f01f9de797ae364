package protocol

import (
	"encoding/binary"

	"lukechampine.com/blake3/guts"
)

// leafSize is the length of a chaining value in bytes.
const leafSize = 32

// LeavesSize returns the length in bytes of the leaves of the proof tree of a track of
// size bytes: none where it has one chunk, which the ID itself verifies.
func LeavesSize(size int64) int {
	if n := Chunks(size); n > 1 {
		return n * leafSize
	}
	return 0
}

// Leaves returns the leaves of a whole proof tree of a track of size bytes, the
// chaining values of its chunks in order. They say all that the tree says in half as
// many bytes, as each inner node is the hash of the two below it (BLAKE3 paper, section
// 2.1), so this is what goes over the wire. It is nil where the tree has not the
// track's length.
func Leaves(tree []byte, size int64) []byte {
	if size <= 0 || size > MaxTrackSize || len(tree) != ProofSize(size) {
		return nil
	}
	leaves := make([]byte, LeavesSize(size))
	walk(size, 0, Chunks(size), func(node int, at span) bool {
		n, left := tree[8+nodeSize*node:][:nodeSize], at.left()
		if left == 1 {
			copy(leaves[leafSize*at.first:], n[:leafSize])
		}
		if at.chunks-left == 1 {
			copy(leaves[leafSize*(at.first+left):], n[leafSize:])
		}
		return true
	})
	return leaves
}

// TreeOf returns the proof tree with those leaves of a track of size bytes, nil where
// they are not as many as it has. Whether it is the tree of an ID is still to be
// verified: by its root, all else follows. 0.1 us a chunk.
func TreeOf(leaves []byte, size int64) []byte {
	if size <= 0 || size > MaxTrackSize || len(leaves) != LeavesSize(size) {
		return nil
	}
	tree := make([]byte, ProofSize(size))
	binary.LittleEndian.PutUint64(tree, uint64(size))
	var grow func(node int, at span) [8]uint32
	grow = func(node int, at span) [8]uint32 {
		if at.chunks == 1 {
			return words(leaves[leafSize*at.first:])
		}
		left := at.left()
		l := grow(node+1, span{at.first, left})
		r := grow(node+left, span{at.first + left, at.chunks - left})
		n := tree[8+nodeSize*node:]
		for i := range l {
			binary.LittleEndian.PutUint32(n[4*i:], l[i])
			binary.LittleEndian.PutUint32(n[leafSize+4*i:], r[i])
		}
		return guts.ChainingValue(guts.ParentNode(l, r, &guts.IV, 0))
	}
	if n := Chunks(size); n > 1 {
		grow(0, span{0, n})
	}
	return tree
}
