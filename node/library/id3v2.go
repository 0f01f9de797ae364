package library

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

const (
	// maxTextFrame is how much of a frame of text is read, in bytes: what is
	// kept is protocol.MaxText at the most.
	maxTextFrame = 4 << 10
	// maxFrames bounds the frames of one tag that are looked at; a tag has 10
	// to 50.
	maxFrames = 1024
	// maxUnsynchronised is how much is read of a tag that can only be read from
	// its beginning on, in bytes; text comes before pictures as a rule.
	maxUnsynchronised = 1 << 20

	id3HeaderSize = 10

	// valueSeparator stands between the values of one frame.
	valueSeparator = " / "
)

// id3v2 is an ID3v2 tag that is being read.
type id3v2 struct {
	r       io.ReaderAt // the frames
	size    int64       // of the frames, in bytes
	end     int64       // of the tag in the file
	offset  int64       // of the frames in the file
	version byte        // 2, 3 or 4
	rewound bool        // r is not as in the file
	stuffed bool        // every frame is unsynchronised (version 4)
}

// frame is one frame of a tag; its body begins at offset in the frames.
type frame struct {
	name         string
	offset, size int64
	stuffed      bool // unsynchronised: a zero byte follows each 0xff
	unreadable   bool // compressed or encrypted
}

func (t *texts) readID3v2(f io.ReaderAt, size int64) (picture cover) {
	tag, ok := openID3v2(f, size)
	if !ok {
		return picture
	}
	var at int64
	for range maxFrames {
		fr, next, ok := tag.frame(at)
		if !ok {
			break
		}
		at = next
		if fr.unreadable {
			continue
		}
		if fr.name == "TXXX" || fr.name == "TXX" {
			t.gain.userText(tag.text(fr))
		}
		if field := t.field(fr.name); field != nil && *field == "" {
			*field = tag.text(fr)
		}
		if (fr.name == "APIC" || fr.name == "PIC") && !picture.front && !fr.stuffed && !tag.rewound {
			picture.orElse(tag.picture(fr))
		}
	}
	return picture
}

func openID3v2(f io.ReaderAt, size int64) (*id3v2, bool) {
	const unsynchronised, extended = 0x80, 0x40
	var h [id3HeaderSize]byte
	if _, err := f.ReadAt(h[:], 0); err != nil || string(h[:3]) != "ID3" || h[3] < 2 || h[3] > 4 {
		return nil, false
	}
	tag := &id3v2{version: h[3], offset: id3HeaderSize, size: min(synchsafe(h[6:]), size-id3HeaderSize)}
	if tag.end = tag.offset + tag.size; h[5]&0x10 != 0 {
		tag.end += id3HeaderSize // a footer
	}
	tag.r = io.NewSectionReader(f, tag.offset, tag.size)
	if h[5]&unsynchronised != 0 {
		if tag.version == 4 {
			tag.stuffed = true // each frame for itself, their lengths as in the file
		} else {
			b := make([]byte, min(tag.size, maxUnsynchronised))
			n, _ := tag.r.ReadAt(b, 0)
			b = unstuff(b[:n])
			tag.r, tag.size, tag.rewound = bytes.NewReader(b), int64(len(b)), true
		}
	}
	if h[5]&extended != 0 && tag.version > 2 {
		return tag, tag.skipExtendedHeader()
	}
	return tag, true
}

// skipExtendedHeader makes the tag begin behind its extended header, whose
// length counts itself in version 4 only.
func (t *id3v2) skipExtendedHeader() bool {
	var h [4]byte
	if _, err := t.r.ReadAt(h[:], 0); err != nil {
		return false
	}
	n := 4 + int64(binary.BigEndian.Uint32(h[:]))
	if t.version == 4 {
		n = synchsafe(h[:])
	}
	if n > t.size {
		return false
	}
	t.r = io.NewSectionReader(t.r, n, t.size-n)
	t.offset, t.size = t.offset+n, t.size-n
	return true
}

