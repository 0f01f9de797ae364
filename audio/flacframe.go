package audio

import (
	"math/bits"
	"slices"
)

// flacDecoder decodes the frames of a FLAC stream (RFC 9639, 9), each from its own bytes
// alone. It keeps its memory from frame to frame.
type flacDecoder struct {
	bits     int // of a sample
	channels [maxChannels][]int64
}

// flacBits reads bits, the highest of a byte first. Beyond the bytes it reads zeros,
// and notes it.
type flacBits struct {
	b     []byte
	more  func(n int) []byte // returns b with n bytes, or as many as there are
	at    int                // the next byte
	cache uint64             // bits read and not used, at the top
	have  int                // how many of them
	short bool
}

func (r *flacBits) fill() {
	for r.have <= 56 {
		if r.at >= len(r.b) {
			r.b = r.more(r.at + 1)
		}
		if r.at < len(r.b) {
			r.cache |= uint64(r.b[r.at]) << (56 - r.have)
		} else if r.at >= len(r.b)+8 {
			r.short = true
		}
		r.at++
		r.have += 8
	}
}

// read reads up to 33 bits.
func (r *flacBits) read(n int) uint64 {
	if r.have < n {
		r.fill()
	}
	v := r.cache >> 1 >> (63 - n)
	r.cache <<= n
	r.have -= n
	return v
}

func (r *flacBits) signed(n int) int64 {
	if n == 0 {
		return 0
	}
	return int64(r.read(n)<<(64-n)) >> (64 - n)
}

// unary counts the zeros before the next one.
func (r *flacBits) unary() (n int) {
	for {
		if r.have == 0 {
			r.fill()
		}
		if z := bits.LeadingZeros64(r.cache); z < r.have {
			r.cache <<= z + 1
			r.have -= z + 1
			return n + z
		}
		n += r.have
		r.cache, r.have = 0, 0
		if r.short {
			return n
		}
	}
}

// used is how many bytes have been begun.
func (r *flacBits) used() int { return r.at - r.have/8 }

// decode decodes the frame with the header h that r begins with, and returns its length;
// 0 if it is broken, or not all of it is there.
func (d *flacDecoder) decode(r *flacBits, h flacHeader) int {
	assignment := r.b[3] >> 4
	r.at = h.size
	for c := range h.channels {
		width := d.bits
		if c == 1 && (assignment == 8 || assignment == 10) || c == 0 && assignment == 9 {
			width++ // a difference
		}
		if cap(d.channels[c]) < h.block {
			d.channels[c] = make([]int64, h.block)
		}
		d.channels[c] = d.channels[c][:h.block]
		if !r.subframe(d.channels[c], width) {
			return 0
		}
	}
	n := r.used()
	b := r.more(n + 2)
	if len(b) < n+2 || crc16(b[:n]) != uint16(b[n])<<8|uint16(b[n+1]) {
		return 0
	}
	d.correlate(assignment)
	return n + 2
}

// interleave puts what decode made into in: samples of which 32768 is full scale.
func (d *flacDecoder) interleave(in []float32, h flacHeader) []float32 {
	in = slices.Grow(in[:0], h.block*h.channels)[:h.block*h.channels]
	scale := 32768 / float32(int64(1)<<(d.bits-1))
	for c := range h.channels {
		for i, x := range d.channels[c] {
			in[i*h.channels+c] = float32(x) * scale
		}
	}
	return in
}

// correlate makes left and right of what the encoder made of them.
func (d *flacDecoder) correlate(assignment byte) {
	x, y := d.channels[0], d.channels[1]
	switch assignment {
	case 8:
		for i, side := range y {
			y[i] = x[i] - side
		}
	case 9:
		for i, side := range x {
			x[i] = y[i] + side
		}
	case 10:
		for i, side := range y {
			mid := x[i]<<1 | side&1
			x[i], y[i] = (mid+side)>>1, (mid-side)>>1
		}
	}
}

