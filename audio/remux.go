package audio

import (
	"encoding/binary"
	"errors"
)

// Every frame is written anew before go-mp3 sees it, at the highest bitrate: its
// main data as much as possible at the end of the frame before, as an encoder
// with a full bit reservoir would put them (ISO/IEC 11172-3, 2.4.3.4). So nothing
// is needed of earlier frames, and there is room for a cure:
//
// go-mp3 undoes mid/side stereo up to the last line that the bit stream holds, in
// the stream's order; but in a short block it has by then put the lines of the
// three windows side by side, which moves some of them further up. Those stay mid
// and side: errors of up to 469 of 32768 were seen in music, at transients, and
// 1106 with made-up clicks. Therefore, in one channel of each such granule, zeros
// are written behind the last line, to the end of the spectrum. They change nothing
// but where the stream ends. In tables A and B of that region (ibid., table 3-B.7)
// four zero lines are written as ones: one bit in A, four in B.
//
// What is written depends on the frames before through the room that they leave.
// So that a decoder that begins later writes the same, that is forgotten at anchors,
// the frames of the seek table, where a frame puts before it what it did in the file.

const (
	granuleBits = 59 // of one channel's granule in the side information
	lines       = 576

	// Bits within these.
	bigValuesAt   = 12
	switchingAt   = 33 // window_switching_flag, then block_type
	countTableAt  = 58
	maxPartLength = 1<<12 - 1
	shortBlock    = 0b110 // window_switching_flag and block type 2, in 3 bits
)

var (
	errReservoir = errors.New("it needs data of frames that are not there")
	errOverlong  = errors.New("its data are longer than what holds them")
)

// part is a frame taken apart, and how it is written.
type part struct {
	top    frameHeader // of the frame to write
	side   [stereoSideInfo]byte
	begin  int // main_data_begin of the frame that was
	bits   int // of its main data
	rest   int // how many bytes that the next frame needs must find room here, at most
	ones   [2]insertion
	prefix int // how many bytes of the main data go into the frame before
	length int // of the main data, bytes

	main   []byte // the main data, once made
	narrow []byte // scratch
	err    error  // why it cannot be decoded
}

// insertion is ones to write at bit at of the main data, behind those of a
// channel's granule.
type insertion struct{ granule, at, ones int }

// plan decides how a frame is written, where the frame before has room for so many
// bytes; negative: as many as it had.
func (p *part) plan(frame []byte, room int) error {
	h := readHeader(frame)
	p.top = topFrame(h)
	p.side = [stereoSideInfo]byte{}
	copy(p.side[:], frame[h.sideInfo():h.mainData()])
	p.begin = getBits(p.side[:], 0, 9)
	p.bits = 0
	for g := range p.granules() {
		p.bits += getBits(p.side[:], p.granule(g), 12)
	}
	p.rest = min(maxReservoir, p.begin+len(frame)-h.mainData()-(p.bits+7)/8)
	if p.rest < 0 {
		return errOverlong
	}
	if room < 0 {
		room = p.begin
	}
	p.length = (p.bits + p.widen(room) + 7) / 8
	if p.prefix = min(room, p.length); p.length-p.prefix > p.size() {
		return errOverlong
	}
	return nil
}

// make makes the main data of the frame that was planned.
func (p *part) make(frame, reservoir []byte) error {
	if p.begin > len(reservoir) {
		return errReservoir
	}
	main := frame[readHeader(frame).mainData():]
	p.main = append(append(p.main[:0], reservoir[len(reservoir)-p.begin:]...), main...)
	if p.ones[0].ones+p.ones[1].ones > 0 {
		p.insert()
	}
	p.main = p.main[:p.length]
	return nil
}

// topFrame returns the header of the longest frame of h's stream, without CRC.
func topFrame(h frameHeader) frameHeader {
	return h&^(15<<12|emphasisMask) | topBitrate<<12 | paddingBit | noCRC
}

// granules is how many granules of a channel a frame has.
func (p *part) granules() int { return 2 * p.top.channels() }

