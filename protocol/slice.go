package protocol

import (
	"bytes"
	"encoding/binary"

	"lukechampine.com/blake3/guts"
)

const (
	// SliceSize is the part of a chunk, in bytes, that verifies alone by the chaining
	// values of all of them (Slices): 170 ms at 192 kbit/s, and three packets. The last
	// slice of a track's last chunk may be shorter.
	SliceSize = ChunkSize / 4

	// SlicesSize is the length of a chunk's Slices, in bytes; only the last chunk's may be
	// shorter.
	SlicesSize = ChunkSize / SliceSize * leafSize

	// MaxSliced is of how many chunks a message may bring them: the start, and what comes
	// behind it.
	MaxSliced = 2

	// maxKept bounds the chunks whose slices a Tree keeps: those of a start are a few.
	maxKept = 64
)

// Slices returns the chaining values of the slices of chunk i of a track, 32 bytes each,
// in order. With them, and the chunk's Path, what has come of a chunk is verified, played
// and passed on before the rest is here. It is nil for a chunk of one slice.
func Slices(i int, chunk []byte) (values []byte) {
	if len(chunk) <= SliceSize || len(chunk) > ChunkSize {
		return nil
	}
	for k := 0; k*SliceSize < len(chunk); k++ {
		for _, w := range sliceValue(i, k, chunk[k*SliceSize:min((k+1)*SliceSize, len(chunk))]) {
			values = binary.LittleEndian.AppendUint32(values, w)
		}
	}
	return values
}

// sliceValue is the chaining value of slice k of chunk i: of the BLAKE3 subtree over it
// (BLAKE3 paper, section 2.1).
func sliceValue(i, k int, slice []byte) [8]uint32 {
	var b [guts.MaxSIMD * guts.ChunkSize]byte
	n := copy(b[:], slice)
	counter := uint64(i*ChunkSize+k*SliceSize) / guts.ChunkSize
	return guts.ChainingValue(guts.CompressBuffer(&b, n, &guts.IV, counter, 0))
}

// valueOver is the chaining value of the subtree over some leaves.
func valueOver(leaves []byte) [8]uint32 {
	n := len(leaves) / leafSize
	if n == 1 {
		return words(leaves)
	}
	left := span{0, n}.left() * leafSize
	return guts.ChainingValue(guts.ParentNode(valueOver(leaves[:left]), valueOver(leaves[left:]), &guts.IV, 0))
}

// AddSlices adds the chaining values of chunk i's slices; false where they are not its,
// or the chunk is not covered.
func (t *Tree) AddSlices(i int, values []byte) bool {
	n := (ChunkLen(t.size, i) + SliceSize - 1) / SliceSize
	want, ok := t.value(i)
	if !ok || n < 2 || len(values) != n*leafSize || valueOver(values) != want {
		return false
	}
	if len(t.slices) < maxKept {
		t.slices[i] = bytes.Clone(values)
	}
	return true
}

// value returns the chaining value of chunk i, false where it is not known.
func (t *Tree) value(i int) (v [8]uint32, ok bool) {
	if !within(t.size, i, 1) {
		return v, false
	}
	known := walk(t.size, i, 1, func(node int, at span) bool {
		n, known := t.nodes[node]
		switch left := at.left(); {
		case left == 1 && at.first == i:
			v, ok = words(n[:leafSize]), true
		case at.chunks-left == 1 && at.first+left == i:
			v, ok = words(n[leafSize:]), true
		}
		return known
	})
	return v, ok && known
}

// Slices returns the chaining values of chunk i's slices, nil where they are not known.
func (t *Tree) Slices(i int) []byte { return t.slices[i] }

// VerifySlice reports whether data is slice k of chunk i, by what is known of the tree.
func (t *Tree) VerifySlice(i, k int, data []byte) bool {
	values, at := t.slices[i], k*SliceSize
	if k < 0 || k >= len(values)/leafSize || len(data) != min(SliceSize, ChunkLen(t.size, i)-at) {
		return false
	}
	return sliceValue(i, k, data) == words(values[k*leafSize:])
}
