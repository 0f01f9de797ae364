package library

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"earshot/protocol"
)

// id3Tag makes an ID3v2 tag of frames.
func id3Tag(version, flags byte, frames []byte) []byte {
	return append(append([]byte{'I', 'D', '3', version, 0, flags}, synchsafeBytes(len(frames))...), frames...)
}

// id3Frame makes a frame of ID3v2.4.
func id3Frame(name, body string) []byte { return id3FrameFlags(name, 0, body) }

func id3FrameFlags(name string, flags byte, body string) []byte {
	return append(append([]byte(name), append(synchsafeBytes(len(body)), 0, flags)...), body...)
}

// id3Frame3 makes a frame of ID3v2.3, id3Frame2 one of ID3v2.2.
func id3Frame3(name, body string) []byte {
	return append(append(binary.BigEndian.AppendUint32([]byte(name), uint32(len(body))), 0, 0), body...)
}

func id3Frame2(name, body string) []byte {
	n := len(body)
	return append(append([]byte(name), byte(n>>16), byte(n>>8), byte(n)), body...)
}

func synchsafeBytes(n int) []byte {
	return []byte{byte(n>>21) & 0x7f, byte(n>>14) & 0x7f, byte(n>>7) & 0x7f, byte(n) & 0x7f}
}

// utf16Body is a text frame's body in UTF-16 with a byte order mark.
func utf16Body(s string, order binary.AppendByteOrder) string {
	b := []byte{1}
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// stuff unsynchronises.
func stuff(b []byte) []byte {
	var out []byte
	for i, c := range b {
		out = append(out, c)
		if c == 0xff && (i+1 == len(b) || b[i+1] == 0 || b[i+1] >= 0xe0) {
			out = append(out, 0)
		}
	}
	return out
}

func id3v1(title, artist, album, year string, number byte) []byte {
	b := make([]byte, id3v1Size)
	copy(b, "TAG")
	copy(b[3:33], title)
	copy(b[33:63], artist)
	copy(b[63:93], album)
	copy(b[93:97], year)
	b[126] = number
	return b
}

func TestTagsOfEveryVersionAndEncodingAreRead(t *testing.T) {
	frames := func(f ...[]byte) []byte { return bytes.Join(f, nil) }
	for name, test := range map[string]struct {
		tag  []byte
		want tags
	}{
		"2.4, UTF-8": {
			id3Tag(4, 0, frames(id3Frame("TIT2", "\x03Für Elise"), id3Frame("TPE1", "\x03Beethoven"), id3Frame("TALB", "\x03WoO 59"), id3Frame("TRCK", "\x033/12"), id3Frame("TPOS", "\x031/2"), id3Frame("TDRC", "\x031867-05-01"))),
			tags{title: "Für Elise", artist: "Beethoven", album: "WoO 59", number: 3, disc: 1, year: 1867},
		},
		"2.3, UTF-16": {
			id3Tag(3, 0, frames(id3Frame3("TIT2", utf16Body("Ágætis byrjun", binary.LittleEndian)), id3Frame3("TPE1", utf16Body("Sigur Rós", binary.BigEndian)), id3Frame3("TYER", "\x001999"))),
			tags{title: "Ágætis byrjun", artist: "Sigur Rós", year: 1999},
		},
		"2.2, Latin-1": {
			id3Tag(2, 0, frames(id3Frame2("TT2", "\x00J\xf3ga"), id3Frame2("TP1", "\x00Bj\xf6rk\x00"), id3Frame2("TRK", "\x0002"))),
			tags{title: "Jóga", artist: "Björk", number: 2},
		},
		"UTF-8 that claims to be Latin-1": {
			id3Tag(3, 0, id3Frame3("TIT2", "\x00Jóga")),
			tags{title: "Jóga"},
		},
		"a year of version 2.3 in 2.4": {
			id3Tag(4, 0, id3Frame("TYER", "\x001999")),
			tags{year: 1999},
		},
		"several artists": {
			id3Tag(4, 0, id3Frame("TPE1", "\x03Marian Hill\x00Steve James")),
			tags{artist: "Marian Hill / Steve James"},
		},
		"the first of repeated frames": {
			id3Tag(4, 0, frames(id3Frame("TIT2", "\x03First"), id3Frame("TIT2", "\x03Second"))),
			tags{title: "First"},
		},
		"the album's artist, where the track has none": {
			id3Tag(4, 0, id3Frame("TPE2", "\x03Orchestra")),
			tags{artist: "Orchestra"},
		},
		"a bad frame before a good one": {
			id3Tag(4, 0, frames(id3Frame("TXXX", "\x01\xff"), id3Frame("TIT2", "\x03Title"))),
			tags{title: "Title"},
		},
		"2.3, unsynchronised": {
			id3Tag(3, 0x80, stuff(id3Frame3("TIT2", utf16Body("Žižkov", binary.LittleEndian)))),
			tags{title: "Žižkov"},
		},
		"2.4, unsynchronised": {
			id3Tag(4, 0x80, frames(id3Frame("TIT2", string(stuff([]byte(utf16Body("Žižkov", binary.LittleEndian))))), id3Frame("TPE1", "\x03After"))),
			tags{title: "Žižkov", artist: "After"},
		},
		"2.4, a frame with group and length": {
			id3Tag(4, 0, id3FrameFlags("TIT2", 0x41, "g\x00\x00\x00\x06\x03Title")),
			tags{title: "Title"},
		},
		"2.4, a compressed frame": {
			id3Tag(4, 0, frames(id3FrameFlags("TIT2", 0x09, "\x00\x00\x00\x06xxxx"), id3Frame("TPE1", "\x03After"))),
			tags{artist: "After"},
		},
		"2.3, an extended header": {
			id3Tag(3, 0x40, append([]byte{0, 0, 0, 6, 0, 0, 0, 0, 0, 0}, id3Frame3("TIT2", "\x00Title")...)),
			tags{title: "Title"},
		},
		"2.4, an extended header": {
			id3Tag(4, 0x40, append([]byte{0, 0, 0, 6, 1, 0}, id3Frame("TIT2", "\x03Title")...)),
			tags{title: "Title"},
		},
		"version 1": {
			id3v1("Lj\xf6sid", "Artist", "Album", "2004", 7),
			tags{title: "Ljösid", artist: "Artist", album: "Album", year: 2004, number: 7},
		},
		"version 1 fills what version 2 lacks": {
			append(id3Tag(4, 0, id3Frame("TIT2", "\x03A title that is longer than thirty bytes")), id3v1("A title that is longer than th", "Artist", "", "", 0)...),
			tags{title: "A title that is longer than thirty bytes", artist: "Artist"},
		},
		"numbers that are none": {
			id3Tag(4, 0, frames(id3Frame("TRCK", "\x03-5"), id3Frame("TPOS", "\x0399999999999999999999"), id3Frame("TDRC", "\x03unknown"))),
			tags{},
		},
		"a frame that ends behind the tag": {
			id3Tag(4, 0, append(id3Frame("TIT2", "\x03Title"), "TPE1\x7f\x7f\x7f\x7f\x00\x00\x03x"...)),
			tags{title: "Title"},
		},
		"none": {[]byte("no tag"), tags{}},
	} {
		if got := readTags(bytes.NewReader(test.tag), int64(len(test.tag))); got != test.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, test.want)
		}
	}
}

