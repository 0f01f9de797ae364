package music

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/dhowden/tag"
)

// shippedLimit is what the binary may carry of music, in bytes.
const shippedLimit = 3_000_000

func TestThePiecesFitTheirLimitAndCarryTags(t *testing.T) {
	want := []struct {
		file, title, artist string
		year                int
	}{
		{"01-prelude.mp3", "Prelude in C major, BWV 846", "Johann Sebastian Bach", 1722},
		{"02-minuet.mp3", "Minuet in G major, BWV Anh. 114", "Christian Petzold", 1725},
		{"03-invention.mp3", "Invention No. 1 in C major, BWV 772", "Johann Sebastian Bach", 1723},
	}
	names, err := fs.Glob(Files(), "*")
	if err != nil || len(names) != len(want) {
		t.Fatalf("files %q, %v: want %d", names, err, len(want))
	}
	total := 0
	for i, w := range want {
		data, err := fs.ReadFile(Files(), w.file)
		if err != nil {
			t.Fatal(err)
		}
		total += len(data)
		m, err := tag.ReadFrom(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", w.file, err)
		}
		track, _ := m.Track()
		if m.Title() != w.title || m.Artist() != w.artist || m.Year() != w.year || track != i+1 || m.Album() != "Earshot Sampler" {
			t.Errorf("%s: tags %q, %q, %q, %d, %d", w.file, m.Title(), m.Artist(), m.Album(), track, m.Year())
		}
	}
	if total > shippedLimit {
		t.Errorf("%d bytes of music: %d at the most", total, shippedLimit)
	}
}

// Each file's frames are MPEG-1 layer III at 44.1 kHz, and none is joint
// stereo, in which decoders differ.
func TestEachFrameIsPlainLayerIII(t *testing.T) {
	bitrates := [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	kinds := map[string]map[int]int{}
	err := fs.WalkDir(Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(Files(), name)
		if err != nil {
			return err
		}
		// ID3v2: a header of ten bytes, its size in four times seven bits.
		at := 10 + int(data[6])<<21 + int(data[7])<<14 + int(data[8])<<7 + int(data[9])
		kinds[name] = map[int]int{}
		for at+4 <= len(data) {
			head := data[at : at+4]
			rate := bitrates[head[2]>>4]
			if head[0] != 0xff || head[1]&0xfe != 0xfa || head[2]>>2&3 != 0 || rate == 0 {
				t.Fatalf("%s: no plain frame at %d: % x", name, at, head)
			}
			if head[3]>>6 == 1 {
				t.Fatalf("%s: joint stereo at %d", name, at)
			}
			kinds[name][rate]++
			at += 144*rate*1000/44100 + int(head[2]>>1&1)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(kinds["01-prelude.mp3"]); n != 1 {
		t.Errorf("the prelude has %d bitrates: it is to be constant", n)
	}
	for _, name := range []string{"02-minuet.mp3", "03-invention.mp3"} {
		if len(kinds[name]) < 3 {
			t.Errorf("%s has bitrates %v: it is to vary", name, kinds[name])
		}
	}
	if n := kinds["01-prelude.mp3"][128]; n < 90*44100/1152 {
		t.Errorf("the prelude has %d frames: 90 s at the least", n)
	}
}
