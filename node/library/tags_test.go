package library

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"testing"
)

// comments makes Vorbis comments.
func comments(fields ...string) []byte {
	le := binary.LittleEndian
	b := append(le.AppendUint32(nil, 4), "test"...)
	b = le.AppendUint32(b, uint32(len(fields)))
	for _, f := range fields {
		b = append(le.AppendUint32(b, uint32(len(f))), f...)
	}
	return b
}

// flacBlock makes a metadata block.
func flacBlock(kind byte, body []byte) []byte {
	return append([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

// oggPacket puts a packet on pages.
func oggPacket(flags byte, packet []byte) (b []byte) {
	for first := true; first || packet != nil; first = false {
		n := min(len(packet), 255*255)
		b = append(b, "OggS\x00"...)
		b = append(b, flags)
		b = append(b, make([]byte, 8)...)
		b = append(b, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		body := packet[:n]
		packet = packet[n:]
		var lacing []byte
		for ; n >= 255; n -= 255 {
			lacing = append(lacing, 255)
		}
		if len(packet) > 0 || n == 0 && len(lacing) == 255 {
			flags = 1
		} else {
			lacing, packet = append(lacing, byte(n)), nil
		}
		b = append(append(append(b, byte(len(lacing))), lacing...), body...)
	}
	return b
}

func chunkOf(id string, body []byte, order binary.AppendByteOrder) []byte {
	b := append(order.AppendUint32([]byte(id), uint32(len(body))), body...)
	return append(b, make([]byte, len(body)&1)...)
}

func TestTagsOfEachFormat(t *testing.T) {
	fields := []string{"title=Präludium", "ARTIST=Bach", "Artist=Gould", "ALBUM=WTC", "DISCNUMBER=1/2", "TRACKNUMBER=03", "DATE=1963-01-02"}
	picture := bytes.Repeat([]byte("picture"), 20_000) // on three pages of base64
	want := tags{title: "Präludium", artist: "Bach / Gould", album: "WTC", disc: 1, number: 3, year: 1963}
	be, le := binary.AppendByteOrder(binary.BigEndian), binary.AppendByteOrder(binary.LittleEndian)

	block := pictureBlockOf("image/jpeg", picture)
	flac := append([]byte("fLaC"), flacBlock(0, make([]byte, 34))...)
	flac = append(flac, flacBlock(6, block)...)
	flac = append(flac, flacBlock(4|0x80, comments(fields...))...)

	long := append([]string{"metadata_block_picture=" + base64.StdEncoding.EncodeToString(block)}, fields...)
	vorbis := append(oggPacket(2, []byte("\x01vorbis and more")), oggPacket(0, append([]byte("\x03vorbis"), comments(long...)...))...)
	opus := append(oggPacket(2, []byte("OpusHead and more")), oggPacket(0, append([]byte("OpusTags"), comments(long...)...))...)

	inOgg := append(oggPacket(2, []byte("\x7fFLAC and more")), oggPacket(0, flacBlock(4, comments(fields...)))...)
	inOgg = append(append(inOgg, oggPacket(0, flacBlock(1, make([]byte, 1000)))...), oggPacket(0, flacBlock(6|0x80, block))...)

	info := []byte("INFO")
	for id, text := range map[string]string{"INAM": "Pr\xe4ludium", "IART": "Bach / Gould", "IPRD": "WTC", "ICRD": "1963", "ITRK": "3"} {
		info = append(info, chunkOf(id, append([]byte(text), 0), le)...)
	}
	wav := append([]byte("RIFF....WAVE"), chunkOf("data", make([]byte, 101), le)...)
	wav = append(wav, chunkOf("LIST", info, le)...)
	aiff := append([]byte("FORM....AIFF"), chunkOf("SSND", make([]byte, 101), be)...)
	aiff = append(aiff, chunkOf("NAME", []byte("Präludium"), be)...)
	aiff = append(aiff, chunkOf("AUTH", []byte("Bach / Gould"), be)...)

	for name, c := range map[string]struct {
		file    []byte
		want    tags
		picture []byte
	}{
		"FLAC":        {flac, want, picture},
		"Vorbis":      {vorbis, want, picture},
		"Opus":        {opus, want, picture},
		"FLAC in Ogg": {inOgg, want, picture},
		"WAV":         {wav, tags{title: "Präludium", artist: "Bach / Gould", album: "WTC", number: 3, year: 1963}, nil},
		"AIFF":        {aiff, tags{title: "Präludium", artist: "Bach / Gould"}, nil},
	} {
		f := &counted{r: bytes.NewReader(c.file)}
		if got := readTags(f, int64(len(c.file))); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if f.n > 32<<10 {
			t.Errorf("%s: %d bytes read", name, f.n)
		}
		if got := pictureOf(t, c.file); !bytes.Equal(got, c.picture) {
			t.Errorf("%s: a picture of %d bytes, want %d", name, len(got), len(c.picture))
		}
	}
}

// counted counts what is read of a file.
type counted struct {
	r *bytes.Reader
	n int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += n
	return n, err
}

func FuzzReadTags(f *testing.F) {
	f.Add(append([]byte("fLaC"), flacBlock(4|0x80, comments("title=x", "artist=y"))...))
	f.Add(append(oggPacket(2, []byte("OpusHead")), oggPacket(0, append([]byte("OpusTags"), comments("title=x")...))...))
	f.Add(append([]byte("RIFF....WAVE"), chunkOf("LIST", []byte("INFOINAM\x01\x00\x00\x00x"), binary.LittleEndian)...))
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x10TIT2\x00\x00\x00\x02\x00\x00\x03xfLaC"))
	f.Fuzz(func(t *testing.T, b []byte) {
		readTags(bytes.NewReader(b), int64(len(b)))
	})
}
