package audio

import (
	"encoding/binary"
	"io"
)

const (
	id3Magic  = "ID3"
	id3v1     = "TAG"
	apeMagic  = "APETAGEX"
	lyrics    = "LYRICS200"
	xingMagic = "Xing"
	infoMagic = "Info"
	vbriMagic = "VBRI"

	id3HeaderSize = 10
	id3v1Size     = 128
	apeFooterSize = 32
	lyricsSize    = 15 // six digits of length and "LYRICS200"

	// decoderDelay is how many samples a layer III decoder is late: 528 of the
	// hybrid filter bank and one more by convention (LAME's and mpg123's
	// GAPLESS_DELAY, ffmpeg's start_skip_samples).
	decoderDelay = 529
)

func begins(b []byte, magic string) bool {
	return len(b) >= len(magic) && string(b[:len(magic)]) == magic
}

// id3Size returns the length in bytes of the ID3v2 tag that b, the first
// id3HeaderSize bytes of one, begins (id3.org, ID3v2.4.0 section 3.1); 0 if it
// begins none.
func id3Size(b []byte) int64 {
	if len(b) < id3HeaderSize || !begins(b, id3Magic) || b[3] < 2 || b[3] > 4 || b[4] == 0xff {
		return 0 // there are versions 2.2 to 2.4
	}
	if (b[6]|b[7]|b[8]|b[9])&0x80 != 0 {
		return 0
	}
	n := int64(b[6])<<21 | int64(b[7])<<14 | int64(b[8])<<7 | int64(b[9]) + id3HeaderSize
	if b[5]&0x10 != 0 {
		n += id3HeaderSize // a footer
	}
	return n
}

// audioEnd returns where the sound ends: at the tags at the end of the file
// (ID3v1, Lyrics3, APE in any number and order), or at the end.
func audioEnd(r io.ReaderAt, size int64) (int64, error) {
	for end := size; ; {
		n, err := trailingTag(r, end)
		if err != nil || n == 0 || n > end {
			return end, err
		}
		end -= n
	}
}

// trailingTag returns the length of the tag that ends at end, 0 if there is none.
func trailingTag(r io.ReaderAt, end int64) (int64, error) {
	var buf [id3v1Size]byte
	b := buf[:min(end, id3v1Size)]
	if err := readAt(r, b, end-int64(len(b))); err != nil {
		return 0, err
	}
	if len(b) == id3v1Size && begins(b, id3v1) {
		return id3v1Size, nil
	}
	if len(b) >= lyricsSize && string(b[len(b)-len(lyrics):]) == lyrics {
		n := int64(0)
		for _, c := range b[len(b)-lyricsSize : len(b)-len(lyrics)] {
			if c < '0' || c > '9' {
				return 0, nil
			}
			n = 10*n + int64(c-'0')
		}
		return n + lyricsSize, nil
	}
	if len(b) < apeFooterSize {
		return 0, nil
	}
	// APEv2: the footer counts itself but not the header, which flag bit 31 tells.
	f := b[len(b)-apeFooterSize:]
	if !begins(f, apeMagic) {
		return 0, nil
	}
	n := int64(binary.LittleEndian.Uint32(f[12:]))
	if binary.LittleEndian.Uint32(f[20:])>>31 != 0 {
		n += apeFooterSize
	}
	return max(n, apeFooterSize), nil
}

// readAt fills b; at the end of the file it is an error not to.
func readAt(r io.ReaderAt, b []byte, pos int64) error {
	n, err := r.ReadAt(b, pos)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// infoFrame is what the frame before the sound says of it. The format is that
// of Xing, with LAME's extension (gabriel.mp3-tech.org/mp3infotag.html).
type infoFrame struct {
	frames         int64 // how many follow; 0 if it does not say
	delay, padding int   // as the encoder gives them; both 0 if it does not say
	known          bool  // delay and padding are given
}

// parseInfo reads a Xing, Info or VBRI frame. It reports false for any other.
func parseInfo(h frameHeader, b []byte) (infoFrame, bool) {
	if v := headerSize + stereoSideInfo; len(b) >= v+18 && begins(b[v:], vbriMagic) {
		return infoFrame{frames: int64(binary.BigEndian.Uint32(b[v+14:]))}, true
	}
	for _, at := range [2]int{h.mainData(), h.mainData() - crcSize} {
		if x := b[min(at, len(b)):]; begins(x, xingMagic) || begins(x, infoMagic) {
			return parseXing(x[len(xingMagic):]), true
		}
	}
	return infoFrame{}, false
}

func parseXing(b []byte) (info infoFrame) {
	skip := func(n int) []byte {
		x := b[:min(n, len(b))]
		b = b[len(x):]
		return x
	}
	var flags uint32
	if x := skip(4); len(x) == 4 {
		flags = binary.BigEndian.Uint32(x)
	}
	for bit, n := range [4]int{4, 4, 100, 4} { // frames, bytes, seek points, quality
		if flags>>bit&1 == 0 {
			continue
		}
		if x := skip(n); bit == 0 && len(x) == n {
			info.frames = int64(binary.BigEndian.Uint32(x))
		}
	}
	if len(b) < 24 || !(begins(b, "LAME") || begins(b, "Lavf") || begins(b, "Lavc")) {
		return info
	}
	info.delay = int(b[21])<<4 | int(b[22])>>4
	info.padding = int(b[22]&15)<<8 | int(b[23])
	info.known = true
	return info
}
