package library

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// flacBlocks are a FLAC file's first blocks: STREAMINFO, and a picture.
func flacBlocks(picture string) []byte {
	number := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	text := func(s string) []byte { return append(number(len(s)), s...) }
	body := bytes.Join([][]byte{number(3), text("image/jpeg"), text("front"), make([]byte, 16), text(picture)}, nil)
	b := append([]byte("fLaC\x00\x00\x00\x22"), make([]byte, 34)...)
	b = append(b, 0x86, byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
	return append(b, body...)
}

func TestPicturesAreFoundInLeadingTags(t *testing.T) {
	id3 := append(id3Tag(4, 0, id3Frame("APIC", "\x03image/jpeg\x00\x03\x00picture")), make([]byte, 100)...)
	flac := append(flacBlocks("picture"), make([]byte, 100)...)
	lying := flacBlocks("picture")
	binary.BigEndian.PutUint32(lying[len(lying)-len("picture")-4:], 1<<31-1)
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"ID3v2": {id3, "picture"}, "FLAC": {flac, "picture"}, "none": {make([]byte, 1000), ""},
		"a FLAC that lies": {append(lying, make([]byte, 100)...), ""}, "no blocks": {[]byte("fLaC"), ""},
	} {
		offset, size, err := FindPicture(bytes.NewReader(test.data), int64(len(test.data)))
		if err != nil || string(test.data[offset:offset+size]) != test.want {
			t.Errorf("%s: %d at %d, %v", name, size, offset, err)
		}
	}
}

// partly is a file of which a part is not here.
type partly struct {
	*bytes.Reader
	missing int64
}

var errPartly = errors.New("not here")

func (p partly) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > p.missing {
		return 0, errPartly
	}
	return p.Reader.ReadAt(b, at)
}

func TestATagThatIsNotAllHereIsNotTakenForNone(t *testing.T) {
	for _, data := range [][]byte{flacBlocks("picture"), id3Tag(4, 0, append(id3Frame("TIT2", "\x03Air"), id3Frame("APIC", "\x03image/jpeg\x00\x03\x00picture")...))} {
		if _, _, err := FindPicture(partly{bytes.NewReader(data), 30}, int64(len(data))); !errors.Is(err, errPartly) {
			t.Errorf("%.4q: %v", data, err)
		}
	}
}

func FuzzFindPicture(f *testing.F) {
	f.Add(flacBlocks("picture"))
	f.Add(id3Tag(4, 0, id3Frame("APIC", "\x03image/jpeg\x00\x03\x00picture")))
	f.Fuzz(func(t *testing.T, data []byte) {
		offset, size, err := FindPicture(bytes.NewReader(data), int64(len(data)))
		if err != nil && !errors.Is(err, io.EOF) || offset < 0 || size < 0 || offset+size > int64(len(data)) {
			t.Errorf("%d at %d of %d, %v", size, offset, len(data), err)
		}
	})
}
