package library

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pictureOf returns the picture in a file that is all there.
func pictureOf(t *testing.T, file []byte) []byte {
	t.Helper()
	picture, err := ReadPicture(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Error(err)
	}
	return picture
}

// pictureBlockOf makes the body of a FLAC picture block.
func pictureBlockOf(mime string, picture []byte) []byte {
	number := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	text := func(s string) []byte { return append(number(len(s)), s...) }
	return bytes.Join([][]byte{number(3), text(mime), text("front"), make([]byte, 16), number(len(picture)), picture}, nil)
}

// flacBlocks are a FLAC file's first blocks: STREAMINFO, and a picture.
func flacBlocks(picture string) []byte {
	b := append([]byte("fLaC"), flacBlock(0, make([]byte, 34))...)
	return append(b, flacBlock(6|0x80, pictureBlockOf("image/jpeg", []byte(picture)))...)
}

// splicedBlock puts a block behind the STREAMINFO of a FLAC file.
func splicedBlock(file, block []byte) []byte {
	const info = 4 + 4 + 34
	return bytes.Join([][]byte{file[:info], block, file[info:]}, nil)
}

// opusTags is an Opus file with such comments, and no sound.
func opusTags(fields ...string) []byte {
	return append(oggPacket(2, []byte("OpusHead and more")), oggPacket(0, append([]byte("OpusTags"), comments(fields...)...))...)
}

// inComment is the comment that holds a picture block.
func inComment(block []byte) string {
	return "METADATA_BLOCK_PICTURE=" + base64.StdEncoding.EncodeToString(block)
}

func TestPicturesAreFoundInTags(t *testing.T) {
	apic := id3Frame("APIC", "\x03image/jpeg\x00\x03\x00picture")
	block := pictureBlockOf("image/png", []byte("picture"))
	lying := flacBlocks("picture")
	binary.BigEndian.PutUint32(lying[len(lying)-len("picture")-4:], 1<<31-1)
	lyingBlock := bytes.Clone(block)
	binary.BigEndian.PutUint32(lyingBlock[len(block)-len("picture")-4:], 4000)
	back := pictureBlockOf("image/png", []byte("the back"))
	back[3] = 4
	apicBack := id3Frame("APIC", "\x03image/jpeg\x00\x04\x00the back")
	wrapped := inComment(block)
	wrapped = wrapped[:40] + "\n" + wrapped[40:]
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"ID3v2":                    {id3Tag(4, 0, apic), "picture"},
		"FLAC":                     {flacBlocks("picture"), "picture"},
		"FLAC behind ID3v2":        {append(id3Tag(4, 0, id3Frame("TIT2", "\x03Air")), flacBlocks("picture")...), "picture"},
		"Opus":                     {opusTags(inComment(block)), "picture"},
		"Opus, base64 in lines":    {opusTags(wrapped), "picture"},
		"Opus, the first of two":   {opusTags(inComment(block), inComment(pictureBlockOf("image/png", []byte("other")))), "picture"},
		"Opus, unpadded, whole":    {opusTags(strings.TrimRight(inComment(block), "=")), "picture"},
		"Opus, unpadded, a byte":   {opusTags(strings.TrimRight(inComment(append(block[:len(block):len(block)], 0)), "=")), "picture"},
		"Opus, unpadded, two":      {opusTags(strings.TrimRight(inComment(append(block[:len(block):len(block)], 0, 0)), "=")), "picture"},
		"Opus, the back first":     {opusTags(inComment(back), inComment(block)), "picture"},
		"Opus, the back last":      {opusTags(inComment(block), inComment(back)), "picture"},
		"Opus, the back alone":     {opusTags(inComment(back)), "the back"},
		"ID3v2, the back first":    {id3Tag(4, 0, append(apicBack[:len(apicBack):len(apicBack)], apic...)), "picture"},
		"ID3v2, the back alone":    {id3Tag(4, 0, apicBack), "the back"},
		"FLAC, the back first":     {splicedBlock(flacBlocks("picture"), flacBlock(6, back)), "picture"},
		"FLAC, no room for it":     {splicedBlock(flacBlocks(string(make([]byte, maxCover+1))), flacBlock(6, back)), "the back"},
		"Opus, a link first":       {opusTags(inComment(pictureBlockOf("-->", []byte("http://x"))), inComment(block)), "picture"},
		"WAV":                      {append([]byte("RIFF....WAVE"), chunkOf("id3 ", id3Tag(4, 0, apic), binary.LittleEndian)...), "picture"},
		"none":                     {make([]byte, 1000), ""},
		"no bytes":                 {nil, ""},
		"no blocks":                {[]byte("fLaC"), ""},
		"a FLAC that lies":         {lying, ""},
		"an Opus that lies":        {opusTags(inComment(lyingBlock), "title="+strings.Repeat("x", 8000)), ""},
		"no base64":                {opusTags("METADATA_BLOCK_PICTURE=" + strings.Repeat("?", 8000)), ""},
		"an empty comment":         {opusTags("METADATA_BLOCK_PICTURE="), ""},
		"Opus, cut in the picture": {opusTags(inComment(pictureBlockOf("image/png", make([]byte, 60_000))))[:50_000], ""},
		"larger than any is shown": {opusTags(inComment(pictureBlockOf("image/png", make([]byte, maxCover+1)))), ""},
	} {
		if got := pictureOf(t, append(test.data, make([]byte, 100)...)); string(got) != test.want {
			t.Errorf("%s: %.20q of %d bytes", name, got, len(got))
		}
	}
}