// subframe decodes one channel into out, and reports whether it could.
func (r *flacBits) subframe(out []int64, width int) bool {
	if r.read(1) != 0 {
		return false
	}
	kind := int(r.read(6))
	wasted := 0
	if r.read(1) == 1 {
		wasted = r.unary() + 1
	}
	if width -= wasted; width < 1 {
		return false
	}
	ok := true
	switch {
	case kind == 0:
		x := r.signed(width)
		for i := range out {
			out[i] = x
		}
	case kind == 1:
		for i := range out {
			out[i] = r.signed(width)
		}
	case kind >= 8 && kind <= 12:
		ok = r.fixed(out, kind-8, width)
	case kind >= 32:
		ok = r.linear(out, kind-31, width)
	default:
		return false
	}
	if wasted > 0 {
		for i := range out {
			out[i] <<= wasted
		}
	}
	return ok && !r.short
}

// fixed decodes what is predicted by a polynomial.
func (r *flacBits) fixed(out []int64, order, width int) bool {
	if order > len(out) {
		return false
	}
	for i := range order {
		out[i] = r.signed(width)
	}
	if !r.residual(out, order) {
		return false
	}
	switch order {
	case 1:
		for i := order; i < len(out); i++ {
			out[i] += out[i-1]
		}
	case 2:
		for i := order; i < len(out); i++ {
			out[i] += 2*out[i-1] - out[i-2]
		}
	case 3:
		for i := order; i < len(out); i++ {
			out[i] += 3*(out[i-1]-out[i-2]) + out[i-3]
		}
	case 4:
		for i := order; i < len(out); i++ {
			out[i] += 4*(out[i-1]+out[i-3]) - 6*out[i-2] - out[i-4]
		}
	}
	return true
}

// linear decodes what is predicted by the frame's own coefficients.
func (r *flacBits) linear(out []int64, order, width int) bool {
	if order > len(out) {
		return false
	}
	for i := range order {
		out[i] = r.signed(width)
	}
	precision := int(r.read(4)) + 1
	shift := r.signed(5)
	if precision == 16 || shift < 0 {
		return false
	}
	var coefficients [32]int64
	c := coefficients[:order]
	for i := range c {
		c[order-1-i] = r.signed(precision) // in the order of the samples
	}
	if !r.residual(out, order) {
		return false
	}
	for i := order; i < len(out); i++ {
		sum := int64(0)
		past := out[i-order : i]
		for k, x := range past {
			sum += c[k] * x
		}
		out[i] += sum >> shift
	}
	return true
}

// residual decodes what prediction left over, in Rice codes (RFC 9639, 9.2.7).
func (r *flacBits) residual(out []int64, order int) bool {
	method := r.read(2)
	if method > 1 {
		return false
	}
	parameterBits := 4 + int(method)
	escape := uint64(1)<<parameterBits - 1
	partitions := 1 << r.read(4)
	size := len(out) / partitions
	if size*partitions != len(out) || size < order {
		return false
	}
	from := order
	for p := range partitions {
		part := out[from : (p+1)*size]
		from = (p + 1) * size
		k := r.read(parameterBits)
		if k == escape {
			n := int(r.read(5))
			for i := range part {
				part[i] = r.signed(n)
			}
			continue
		}
		for i := range part {
			v := uint64(r.unary())<<k | r.read(int(k))
			part[i] = int64(v>>1) ^ -int64(v&1)
		}
		if r.short {
			return false
		}
	}
	return true
}

// crc16Table is of the CRC with the polynomial x^16 + x^15 + x^2 + 1.
var crc16Table = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			if c&(1<<15) != 0 {
				c = c<<1 ^ 0x8005
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

func crc16(b []byte) (c uint16) {
	for _, x := range b {
		c = c<<8 ^ crc16Table[byte(c>>8)^x]
	}
	return c
}
