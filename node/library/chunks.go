package library

import (
	"bytes"
	"encoding/binary"
	"io"
)

// chunk is a chunk of a RIFF or AIFF file.
type chunk struct {
	id     string
	offset int64
	size   int64
}

// eachChunk calls visit with the chunks from at to end.
func eachChunk(f io.ReaderAt, at, end int64, order binary.ByteOrder, visit func(chunk)) {
	for range maxBlocks {
		var b [8]byte
		if n, _ := f.ReadAt(b[:], at); at+8 > end || n < len(b) {
			return
		}
		c := chunk{string(b[:4]), at + 8, int64(order.Uint32(b[4:]))}
		if at = c.offset + c.size + c.size&1; c.offset+c.size <= end {
			visit(c)
		}
	}
}

// text reads the text of a chunk.
func (c chunk) text(f io.ReaderAt) string {
	b := make([]byte, min(c.size, maxTextFrame))
	n, _ := f.ReadAt(b, c.offset)
	b, _, _ = bytes.Cut(b[:n], []byte{0})
	return byteText(b)
}

// readChunks reads the tags of a WAV or AIFF file: an ID3v2 tag in a chunk, and for what
// that lacks its own: a LIST of INFO, or chunks of text.
func (t *texts) readChunks(f io.ReaderAt, size int64, order binary.ByteOrder) (picture cover) {
	own := map[string]*string{"INAM": &t.title, "IART": &t.artist, "IPRD": &t.album, "ICRD": &t.year, "ITRK": &t.number}
	var texts []chunk
	eachChunk(f, 12, size, order, func(c chunk) {
		switch c.id {
		case "id3 ", "ID3 ":
			picture.orElse(t.readID3v2(io.NewSectionReader(f, c.offset, c.size), c.size))
		case "LIST":
			var kind [4]byte
			if n, _ := f.ReadAt(kind[:], c.offset); n == 4 && string(kind[:]) == "INFO" {
				eachChunk(f, c.offset+4, c.offset+c.size, order, func(c chunk) { texts = append(texts, c) })
			}
		case "NAME", "AUTH":
			texts = append(texts, c)
		}
	})
	own["NAME"], own["AUTH"] = &t.title, &t.artist
	for _, c := range texts {
		if field := own[c.id]; field != nil && *field == "" {
			*field = c.text(f)
		}
	}
	return picture
}