// A picture of the size that is shown at most is read page by page, whatever stands
// between the pages.
func TestALargePictureInOggIsWhole(t *testing.T) {
	picture := make([]byte, maxCover)
	for i := range picture {
		picture[i] = byte(i * i >> 7)
	}
	const serialAt = 14
	other := oggPacket(0, make([]byte, 1000))
	other[serialAt]++
	pages := bytes.Split(opusTags(inComment(pictureBlockOf("image/jpeg", picture))), []byte("OggS\x00"))
	b := bytes.Join(pages, append(other, "OggS\x00"...))[len(other):]
	if !bytes.Equal(pictureOf(t, b), picture) {
		t.Error("it is another")
	}
}

// What opusenc, oggenc and flac write, where they are there.
func TestPicturesOfEncoders(t *testing.T) {
	dir := t.TempDir()
	var picture bytes.Buffer
	noise := image.NewGray(image.Rect(0, 0, 600, 600)) // 200 KB and more
	for i := range noise.Pix {
		noise.Pix[i] = byte(rand.Uint32())
	}
	if err := jpeg.Encode(&picture, noise, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	cover, wav := filepath.Join(dir, "cover.jpg"), filepath.Join(dir, "sound.wav")
	sound := binary.LittleEndian.AppendUint32([]byte("WAVEfmt "), 16)
	for _, v := range []uint16{1, 1, 48000 & 0xffff, 0, 96000 & 0xffff, 96000 >> 16, 2, 16} {
		sound = binary.LittleEndian.AppendUint16(sound, v)
	}
	sound = append(sound, chunkOf("data", make([]byte, 96_000), binary.LittleEndian)...)
	for name, b := range map[string][]byte{cover: picture.Bytes(), wav: chunkOf("RIFF", sound, binary.LittleEndian)} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out")
	block := filepath.Join(dir, "block")
	comment := []byte(inComment(pictureBlockOf("image/jpeg", picture.Bytes())) + "\n")
	if err := os.WriteFile(block, comment, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, commands := range map[string][][]string{
		"opusenc":     {{"opusenc", "--quiet", "--picture", cover, wav, out}},
		"vorbis":      {{"oggenc", "--quiet", "-o", out, wav}, {"vorbiscomment", "--raw", "-w", "-c", block, out}},
		"flac":        {{"flac", "--silent", "--force", "--picture", cover, "-o", out, wav}},
		"flac in ogg": {{"flac", "--silent", "--force", "--ogg", "--picture", cover, "-o", out, wav}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range commands {
				if _, err := exec.LookPath(c[0]); err != nil {
					t.Skip(err)
				}
				if b, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", c[0], err, b)
				}
			}
			file, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if got := pictureOf(t, file); !bytes.Equal(got, picture.Bytes()) {
				t.Errorf("a picture of %d bytes, want %d", len(got), picture.Len())
			}
		})
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
	for _, data := range [][]byte{
		flacBlocks("picture"), opusTags(inComment(pictureBlockOf("image/png", make([]byte, 100_000)))),
		id3Tag(4, 0, append(id3Frame("TIT2", "\x03Air"), id3Frame("APIC", "\x03image/jpeg\x00\x03\x00picture")...)),
	} {
		for _, missing := range []int64{3, 30, int64(len(data)) / 2, int64(len(data)) - 1} {
			if _, err := ReadPicture(partly{bytes.NewReader(data), missing}, int64(len(data))); !errors.Is(err, errPartly) {
				t.Errorf("%.4q of which %d bytes are here: %v", data, missing, err)
			}
		}
	}
}

func FuzzReadPicture(f *testing.F) {
	f.Add(flacBlocks("picture"))
	f.Add(id3Tag(4, 0, id3Frame("APIC", "\x03image/jpeg\x00\x03\x00picture")))
	f.Add(opusTags(inComment(pictureBlockOf("image/png", []byte("picture")))))
	f.Add(append(oggPacket(2, []byte("\x7fFLAC and more")), oggPacket(0, flacBlock(6, pictureBlockOf("image/png", []byte("picture"))))...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if picture, err := ReadPicture(bytes.NewReader(data), int64(len(data))); err != nil || len(picture) > len(data) {
			t.Errorf("a picture of %d bytes in a file of %d, %v", len(picture), len(data), err)
		}
	})
}
