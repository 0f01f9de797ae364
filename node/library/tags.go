package library

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dhowden/tag"

	"earshot/protocol"
)

// tags are what a file says of itself.
type tags struct {
	title, artist, album string
	disc, number, year   int
	cover                span
}

const (
	// maxTextFrame is the longest frame of text that is looked at, in bytes; a
	// cover, which may have 50 MB, is passed over.
	maxTextFrame = 4 << 10
	// maxReducedTag bounds what is left of a tag for the parser.
	maxReducedTag = 256 << 10
	// maxFrames bounds the frames of one tag.
	maxFrames = 1024
	// maxSteps bounds the parser's reads: one fuzzed file kept it busy for 10 s.
	maxSteps = 20_000

	id3v1Size = 128
)

// readTags reads the ID3 tags of a file: version 2 where there is one, else
// version 1. What cannot be read is left empty.
func readTags(f io.ReaderAt, size int64) (t tags) {
	reduced, cover := reduceID3(f, size)
	t = parseTags(reduced)
	t.cover = cover
	if t.title == "" && t.artist == "" && size > id3v1Size {
		old := make([]byte, id3v1Size)
		if _, err := f.ReadAt(old, size-id3v1Size); err == nil && string(old[:3]) == "TAG" {
			t = parseTags(old)
			t.cover = cover
		}
	}
	return t
}

// parseTags hands a small tag to the parser, which may loop or panic on what it
// does not expect.
func parseTags(b []byte) (t tags) {
	defer func() {
		if recover() != nil {
			t = tags{}
		}
	}()
	if len(b) == 0 {
		return t
	}
	m, err := tag.ReadFrom(&stepReader{r: bytes.NewReader(b)})
	if err != nil {
		return t
	}
	t.title, t.artist, t.album = clean(m.Title()), clean(m.Artist()), clean(m.Album())
	if t.artist == "" {
		t.artist = clean(m.AlbumArtist())
	}
	number, _ := m.Track()
	disc, _ := m.Disc()
	t.number, t.disc, t.year = within(number, 99999), within(disc, 9999), within(m.Year(), 9999)
	return t
}

func within(n, most int) int {
	if n < 0 || n > most {
		return 0
	}
	return n
}

// clean makes a tag's text fit for any screen: valid UTF-8 without control
// characters, of at most protocol.MaxText bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && !joins(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	for len(s) > protocol.MaxText {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// joins reports the invisible characters that scripts and emoji need.
func joins(r rune) bool { return r == '\u200c' || r == '\u200d' }

// stepReader fails after maxSteps calls.
type stepReader struct {
	r     *bytes.Reader
	steps int
}

var errTooManySteps = errors.New("the tag takes too long to read")

func (s *stepReader) Read(b []byte) (int, error) {
	if s.steps++; s.steps > maxSteps {
		return 0, errTooManySteps
	}
	return s.r.Read(b)
}

func (s *stepReader) Seek(offset int64, whence int) (int64, error) {
	if s.steps++; s.steps > maxSteps {
		return 0, errTooManySteps
	}
	return s.r.Seek(offset, whence)
}

// reduceID3 copies the text frames of an ID3v2 tag (id3.org, versions 2.2 to
// 2.4) into a tag without the rest, and says where the first picture is.
func reduceID3(f io.ReaderAt, size int64) (reduced []byte, cover span) {
	var head [10]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || string(head[:3]) != "ID3" {
		return nil, cover
	}
	version, flags := head[3], head[5]
	end := min(10+int64(synchsafe(head[6:10])), size)
	nameLen, frameHead := 4, 10
	if version == 2 {
		nameLen, frameHead = 3, 6
	}
	const unsynchronised, extended = 0x80, 0x40
	if version < 2 || version > 4 || flags&extended != 0 || flags&unsynchronised != 0 && version != 4 {
		// Rare forms, whose frames cannot be told apart without parsing: the
		// parser gets all, if that is little.
		if end > maxReducedTag {
			return nil, cover
		}
		whole := make([]byte, end)
		if _, err := f.ReadAt(whole, 0); err != nil {
			return nil, cover
		}
		return whole, cover
	}
	reduced = append(reduced, head[:]...)
	at := int64(10)
	for range maxFrames {
		h := make([]byte, frameHead)
		if at+int64(frameHead) > end {
			break
		}
		if _, err := f.ReadAt(h, at); err != nil || h[0] == 0 {
			break
		}
		n := frameLength(version, h)
		body := at + int64(frameHead)
		if n <= 0 || body+n > end {
			break
		}
		name := string(h[:nameLen])
		switch {
		case (name == "APIC" || name == "PIC") && cover.size == 0:
			cover = span{body, n}
		case name[0] == 'T' && n <= maxTextFrame && len(reduced)+frameHead+int(n) <= maxReducedTag:
			reduced = append(reduced, h...)
			k := len(reduced)
			reduced = append(reduced, make([]byte, n)...)
			if _, err := f.ReadAt(reduced[k:], body); err != nil {
				return nil, cover
			}
		}
		at = body + n
	}
	putSynchsafe(reduced[6:10], len(reduced)-10)
	return reduced, cover
}

func frameLength(version byte, h []byte) int64 {
	switch version {
	case 2:
		return int64(h[3])<<16 | int64(h[4])<<8 | int64(h[5])
	case 3:
		return int64(binary.BigEndian.Uint32(h[4:8]))
	}
	return int64(synchsafe(h[4:8]))
}

// synchsafe reads a number of 7 bits a byte (ID3v2.3, section 3.1).
func synchsafe(b []byte) int {
	return int(b[0]&0x7f)<<21 | int(b[1]&0x7f)<<14 | int(b[2]&0x7f)<<7 | int(b[3]&0x7f)
}

func putSynchsafe(b []byte, n int) {
	b[0], b[1], b[2], b[3] = byte(n>>21)&0x7f, byte(n>>14)&0x7f, byte(n>>7)&0x7f, byte(n)&0x7f
}