// frame reads the head of the frame at an offset, and says where the next is.
func (t *id3v2) frame(at int64) (f frame, next int64, ok bool) {
	var h [10]byte
	head, nameLen := h[:10], 4
	if t.version == 2 {
		head, nameLen = h[:6], 3
	}
	if n, _ := t.r.ReadAt(head, at); n < len(head) || h[0] == 0 {
		return f, 0, false // padding
	}
	f = frame{name: string(h[:nameLen]), offset: at + int64(len(head)), stuffed: t.stuffed}
	switch t.version {
	case 2:
		f.size = int64(h[3])<<16 | int64(h[4])<<8 | int64(h[5])
	case 3:
		f.size = int64(binary.BigEndian.Uint32(h[4:]))
	case 4:
		f.size = synchsafe(h[4:])
	}
	next = f.offset + f.size
	if f.size == 0 || next > t.size {
		return f, 0, false
	}
	f.flags(t.version, h[9])
	return f, next, true
}

// flags takes in the second byte of a frame's flags.
func (f *frame) flags(version, b byte) {
	extra := int64(0) // bytes between head and body
	switch version {
	case 3:
		f.unreadable = b&0xc0 != 0
		extra = int64(b >> 5 & 1) // a group
	case 4:
		f.unreadable = b&0x0c != 0
		f.stuffed = f.stuffed || b&0x02 != 0
		extra = int64(b>>6&1) + 4*int64(b&1) // a group; a length
	}
	f.unreadable = f.unreadable || extra >= f.size
	f.offset, f.size = f.offset+extra, f.size-extra
}

// body returns the first n bytes of a frame, or all.
func (t *id3v2) body(f frame, n int64) []byte {
	b := make([]byte, min(n, f.size))
	k, _ := t.r.ReadAt(b, f.offset)
	if b = b[:k]; f.stuffed {
		b = unstuff(b)
	}
	return b
}

// text returns the text of a frame: an encoding, and values with a zero between
// them.
func (t *id3v2) text(f frame) string {
	b := t.body(f, maxTextFrame)
	if len(b) == 0 {
		return ""
	}
	var s string
	switch encoding := b[0]; encoding {
	case 1, 2:
		s = utf16Text(b[1:], encoding == 2)
	default: // 0: Latin-1, 3: UTF-8
		s = byteText(b[1:])
	}
	values := strings.FieldsFunc(s, func(r rune) bool { return r == 0 })
	return strings.Join(values, valueSeparator)
}

// picture says where the picture of a frame is: behind an encoding, a type of
// file, a type of picture and a description.
func (t *id3v2) picture(f frame) cover {
	const most = 512 // bytes before the picture
	b := t.body(f, most)
	rest := b[min(1, len(b)):]
	var mime string
	if t.version == 2 {
		mime = "image/" + strings.ToLower(string(rest[:min(3, len(rest))]))
		rest = rest[min(3, len(rest)):]
	} else if typ, after, ok := bytes.Cut(rest, []byte{0}); ok {
		mime, rest = strings.ToLower(string(typ)), after
	}
	if len(rest) == 0 {
		return cover{}
	}
	front := rest[0] == frontCover
	rest = rest[1:]
	zero, width := bytes.IndexByte(rest, 0), 1
	if b[0] == 1 || b[0] == 2 {
		width = 2
		for zero = 0; zero+1 < len(rest) && (rest[zero] != 0 || rest[zero+1] != 0); zero += 2 {
		}
	}
	if zero < 0 || zero+width > len(rest) {
		return cover{}
	}
	before := int64(len(b) - len(rest) + zero + width)
	if !isShown(mime) || f.size <= before {
		return cover{}
	}
	return cover{io.NewSectionReader(t.r, f.offset+before, f.size-before), f.size - before, front}
}

// unstuff takes out the zero bytes that unsynchronisation puts behind 0xff.
func unstuff(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0xff, 0}, []byte{0xff}) }

// synchsafe reads a number of 7 bits a byte.
func synchsafe(b []byte) int64 {
	return int64(b[0]&0x7f)<<21 | int64(b[1]&0x7f)<<14 | int64(b[2]&0x7f)<<7 | int64(b[3]&0x7f)
}
