package library

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

const (
	// maxAPE is how much of an APE tag is read, in bytes. Pictures may be more; they
	// stand behind the text as a rule.
	maxAPE = 64 << 10

	apeFrame = 32 // bytes of its header and footer
)

// readAPE reads the items of the APEv2 tag at the end of a file
// (wiki.hydrogenaudio.org, APEv2 specification): gains, as mp3gain writes them, and texts for
// what is not known yet.
func (t *texts) readAPE(f io.ReaderAt, size int64) {
	var foot [apeFrame]byte
	end := size
	for _, behind := range []int64{0, id3v1Size} { // of the file, or of an ID3v1 tag
		end = size - behind
		if n, _ := f.ReadAt(foot[:], max(0, end-apeFrame)); n == apeFrame && string(foot[:8]) == "APETAGEX" {
			break
		}
	}
	length := int64(binary.LittleEndian.Uint32(foot[12:])) // without a header
	if string(foot[:8]) != "APETAGEX" || length <= apeFrame || length > end {
		return
	}
	items := texts{gain: t.gain}
	defer func() { t.fill(items) }()
	b := make([]byte, min(length-apeFrame, maxAPE))
	n, _ := f.ReadAt(b, end-length)
	for b = b[:n]; len(b) > 8; {
		length, flags := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		name, rest, ok := bytes.Cut(b[8:], []byte{0})
		if !ok || uint64(length) > uint64(len(rest)) {
			return
		}
		if isText := flags>>1&3 == 0; isText && length <= maxTextFrame {
			items.item(string(name), byteText(rest[:length]))
		}
		b = rest[length:]
	}
}

// item takes an item, whose keys are those of Vorbis comments but for two. Several values of
// one are divided by zeros.
func (t *texts) item(key, value string) {
	switch strings.ToUpper(key) {
	case "TRACK":
		key = "TRACKNUMBER"
	case "DISC":
		key = "DISCNUMBER"
	}
	t.comment(key, strings.ReplaceAll(value, "\x00", valueSeparator))
}

// fill takes from others what is not known yet.
func (t *texts) fill(others texts) {
	for _, f := range []struct{ to, from *string }{
		{&t.title, &others.title}, {&t.artist, &others.artist}, {&t.albumArtist, &others.albumArtist}, {&t.album, &others.album},
		{&t.disc, &others.disc}, {&t.number, &others.number}, {&t.year, &others.year},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	t.gain = others.gain
}