func TestACoverIsFoundBehindItsDescription(t *testing.T) {
	picture := "\x89PNG picture"
	for name, tag := range map[string][]byte{
		"2.4":         id3Tag(4, 0, id3Frame("APIC", "\x03image/png\x00\x03front\x00"+picture)),
		"2.3, UTF-16": id3Tag(3, 0, id3Frame3("APIC", "\x01image/PNG\x00\x03"+utf16Body("Āa", binary.BigEndian)[1:]+"\x00\x00"+picture)),
		"2.2":         id3Tag(2, 0, id3Frame2("PIC", "\x00PNG\x03\x00"+picture)),
		"extended":    id3Tag(4, 0x40, append([]byte{0, 0, 0, 6, 1, 0}, id3Frame("APIC", "\x03image/png\x00\x03\x00"+picture)...)),
	} {
		if got := pictureOf(t, tag); string(got) != picture {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, body := range map[string]string{
		"a link": "\x00-->\x00\x03\x00http://x", "no description's end": "\x00image/png\x00\x03xxx", "empty": "\x00", "half": "\x00image/png\x00",
	} {
		tag := id3Tag(4, 0, id3Frame("APIC", body))
		if got := pictureOf(t, tag); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestALargeCoverIsNotRead(t *testing.T) {
	const size = 50 << 20
	tag := id3Tag(4, 0, append(id3Frame("APIC", "\x00image/jpeg\x00\x03\x00"+strings.Repeat("x", size)), id3Frame("TIT2", "\x03Behind the cover")...))
	var read int
	r := readerAt(func(b []byte, at int64) (int, error) {
		read += len(b)
		return bytes.NewReader(tag).ReadAt(b, at)
	})
	got := readTags(r, int64(len(tag)))
	if got.title != "Behind the cover" || read > 4096 {
		t.Errorf("%q, %d bytes were read", got.title, read)
	}
	read = 0
	if picture, err := ReadPicture(r, int64(len(tag))); picture != nil || err != nil || read > 4096 {
		t.Errorf("a picture of %d bytes, %v, %d bytes were read", len(picture), err, read)
	}
}

func TestTextIsMadeFitForAScreen(t *testing.T) {
	for s, want := range map[string]string{
		"\x1b[31mRed\x07\u202e":      "[31mRed",
		" two\r\nlines\t\u2028 here": "two  lines   here",
		"\xff\xfe":                   "\uFFFD",
		"e\u0301":                    "é",
		"a\x00\u0301":                "á",
		strings.Repeat("ü", 400):     strings.Repeat("ü", protocol.MaxText/2),
		strings.Repeat("x", protocol.MaxText-1) + " y": strings.Repeat("x", protocol.MaxText-1),
		"👩\u200d🚀": "👩\u200d🚀",
	} {
		if got := clean(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func FuzzTags(f *testing.F) {
	f.Add(mp3(1, map[string]string{"TIT2": "Title", "TRCK": "3/7"}))
	f.Add([]byte("ID3\x02\x00\x80\x00\x00\x00\x20TT2\x00\x00\x04\x00abc"))
	f.Add(id3Tag(3, 0xc0, stuff(append([]byte{0, 0, 0, 6, 0, 0, 0, 0, 0, 0}, id3Frame3("TPE1", utf16Body("x", binary.BigEndian))...))))
	f.Add(id3Tag(4, 0x40, append([]byte{0, 0, 0, 6, 1, 0}, id3FrameFlags("APIC", 0x43, "g\x00\x00\x00\x06\x01image/png\x00\x03\x00\x00x")...)))
	f.Add(id3v1("a", "b", "c", "1999", 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		var read int64
		got := readTags(readerAt(func(p []byte, at int64) (int, error) {
			read += int64(len(p))
			return bytes.NewReader(b).ReadAt(p, at)
		}), int64(len(b)))
		for _, s := range []string{got.title, got.artist, got.album} {
			if s != clean(s) || len(s) > protocol.MaxText {
				t.Errorf("%q is not clean", s)
			}
		}
		if most := int64(len(b)) + maxFrames*(maxTextFrame+id3HeaderSize); read > most {
			t.Errorf("%d bytes were read", read)
		}
	})
}