// granule is where in the side information one begins.
func (p *part) granule(g int) int {
	if p.top.channels() == 1 {
		return 18 + g*granuleBits
	}
	return 20 + g*granuleBits
}

// size is how many bytes of main data the frame to write holds.
func (p *part) size() int { return p.top.size() - p.top.mainData() }

// room is how many bytes of main data the next frame may put here.
func (p *part) room() int { return min(maxReservoir, p.size()-(p.length-p.prefix)) }

// write writes the frame to out, with tail, the next one's prefix, at its end.
func (p *part) write(out, tail []byte) []byte {
	out = out[:p.top.size()]
	clear(out)
	binary.BigEndian.PutUint32(out, uint32(p.top))
	at := p.top.mainData()
	copy(out[headerSize:at], p.side[:])
	setBits(out[headerSize:], 0, 9, p.prefix)
	copy(out[at:], p.main[p.prefix:])
	copy(out[len(out)-len(tail):], tail)
	return out
}

// widen decides where zeros are written in a frame with mid/side stereo and short
// blocks, as many as there is room for, and returns how many bits they take.
func (p *part) widen(room int) (bits int) {
	p.ones = [2]insertion{}
	if !p.top.midSide() {
		return 0
	}
	free := (room+p.size()-p.rest)*8 - p.bits
	end := 0 // of a granule's data
	for i := range p.ones {
		in := p.zeros(2 * i)
		for c := 2 * i; c < 2*i+2; c++ {
			if end += getBits(p.side[:], p.granule(c), 12); c == in.granule {
				in.at = end
			}
		}
		in.ones = max(0, min(in.ones, free-bits))
		bits += in.ones
		p.ones[i] = in
	}
	return bits
}

// zeros returns how many ones are needed for the granule of which g and g+1 are
// the channels, behind the one that needs fewer.
func (p *part) zeros(g int) (in insertion) {
	side := p.side[:]
	short := func(g int) bool { return getBits(side, p.granule(g)+switchingAt, 3) == shortBlock }
	if !short(g) && !short(g+1) {
		return in
	}
	for c := g; c < g+2; c++ {
		length := getBits(side, p.granule(c), 12)
		ones := max(0, lines-2*getBits(side, p.granule(c)+bigValuesAt, 9)) / 4
		if getBits(side, p.granule(c)+countTableAt, 1) == 1 {
			ones *= 4
		}
		// go-mp3 takes a granule of no length at all to have no end either.
		if length == 0 || length+ones > maxPartLength {
			continue
		}
		if in.ones == 0 || ones < in.ones {
			in = insertion{granule: c, ones: ones}
		}
	}
	return in
}

// insert writes the ones into the main data.
func (p *part) insert() {
	out := append(p.narrow[:0], make([]byte, p.length)...)
	from, to := 0, 0
	for _, in := range p.ones {
		if in.ones == 0 {
			continue
		}
		at := p.granule(in.granule)
		setBits(p.side[:], at, 12, getBits(p.side[:], at, 12)+in.ones)
		copyBits(out, to, p.main, from, in.at-from)
		to += in.at - from
		for range in.ones {
			out[to/8] |= 0x80 >> (to % 8)
			to++
		}
		from = in.at
	}
	copyBits(out, to, p.main, from, p.bits-from)
	p.main, p.narrow = out, p.main
}

// copyBits copies n bits of src into zeros of dst.
func copyBits(dst []byte, to int, src []byte, from, n int) {
	for ; n > 0; n-- {
		dst[to/8] |= src[from/8] << (from % 8) & 0x80 >> (to % 8)
		to++
		from++
	}
}

// getBits returns n bits of b from bit at on.
func getBits(b []byte, at, n int) (v int) {
	for i := at; i < at+n; i++ {
		v = v<<1 | int(b[i/8]>>(7-i%8))&1
	}
	return v
}

// setBits overwrites n bits of b from bit at on.
func setBits(b []byte, at, n, v int) {
	for i := at + n - 1; i >= at; i-- {
		bit := byte(0x80) >> (i % 8)
		if b[i/8] &^= bit; v&1 == 1 {
			b[i/8] |= bit
		}
		v >>= 1
	}
}
