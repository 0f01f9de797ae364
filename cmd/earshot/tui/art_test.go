package tui

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

func TestAPictureIsDecodedAndAFalseOneIsNot(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 30, 10))
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	var small, wide bytes.Buffer
	if err := jpeg.Encode(&wide, grey, nil); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&small, grey); err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{small.Bytes(), wide.Bytes()} {
		got := decodeCover(data)
		if got == nil {
			t.Fatalf("%.4q is not decoded", data)
		}
		middle, beside := got.RGBAAt(artPixels/2, artPixels/2), got.RGBAAt(artPixels/2, 0)
		if middle.R < 190 || middle.R > 210 || beside != (color.RGBA{A: 255}) {
			t.Errorf("%v in the middle, %v beside it", middle, beside)
		}
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("not a picture"), "a cut one": wide.Bytes()[:200],
		"an enormous one": resized(small.Bytes(), 5000, 5000), "a long one": resized(small.Bytes(), 1<<30, 1),
	} {
		if decodeCover(data) != nil {
			t.Errorf("%s is taken for a picture", name)
		}
	}
}

// resized is a PNG file that lies about its size.
func resized(file []byte, w, h uint32) []byte {
	b := bytes.Clone(file)
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestATerminalLikeKittyGetsTheWholePicture(t *testing.T) {
	x := start(t, 120, 30, 2)
	x.shows("▀▀▀▀")
	x.press("\x1bP>|kitty(0.35.2)\x1b\\")
	x.shows("\U0010EEEE")
	written := func(what string) bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return strings.Contains(x.raw.String(), what)
	}
	x.until("the picture", func() bool { return written("\x1b_Ga=T,U=1,q=2,f=100,i=69,c=36,r=18,m=") })
	x.press("n")
	x.shows("Minuet")
	x.until("no picture", func() bool { return !strings.Contains(x.text(), "\U0010EEEE") })
	x.press("q")
	if err := x.wait(); err != nil {
		t.Error(err)
	}
	x.until("the end of the picture", func() bool { return written("\x1b_Ga=d,d=I,q=2,i=69\x1b\\") })
}

func FuzzCover(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\xff\xd8\xff\xff\xc2"))
	f.Fuzz(func(_ *testing.T, data []byte) { decodeCover(data) })
}
