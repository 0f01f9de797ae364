package protocol

import (
	"encoding/binary"
	"math/bits"

	"lukechampine.com/blake3/bao"
	"lukechampine.com/blake3/guts"
)

// Path returns those nodes of a whole proof tree that verify count chunks from
// first on: 64 bytes for each inner node above them, in pre-order, from the root
// down. For one chunk of a track of 3 MB that is 512 bytes, where its tree has 11
// KB. It is nil where there are no such chunks, or the tree has not the track's
// length.
func Path(tree []byte, size int64, first, count int) []byte {
	if !within(size, first, count) || len(tree) != ProofSize(size) {
		return nil
	}
	path := []byte{}
	walk(size, first, count, func(node int, _ span) bool {
		path = append(path, tree[8+nodeSize*node:][:nodeSize]...)
		return true
	})
	return path
}

const (
	nodeSize = 64 // bytes: the chaining values of both children
	// maxPath is the longest path of a Get's run: the nodes above MaxRun chunks,
	// and of two ways down to them.
	maxPath = (MaxRun + 2*16) * nodeSize
	// MaxData is the longest Data message with its type and length, in bytes.
	MaxData = maxPath + SlicesSize + 64
)

// within reports whether a track has such chunks.
func within(size int64, first, count int) bool {
	return size > 0 && size <= MaxTrackSize && first >= 0 && count > 0 && first < Chunks(size) && count <= Chunks(size)-first
}

// span is a subtree: of chunks chunks from first on. The left one of an inner
// node is the largest full tree that leaves something for the right one (BLAKE3
// paper, section 2.1).
type span struct{ first, chunks int }

func (s span) left() int { return 1 << (bits.Len(uint(s.chunks-1)) - 1) }

// walk visits the inner nodes above some chunks of a track, in pre-order, each
// with its place in the whole tree's pre-order, until visit returns false.
func walk(size int64, first, count int, visit func(node int, at span) bool) bool {
	var down func(node int, at span) bool
	down = func(node int, at span) bool {
		if at.chunks == 1 || at.first >= first+count || at.first+at.chunks <= first {
			return true
		}
		left := at.left()
		return visit(node, at) && down(node+1, span{at.first, left}) && down(node+left, span{at.first + left, at.chunks - left})
	}
	return down(0, span{0, Chunks(size)})
}

// Tree is a track's proof tree in the making: what paths have brought of it, so
// that the first chunks verify before the tree is whole. Of hostile paths it keeps
// nothing. It is not safe for concurrent use.
type Tree struct {
	id     ID
	size   int64
	nodes  map[int][nodeSize]byte // by place in pre-order; each is proven
	slices map[int][]byte         // of chunks; each is proven
}

// NewTree returns an empty proof tree of the track id of size bytes.
func NewTree(id ID, size int64) *Tree {
	return &Tree{id: id, size: size, nodes: map[int][nodeSize]byte{}, slices: map[int][]byte{}}
}

// Add takes the path of count chunks from first on; false where it is not theirs.
func (t *Tree) Add(first, count int, path []byte) bool {
	if !within(t.size, first, count) || len(path)%nodeSize != 0 {
		return false
	}
	proven := map[int][nodeSize]byte{}
	says := map[int][8]uint32{0: words(t.id[:])} // what a node must hash to, by its place
	ok := walk(t.size, first, count, func(node int, at span) bool {
		if len(path) == 0 {
			return false
		}
		n := [nodeSize]byte(path)
		path = path[nodeSize:]
		flags := uint32(0)
		if node == 0 {
			flags = guts.FlagRoot
		}
		left, right := words(n[:32]), words(n[32:])
		if guts.ChainingValue(guts.ParentNode(left, right, &guts.IV, flags)) != says[node] {
			return false
		}
		proven[node] = n
		if at.left() > 1 { // else it is a chunk, and the place another's
			says[node+1] = left
		}
		if at.chunks-at.left() > 1 {
			says[node+at.left()] = right
		}
		return true
	})
	if !ok || len(path) > 0 {
		return false
	}
	for node, n := range proven {
		t.nodes[node] = n
	}
	return true
}

func words(b []byte) (w [8]uint32) {
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return w
}

// Path returns the path of count chunks from first on, false where not all of it
// is known.
func (t *Tree) Path(first, count int) ([]byte, bool) {
	if !within(t.size, first, count) {
		return nil, false
	}
	path := []byte{}
	ok := walk(t.size, first, count, func(node int, _ span) bool {
		n, known := t.nodes[node]
		path = append(path, n[:]...)
		return known
	})
	return path, ok
}

// Covers reports whether chunk i can be verified.
func (t *Tree) Covers(i int) bool {
	return within(t.size, i, 1) && walk(t.size, i, 1, func(node int, _ span) bool {
		_, known := t.nodes[node]
		return known
	})
}

// Verify reports whether data is chunk i, by what is known of the tree.
func (t *Tree) Verify(i int, data []byte) bool {
	path, ok := t.Path(i, 1)
	if !ok || len(data) != ChunkLen(t.size, i) {
		return false
	}
	b := make([]byte, 0, 8+len(path)+len(data)) // Bao's slice of one chunk group
	b = append(append(binary.LittleEndian.AppendUint64(b, uint64(t.size)), path...), data...)
	_, ok = bao.VerifySlice(b, ChunkGroup, uint64(i)*ChunkSize, uint64(len(data)), t.id)
	return ok
}

// Whole returns the proof tree, false while some of it is not known.
func (t *Tree) Whole() ([]byte, bool) {
	n := Chunks(t.size) - 1
	if len(t.nodes) < n {
		return nil, false
	}
	tree := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+nodeSize*n), uint64(t.size))
	for node := range n {
		b := t.nodes[node]
		tree = append(tree, b[:]...)
	}
	return tree, true
}
