package protocol

import (
	"math/bits"

	"lukechampine.com/blake3/bao"
)

const (
	// ChunkGroup is the BLAKE3 chunk group as a power of two: 2^4 BLAKE3
	// chunks of 1 KiB. A proof tree of that grain is 0.39 % of a track,
	// and half of that on the wire.
	ChunkGroup = 4

	// ChunkSize is the unit of verification and of have, in bytes: 0.7 s at
	// 192 kbit/s, small enough that the first chunk is there at once.
	ChunkSize = 1024 << ChunkGroup

	// MaxTrackSize bounds what a track may be, in bytes. At 1 GiB a have map
	// is 8 KiB and a proof tree 4 MiB, which a node can hold in memory.
	MaxTrackSize = 1 << 30

	// MaxChunks is the number of chunks of a track of MaxTrackSize.
	MaxChunks = MaxTrackSize / ChunkSize
)

// Chunks returns how many chunks a track of size bytes has.
func Chunks(size int64) int { return int((size + ChunkSize - 1) / ChunkSize) }

// ChunkLen returns the length of chunk i of a track of size bytes; only the
// last one is shorter than ChunkSize. It is 0 for a chunk that does not exist.
func ChunkLen(size int64, i int) int {
	start := int64(i) * ChunkSize
	if i < 0 || start >= size {
		return 0
	}
	return int(min(ChunkSize, size-start))
}

// ProofSize returns the length in bytes of the proof tree of a track of size
// bytes: an 8-byte length and 64 bytes for each inner node of the tree.
func ProofSize(size int64) int { return bao.EncodedSize(int(size), ChunkGroup, true) }

// VerifyChunk reports whether data is chunk i of the track id, by the track's
// proof tree. Any argument may be hostile.
func VerifyChunk(id ID, size int64, proof []byte, i int, data []byte) bool {
	if size <= 0 || size > MaxTrackSize || len(proof) != ProofSize(size) || len(data) == 0 || len(data) != ChunkLen(size, i) {
		return false
	}
	if !proofLength(proof, size) {
		return false
	}
	return bao.VerifyChunk(data, proof, ChunkGroup, uint64(i)*ChunkSize, id)
}

// proofLength reports whether the length that heads a proof tree is size.
// Chunk verification trusts that field, so it is checked first.
func proofLength(proof []byte, size int64) bool {
	var n uint64
	for i := 7; i >= 0; i-- {
		n = n<<8 | uint64(proof[i])
	}
	return n == uint64(size)
}

// Bitmap is a have map: bit i, least significant first, is set if chunk i is
// there. A map of n chunks has (n+7)/8 bytes and no bit set beyond n.
type Bitmap []byte

// NewBitmap returns an empty map of n chunks.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+7)/8) }

// FullBitmap returns a map of n chunks that are all there.
func FullBitmap(n int) Bitmap {
	b := NewBitmap(n)
	for i := range b {
		b[i] = 0xff
	}
	if n%8 != 0 {
		b[len(b)-1] = 1<<(n%8) - 1
	}
	return b
}

// Has reports whether chunk i is there; false beyond the map's end.
func (b Bitmap) Has(i int) bool { return i >= 0 && i/8 < len(b) && b[i/8]&(1<<(i%8)) != 0 }

// Set marks chunk i as there. It panics beyond the map's end.
func (b Bitmap) Set(i int) { b[i/8] |= 1 << (i % 8) }

// Clear marks chunk i as missing. It panics beyond the map's end.
func (b Bitmap) Clear(i int) { b[i/8] &^= 1 << (i % 8) }

// Count returns how many chunks are there.
func (b Bitmap) Count() int {
	n := 0
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}

// Valid reports whether the map is one of n chunks: the right length, and no
// bit set beyond the last chunk.
func (b Bitmap) Valid(n int) bool {
	if n < 0 || len(b) != (n+7)/8 {
		return false
	}
	return n%8 == 0 || b[len(b)-1]>>(n%8) == 0
}

// Clone returns a copy.
func (b Bitmap) Clone() Bitmap { return append(Bitmap(nil), b...) }
