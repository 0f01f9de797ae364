package schedule

import "math/bits"

// bitset is a set of chunks: bit i of word i/64, least significant first, the
// order of protocol.Bitmap.
type bitset []uint64

func (b bitset) has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bitset) set(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bitset) clear(i int)    { b[i>>6] &^= 1 << (i & 63) }

// hasOrEnd reports whether i is in the set or is its end, n.
func (b bitset) hasOrEnd(i, n int) bool { return i >= n || b.has(i) }

// next returns the first element in [from, to), or to.
func (b bitset) next(from, to int) int { return b.search(from, to, 0) }

// nextClear returns the first number in [from, to) that is not in the set, or
// to.
func (b bitset) nextClear(from, to int) int { return b.search(from, to, ^uint64(0)) }

func (b bitset) search(from, to int, flip uint64) int {
	if from >= to {
		return to
	}
	w := from >> 6
	x := (b[w] ^ flip) >> (from & 63) << (from & 63)
	for x == 0 {
		if w++; w<<6 >= to {
			return to
		}
		x = b[w] ^ flip
	}
	return min(to, w<<6+bits.TrailingZeros64(x))
}

// nextWhere returns the first element of b in [from, to) that is in with and
// not in without, or to.
func (b bitset) nextWhere(with, without bitset, from, to int) int {
	if from >= to {
		return to
	}
	w := from >> 6
	x := (b[w] & with[w] &^ without[w]) >> (from & 63) << (from & 63)
	for x == 0 {
		if w++; w<<6 >= to {
			return to
		}
		x = b[w] & with[w] &^ without[w]
	}
	return min(to, w<<6+bits.TrailingZeros64(x))
}
