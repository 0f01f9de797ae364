package library

import (
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"strings"

	"earshot/protocol"
)

// tags are what a file says of itself.
type tags struct {
	title, artist, album string
	disc, number, year   int
	loudness             protocol.Loudness
}

// id3v1Size is the length of an ID3v1 tag, in bytes.
const id3v1Size = 128

// readTags reads the ID3v2 tag at the start of a file (id3.org, versions 2.2 to
// 2.4); for what that lacks the tags of the file's format: Vorbis comments in FLAC
// and Ogg, chunks in WAV and AIFF; and the APE and ID3v1 tags at its end. What cannot
// be read is left empty.
//
// It reads some KiB, whatever a tag holds. github.com/dhowden/tag, which reads
// tags of other formats too, reads pictures whole, gives up the tag for one bad
// frame, and was kept busy for 10 s by a fuzzed file.
func readTags(f io.ReaderAt, size int64) tags {
	var t texts
	t.readID3v2(f, size)
	t.readOwn(f, size)
	t.readAPE(f, size)
	t.readID3v1(f, size)
	if t.artist == "" {
		t.artist = t.albumArtist
	}
	return tags{
		title: clean(t.title), artist: clean(t.artist), album: clean(t.album),
		disc: leadingNumber(t.disc, 9999), number: leadingNumber(t.number, 99999), year: leadingNumber(t.year, 9999),
		loudness: t.gain.Loudness,
	}
}

// readOwn reads the tags of the file's own format, behind an ID3v2 tag.
func (t *texts) readOwn(f io.ReaderAt, size int64) (picture cover) {
	start := int64(0)
	if tag, ok := openID3v2(f, size); ok {
		start = tag.end
	}
	var magic [4]byte
	if n, _ := f.ReadAt(magic[:], start); n < len(magic) {
		return picture
	}
	switch string(magic[:]) {
	case "fLaC":
		return t.readFLAC(f, start, size)
	case "OggS":
		return t.readOgg(f, start)
	case "RIFF", "RF64", "BW64":
		return t.readChunks(f, size, binary.LittleEndian)
	case "FORM":
		return t.readChunks(f, size, binary.BigEndian)
	}
	return picture
}

// texts are the texts of tags as they are there. The first of each counts.
type texts struct {
	title, artist, albumArtist, album, disc, number, year string

	gain replayGain
}

// field returns where the text of a frame goes, nil for one that is of no use.
func (t *texts) field(frame string) *string {
	switch frame {
	case "TIT2", "TT2":
		return &t.title
	case "TPE1", "TP1":
		return &t.artist
	case "TPE2", "TP2":
		return &t.albumArtist
	case "TALB", "TAL":
		return &t.album
	case "TPOS", "TPA":
		return &t.disc
	case "TRCK", "TRK":
		return &t.number
	case "TDRC", "TYER", "TYE", "TDRL":
		return &t.year
	}
	return nil
}

// readID3v1 reads the 128 bytes of an ID3v1.1 tag.
func (t *texts) readID3v1(f io.ReaderAt, size int64) {
	var b [id3v1Size]byte
	if size < id3v1Size {
		return
	}
	if n, _ := f.ReadAt(b[:], size-id3v1Size); n < id3v1Size || string(b[:3]) != "TAG" {
		return
	}
	for _, v := range []struct {
		field *string
		b     []byte
	}{{&t.title, b[3:33]}, {&t.artist, b[33:63]}, {&t.album, b[63:93]}, {&t.year, b[93:97]}} {
		if text, _, _ := bytes.Cut(v.b, []byte{0}); *v.field == "" {
			*v.field = byteText(text)
		}
	}
	if t.number == "" && b[125] == 0 && b[126] != 0 {
		t.number = strconv.Itoa(int(b[126]))
	}
}

// leadingNumber reads the number that s begins with ("3/12", "2004-05-01"), 0 if
// there is none or it is above most.
func leadingNumber(s string, most int) int {
	s = strings.TrimSpace(s)
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		s = s[:end]
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > most {
		return 0
	}
	return n
}
