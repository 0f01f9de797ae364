package audio

import "math/bits"

const (
	// maxCodebook bounds what a codebook may unfold to, in numbers; the largest of
	// libvorbis has 17,000.
	maxCodebook = 1 << 18

	// maxDimensions bounds how many values a codebook gives at once; libvorbis's have 8
	// at most. Its decoder takes time and memory for each, whatever a packet holds.
	maxDimensions = 64

	vorbisPattern = 0x564342 // begins a codebook
)

// mendVorbisSetup checks what a setup header (Vorbis I, 4.2.4) has before its mappings,
// and makes one of it that github.com/jfreymuth/vorbis takes. That believes all: a few bytes
// could have it claim all memory, or never end. And it reads a class of a floor that has
// none, as that of a low-frequency channel: here it gets one.
func mendVorbisSetup(setup []byte) ([]byte, bool) {
	if !begins(setup, vorbisSetup) {
		return nil, false
	}
	r := lsbReader{b: setup, at: 8 * len(vorbisSetup)}
	for range r.read(8) + 1 {
		if !r.codebook() {
			return nil, false
		}
	}
	r.skip(16 * (r.read(6) + 1)) // of transforms, which are none
	w := lsbWriter{r: lsbReader{b: setup}}
	for range r.read(6) + 1 {
		switch r.read(16) {
		case 0:
			r.skip(8 + 16 + 16 + 6 + 8)
			r.skip(8 * (r.read(4) + 1))
		case 1:
			classes, points := r.classes()
			if classes == 0 {
				w.copy(r.at)
				w.write(0, classBits)
			}
			r.skip(2)
			r.skip(points * r.read(4))
		default:
			return nil, false
		}
		if r.short {
			return nil, false
		}
	}
	for range r.read(6) + 1 {
		if !r.residue() {
			return nil, false
		}
	}
	w.copy(8 * len(setup))
	return w.b, true
}

// classBits is the length of a floor's class without books of its own: a dimension, no
// subclass, no book.
const classBits = 3 + 2 + 8

// codebook passes over a codebook (ibid., 3.2.1), and reports whether it is whole, of a
// sane size, and such that reading words of it comes to an end.
func (r *lsbReader) codebook() bool {
	if r.read(24) != vorbisPattern {
		return false
	}
	dimensions, entries := r.read(16), r.read(24)
	if r.short || dimensions == 0 || dimensions > maxDimensions || entries == 0 || dimensions*entries > maxCodebook {
		return false
	}
	if !r.lengths(entries) {
		return false
	}
	switch kind := r.read(4); {
	case kind > 2:
		return false
	case kind > 0:
		r.skip(32 + 32)
		width := r.read(4) + 1
		r.skip(1)
		values := dimensions * entries
		if kind == 1 {
			values = root(entries, dimensions)
		}
		r.skip(values * width)
	}
	return !r.short
}

// lengths passes over the lengths of a codebook's words, and reports whether they make a
// full tree, or are of one word alone.
func (r *lsbReader) lengths(entries int) bool {
	const full = 1 << 32
	sum, used := 0, 0
	use := func(n, length int) {
		sum += n * (full >> length)
		used += n
	}
	if r.read(1) == 0 {
		sparse := r.read(1) == 1
		for range entries {
			if !sparse || r.read(1) == 1 {
				use(1, r.read(5)+1)
			}
		}
	} else {
		length := r.read(5) + 1
		for n := 0; n < entries; length++ {
			run := r.read(bits.Len(uint(entries - n)))
			if n += run; n > entries || r.short || length > 32 {
				return false
			}
			use(run, length)
		}
	}
	return !r.short && (sum == full || used == 1)
}

// classes passes over the partitions and classes of a floor of type 1 (ibid., 7.2.2), and
// returns how many classes there are, and how many points they have in all.
func (r *lsbReader) classes() (n, points int) {
	partitions := make([]int, r.read(5))
	most := -1
	for i := range partitions {
		partitions[i] = r.read(4)
		most = max(most, partitions[i])
	}
	dimensions := make([]int, most+1)
	for i := range dimensions {
		dimensions[i] = r.read(3) + 1
		subclasses := r.read(2)
		if subclasses > 0 {
			r.skip(8)
		}
		r.skip(8 << subclasses)
	}
	for _, class := range partitions {
		points += dimensions[class]
	}
	return most + 1, points
}

// residue passes over a residue (ibid., 8.6.1), and reports whether it ends behind its begin:
// else it would be of 4 Gi numbers.
func (r *lsbReader) residue() bool {
	kind, begin, end := r.read(16), r.read(24), r.read(24)
	r.skip(24)
	books := 0
	classes := r.read(6) + 1
	r.skip(8)
	for range classes {
		cascade := r.read(3)
		if r.read(1) == 1 {
			cascade |= r.read(5) << 3
		}
		books += bits.OnesCount(uint(cascade))
	}
	r.skip(8 * books)
	return kind <= 2 && begin <= end && !r.short
}

// root returns the greatest number whose power of dimensions is within entries.
func root(entries, dimensions int) int {
	n := 1
	for {
		power := 1
		for range dimensions {
			if power *= n + 1; power > entries {
				return n
			}
		}
		n++
	}
}

// lsbReader reads bits, the lowest of a byte first.
type lsbReader struct {
	b     []byte
	at    int // bit
	short bool
}

func (r *lsbReader) read(n int) (v int) {
	for i := range n {
		if r.at/8 >= len(r.b) {
			r.short = true
			return 0
		}
		v |= int(r.b[r.at/8]>>(r.at%8)&1) << i
		r.at++
	}
	return v
}

func (r *lsbReader) skip(n int) {
	if r.at += n; r.at > 8*len(r.b) {
		r.short = true
	}
}

// lsbWriter copies bits, and writes others between them.
type lsbWriter struct {
	r lsbReader
	b []byte
	n int // bits
}

// copy copies to a bit.
func (w *lsbWriter) copy(to int) {
	for w.r.at < to {
		if w.n%8 == 0 && w.r.at%8 == 0 && w.r.at+8 <= to {
			w.b = append(w.b, w.r.b[w.r.at/8])
			w.r.at, w.n = w.r.at+8, w.n+8
			continue
		}
		w.write(w.r.read(1), 1)
	}
}

func (w *lsbWriter) write(v, n int) {
	for ; n > 0; n-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v&1) << (w.n % 8)
		v, w.n = v>>1, w.n+1
	}
}
