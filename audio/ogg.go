package audio

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
)

const (
	oggMagic      = "OggS"
	oggHeaderSize = 27 // bytes: of a page, before its lacing values (RFC 3533, 6)
	oggCRCAt      = 22
	maxOggPage    = oggHeaderSize + 255 + 255*255
	oggContinued  = 1
	oggFirst      = 2
	oggLast       = 4

	// maxOggPacket bounds a packet, in bytes: audio takes at most 64 KiB, headers a
	// cover's size more, which is passed over.
	maxOggPacket = 256 << 10
)

// oggPage is a page of an Ogg file. Its bytes hold until the next one is read.
type oggPage struct {
	pos     int64
	size    int
	flags   byte
	granule int64 // at most maxPlace; below 0: no packet ends here
	serial  uint32
	lacing  []byte
	body    []byte
}

func (p *oggPage) is(flag byte) bool { return p.flags&flag != 0 }

// oggPages reads pages in order, and passes over what is none or is broken.
type oggPages struct {
	win window
	pos int64
	end int64 // of the file
	crc oggCRC
}

// next returns the next page. The error is io.EOF behind the last whole one.
func (k *oggPages) next() (oggPage, error) {
	for k.pos+oggHeaderSize <= k.end {
		p, err := k.here()
		if err != nil {
			return oggPage{}, err
		}
		if p.size > 0 {
			k.pos += int64(p.size)
			return p, nil
		}
		if err := k.search(); err != nil {
			return oggPage{}, err
		}
	}
	return oggPage{}, io.EOF
}

// here returns the page at pos; one of no size where there is none.
func (k *oggPages) here() (p oggPage, err error) {
	b, err := k.win.view(k.pos, oggHeaderSize)
	if err != nil || len(b) < oggHeaderSize || !begins(b, oggMagic) || b[4] != 0 {
		return p, err
	}
	head := oggHeaderSize + int(b[26])
	if b, err = k.win.view(k.pos, head); err != nil || len(b) < head {
		return p, err
	}
	size := head
	for _, n := range b[oggHeaderSize:head] {
		size += int(n)
	}
	if k.pos+int64(size) > k.end {
		return p, nil
	}
	if b, err = k.win.view(k.pos, size); err != nil || len(b) < size {
		return p, err
	}
	if k.crc.of(b) != binary.LittleEndian.Uint32(b[oggCRCAt:]) {
		return p, nil
	}
	granule := int64(binary.LittleEndian.Uint64(b[6:]))
	if granule > maxPlace {
		granule = -1 // it is broken, and no other one is told
	}
	return oggPage{
		pos: k.pos, size: size, flags: b[5], granule: granule,
		serial: binary.LittleEndian.Uint32(b[14:]), lacing: b[oggHeaderSize:head], body: b[head:size],
	}, nil
}

// search goes to the next place that may begin a page.
func (k *oggPages) search() error {
	k.pos++
	for k.pos < k.end {
		b, err := k.win.view(k.pos, int(min(searchSize, k.end-k.pos)))
		if err != nil {
			return err
		}
		if i := bytes.Index(b, []byte(oggMagic)); i >= 0 {
			k.pos += int64(i)
			return nil
		}
		if len(b) < len(oggMagic) {
			break
		}
		k.pos += int64(len(b) - len(oggMagic) + 1)
	}
	k.pos = k.end
	return nil
}

// oggCRC computes the CRC of pages (RFC 3533, 6). Its polynomial is that of IEEE 802.3,
// but the highest bit of a byte comes first, and it begins and ends with zeros: so that of
// IEEE, for which processors have instructions, is taken of the bytes turned round.
type oggCRC struct{ turned [512]byte }

// of is the CRC of a page, with zeros where it stands.
func (k *oggCRC) of(page []byte) uint32 {
	c := ^uint32(0)
	for at := 0; at < len(page); at += len(k.turned) {
		n := copy(k.turned[:], page[at:])
		if at == 0 && n >= oggCRCAt+4 {
			clear(k.turned[oggCRCAt:][:4])
		}
		for i := 0; i < n; i += 8 {
			x := binary.BigEndian.Uint64(k.turned[i:])
			binary.LittleEndian.PutUint64(k.turned[i:], bits.Reverse64(x))
		}
		c = crc32.Update(c, crc32.IEEETable, k.turned[:n])
	}
	return bits.Reverse32(^c)
}

// oggPackets puts the packets of a logical stream together.
type oggPackets struct {
	part []byte // of the packet that goes on in the next page
	open bool   // there is one
	long bool   // it is too long to be kept
	buf  []byte
}

func (k *oggPackets) reset() { k.part, k.open, k.long = k.part[:0], false, false }

// of calls take with each packet that ends on a page, until it returns false; what
// began on a page that is not there is left out, and what is too long is empty. A
// packet holds until the next call.
func (k *oggPackets) of(p oggPage, take func(packet []byte) bool) {
	wanted := k.open == p.is(oggContinued) // else its end or its beginning is lost
	if !wanted {
		k.reset()
	}
	lost := !wanted && p.is(oggContinued)
	at, start := 0, 0
	for _, n := range p.lacing {
		if at += int(n); n == 255 {
			continue
		}
		packet := p.body[start:at]
		if start = at; lost {
			lost = false
			continue
		}
		if k.open {
			k.keep(packet)
			k.buf, k.part = k.part, k.buf[:0]
			packet = k.buf
		}
		k.open, k.long = false, false
		if !take(packet) {
			return
		}
	}
	if n := len(p.lacing); n > 0 && p.lacing[n-1] == 255 && !lost {
		k.open = true
		k.keep(p.body[start:])
	}
}

func (k *oggPackets) keep(b []byte) {
	if k.long = k.long || len(k.part)+len(b) > maxOggPacket; k.long {
		k.part = k.part[:0]
		return
	}
	k.part = append(k.part, b...)
}
