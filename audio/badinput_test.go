package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"earshot/protocol"
)

// sparseFile makes a file of which only the beginning takes room.
func sparseFile(t *testing.T, head []byte, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(head); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFileOf4GBIsRefusedUnread(t *testing.T) {
	const size = 4 << 30
	for name, head := range map[string][]byte{
		"MP3": load(t, "vbr"), "FLAC": loadFile(t, "tune.flac"), "Ogg": loadFile(t, "tune.ogg"), "WAV": wavOf(16, 2, 44100, 1000, false), "nothing": nil,
	} {
		f := sparseFile(t, head, size)
		read := 0
		_, err := Probe(readerAt(func(p []byte, off int64) (int, error) {
			read += len(p)
			return f.ReadAt(p, off)
		}), size)
		var u *UnsupportedError
		if !errors.As(err, &u) || !strings.Contains(u.Reason, "larger than 1024 MiB") || read > 0 {
			t.Errorf("%s: %v, %d bytes read", name, err, read)
		}
	}
}

// A large file, nearly all of it holes, plays what is there.
func TestHolesInAHugeFileAreNoSound(t *testing.T) {
	const size = 100 << 20
	for name, c := range map[string]struct {
		head    []byte
		samples int64
	}{
		"MP3": {load(t, "mono"), 172800}, "FLAC": {loadFile(t, "tune.flac"), 57330}, "Opus": {loadFile(t, "tune.opus"), 108000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := sparseFile(t, c.head, size)
			i, err := Probe(f, size)
			if err != nil || i.Samples != c.samples {
				t.Fatalf("%d samples, %v", i.Samples, err)
			}
			if _, err := protocol.ParseHeader(protocol.AppendHeader(nil, new(i.Header(protocol.Track{})))); err != nil {
				t.Error(err)
			}
		})
	}
}

// A cover of 50 MB in front is passed over: neither Probe nor a decoder reads it.
func TestACoverOf50MBIsNotRead(t *testing.T) {
	const size = 50 << 20
	chunk := func(id string, order binary.AppendByteOrder, size uint32) []byte {
		return order.AppendUint32([]byte(id), size)
	}
	mp3, flac := load(t, "vbr"), loadFile(t, "tune.flac")
	wav, aiff := wavOf(16, 2, 44100, 10_000, false), aiffOf(16, 2, 44100, 10_000)
	const info = 4 + 4 + flacInfoSize
	full := []byte{6, 0xff, 0xff, 0xff} // 16 MB is the most that a block can have
	for name, c := range map[string]struct {
		head, tail []byte
		hole       int64
	}{
		"ID3v2 before MP3":  {id3(size)[:id3HeaderSize], mp3, size - id3HeaderSize},
		"ID3v2 before FLAC": {id3(size)[:id3HeaderSize], flac, size - id3HeaderSize},
		"FLAC":              {append(flac[:info:info], full...), append([]byte{1, 0, 0, 0}, flac[info:]...), 1<<24 - 1},
		"WAV":               {append(wav[:36:36], chunk("LIST", binary.LittleEndian, size)...), wav[36:], size},
		"AIFF":              {append(aiff[:12:12], chunk("ID3 ", binary.BigEndian, size)...), aiff[12:], size},
	} {
		f := &sparse{head: c.head, hole: c.hole, tail: c.tail}
		i, err := Probe(f, f.size())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if most := int64(len(f.tail) + 2*blockSize); f.read > most {
			t.Errorf("%s: Probe reads %d bytes, want at most %d", name, f.read, most)
		}
		f.read = 0
		d, err := NewDecoder(io.NewSectionReader(f, 0, f.size()), i.Header(protocol.Track{}))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := d.Read(make([]byte, 100)); n == 0 || err != nil {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		if f.read > 64<<10 {
			t.Errorf("%s: the first sound takes %d bytes", name, f.read)
		}
	}
}

// A comment header of 50 MB in an Ogg file, as a cover makes it: Probe, which walks over
// all pages, keeps none of it, and a decoder does not read it.
func TestACommentOf50MBIsNotKept(t *testing.T) {
	size := fewer(50) << 20
	for _, name := range []string{"tune.ogg", "tune.opus"} {
		plain := loadFile(t, name)
		b := withComment(t, plain, size)
		r := bytes.NewReader(b)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		i, err := Probe(r, int64(len(b)))
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(name, err)
		}
		// What is put together of a packet before it is too long, and the decoders' tables.
		if most := uint64(8 * maxOggPacket); after.TotalAlloc-before.TotalAlloc > most {
			t.Errorf("%s: Probe allocates %d bytes, want at most %d", name, after.TotalAlloc-before.TotalAlloc, most)
		}
		if want := header(t, plain); i.Samples != want.Samples || i.Bitrate != want.Bitrate {
			t.Errorf("%s: %d samples at %d bit/s, want %d at %d", name, i.Samples, i.Bitrate, want.Samples, want.Bitrate)
		}
		src := watch(b)
		d, err := NewDecoder(src, i.Header(protocol.Track{}))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := d.Read(make([]byte, 100)); n == 0 || err != nil {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		if read := src.pos - src.lowest; src.lowest < int64(size) || read > 64<<10 {
			t.Errorf("%s: the first sound takes %d bytes from %d on", name, read, src.lowest)
		}
	}
}

// Every rate, number of channels and width that PCM comes in.
func TestPCMOfEveryKindPlays(t *testing.T) {
	for _, rate := range append(usualRates[:fewer(len(usualRates)):fewer(len(usualRates))], 44100) {
		for channels := 1; channels <= maxChannels; channels++ {
			for _, bits := range []int{8, 16, 24, 32} {
				const n = 300
				for kind, b := range map[string][]byte{"WAV": wavOf(bits, channels, rate, n, false), "AIFF": aiffOf(bits, channels, rate, n)} {
					want := (n*SampleRate + rate - 1) / rate
					if got := len(decodeAll(t, b)) / sampleSize; got != want {
						t.Errorf("%s of %d bits, %d channels, %d Hz: %d samples, want %d", kind, bits, channels, rate, got, want)
					}
				}
			}
		}
	}
}

// Without libmpg123, as in a build without cgo, what go-mp3 gets wrong is refused in words
// that say why; the rest plays.
func TestWithoutLibmpg123TheRefusalIsClear(t *testing.T) {
	why := fmt.Errorf("libmpg123 is not there: the program was built without cgo")
	for want, b := range map[string][]byte{
		"MPEG-2 layer III":                       load(t, "mpeg2"),
		"MPEG-2.5 layer III":                     load(t, "mpeg25"),
		"MPEG-1 layer II":                        load(t, "layer2"),
		"MPEG-1 layer I":                         layerIStream(20),
		"MPEG-1 layer III of free format":        load(t, "free"),
		"MPEG-1 layer III with intensity stereo": intensityStream(t, true),
	} {
		_, err := newLayer3(bytes.NewReader(b), header(t, b), why)
		var u *UnsupportedError
		if !errors.As(err, &u) || !strings.HasPrefix(u.Reason, strings.SplitN(want, " with", 2)[0]) || !strings.HasSuffix(u.Reason, ", for which "+why.Error()) {
			t.Errorf("%s: %v", want, err)
		}
	}
	b := load(t, "vbr")
	if _, err := newLayer3(bytes.NewReader(b), header(t, b), why); err != nil {
		t.Error(err)
	}
}
