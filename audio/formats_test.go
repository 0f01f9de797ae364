package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"earshot/protocol"
)

// A picture in front of the sound, or none: the same bytes are read to the first sound.
func TestACoverDoesNotDelayTheSound(t *testing.T) {
	const size = 2 << 20
	flac := loadFile(t, "tune.flac")
	const info = 4 + 4 + 34 // up to the second metadata block
	block := append([]byte{6, size >> 16, size >> 8 & 0xff, size & 0xff}, make([]byte, size)...)
	wav := wavOf(16, 2, 44100, 10_000, false)
	list := append(binary.LittleEndian.AppendUint32([]byte("LIST"), size), make([]byte, size)...)
	mp3 := loadFile(t, "vbr.mp3")
	for name, c := range map[string]struct{ plain, covered []byte }{
		"MP3":  {mp3, append(id3(size), mp3...)},
		"FLAC": {flac, splice(flac, info, info, block)},
		"WAV":  {wav, splice(wav, 36, 36, list)},
		"Ogg":  {loadFile(t, "tune.ogg"), withComment(t, loadFile(t, "tune.ogg"), size)},
		"Opus": {loadFile(t, "tune.opus"), withComment(t, loadFile(t, "tune.opus"), size)},
	} {
		var read [2]int64
		for k, b := range [][]byte{c.plain, c.covered} {
			h := header(t, b)
			src := watch(b)
			d, err := NewDecoder(src, h)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := d.Read(make([]byte, 100)); n == 0 || err != nil {
				t.Fatal(name, err)
			}
			if src.lowest != h.Seek[0] || src.seeks != 1 {
				t.Errorf("%s: it read from %d, want from %d; %d seeks", name, src.lowest, h.Seek[0], src.seeks)
			}
			read[k] = src.pos - src.lowest
		}
		if read[0] != read[1] {
			t.Errorf("%s: the first sound needs %d bytes, with a cover %d", name, read[0], read[1])
		}
		if !bytes.Equal(decodeAll(t, c.plain), decodeAll(t, c.covered)) {
			t.Errorf("%s: it sounds another way with a cover", name)
		}
	}
}

// withComment makes the comment header of an Ogg file longer by so many bytes. The pages
// behind keep their numbers, which nobody looks at.
func withComment(t testing.TB, file []byte, more int) []byte {
	t.Helper()
	pages := oggPages{win: &blocks{r: bytes.NewReader(file), size: int64(len(file))}, end: int64(len(file))}
	first, err := pages.next()
	if err != nil {
		t.Fatal(err)
	}
	head, serial := file[:first.size:first.size], first.serial
	var packets oggPackets
	var headers [][]byte
	for len(headers) == 0 || oggFormat(file[oggHeaderSize+1:]) == protocol.FormatVorbis && len(headers) < 2 {
		p, err := pages.next()
		if err != nil {
			t.Fatal(err)
		}
		packets.of(p, func(packet []byte) bool {
			headers = append(headers, bytes.Clone(packet))
			return true
		})
	}
	headers[0] = append(headers[0], make([]byte, more)...)
	b := append(make([]byte, 0, len(file)+more+more/200), head...)
	for _, packet := range headers {
		b = appendOggPacket(b, serial, packet)
	}
	return append(b, file[pages.pos:]...)
}

// appendOggPacket puts a packet on pages of its own.
func appendOggPacket(b []byte, serial uint32, packet []byte) []byte {
	const most = 255 * 255
	for flags := byte(0); ; flags = oggContinued {
		body := packet[:min(len(packet), most)]
		last := len(body) < most
		start := len(b)
		b = append(append(b, oggMagic...), 0, flags)
		b = binary.LittleEndian.AppendUint64(b, 0)
		b = binary.LittleEndian.AppendUint32(b, serial)
		b = append(b, make([]byte, 8)...)
		b = append(b, byte(len(body)/255))
		for range len(body) / 255 {
			b = append(b, 255)
		}
		if last {
			b[len(b)-1-len(body)/255]++
			b = append(b, byte(len(body)%255))
		}
		b = append(b, body...)
		binary.LittleEndian.PutUint32(b[start+oggCRCAt:], new(oggCRC).of(b[start:]))
		if packet = packet[len(body):]; last {
			return b
		}
	}
}

// What the frames say counts.
func TestALyingStreamInfoIsNotBelieved(t *testing.T) {
	good := loadFile(t, "tune.flac")
	want := decodeAll(t, good)
	const at = 4 + 4
	for name, lie := range map[string]func(b []byte){
		"block sizes": func(b []byte) { copy(b[at:], []byte{0, 16, 0, 16}) },
		"frame sizes": func(b []byte) { copy(b[at+4:], []byte{0, 0, 1, 0, 0, 1}) },
		"rate":        func(b []byte) { b[at+10] ^= 0x55 },
		"channels":    func(b []byte) { b[at+12] ^= 0x0e },
		"bits":        func(b []byte) { b[at+13] ^= 0xf0 },
		"samples":     func(b []byte) { copy(b[at+14:], []byte{0xff, 0xff, 0xff, 0xff}) },
		"MD5":         func(b []byte) { b[at+20]++ },
	} {
		b := bytes.Clone(good)
		lie(b)
		if i, err := probeBytes(b); err != nil || i.Samples != 57330 || i.SampleRate != 44100 || i.Channels != 2 {
			t.Errorf("%s: %+v, %v", name, i, err)
		} else if !bytes.Equal(decodeAll(t, b), want) {
			t.Errorf("%s: another sound", name)
		}
	}
}

// The pages before tell, where one says that it ends in a million years.
func TestAGranulePositionBeyondAllIsNotBelieved(t *testing.T) {
	good := loadFile(t, "chain.ogg")
	want := decodeAll(t, good)
	h := header(t, good)
	pages := oggPages{win: &blocks{r: bytes.NewReader(good), size: h.Size}, pos: h.Seek[0], end: h.Size}
	for p, err := pages.next(); err == nil; p, err = pages.next() {
		b := bytes.Clone(good)
		page := b[p.pos:][:p.size]
		binary.LittleEndian.PutUint64(page[6:], 1<<62+2880)
		binary.LittleEndian.PutUint32(page[oggCRCAt:], new(oggCRC).of(page))
		d, err := NewDecoder(bytes.NewReader(b), h)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(d); err != nil || len(got) != len(want) {
			t.Errorf("the page at %d: %d bytes, want %d: %v", p.pos, len(got), len(want), err)
		}
		var u *UnsupportedError
		if _, err := probeBytes(b); err != nil && !errors.As(err, &u) {
			t.Errorf("the page at %d: %v", p.pos, err)
		}
	}
}

// A FLAC cut out of another begins at the number that its first frame has.
func TestAFLACCutOutOfAnotherPlays(t *testing.T) {
	b := loadFile(t, "tune.flac")
	k := flacWalker{win: &blocks{r: bytes.NewReader(b), size: int64(len(b))}, end: int64(len(b))}
	s, pos, err := flacMetadata(bytes.NewReader(b), 0, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	k.stream, k.pos = s, pos
	if err := k.begin(); err != nil {
		t.Fatal(err)
	}
	first := k.pos
	var third flacFrame
	for range 3 {
		if third, err = k.next(); err != nil {
			t.Fatal(err)
		}
	}
	cut := splice(b, int(first), int(third.pos), nil)
	if got, want := decodeAll(t, cut), decodeAll(t, b)[third.sample*sampleSize:]; !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

func TestFilesThatAreNoneAreRefused(t *testing.T) {
	tune, opus := loadFile(t, "tune.flac"), loadFile(t, "tune.opus")
	for name, b := range map[string][]byte{
		"FLAC without frames": tune[:60], "a marker": []byte("fLaC"), "an Ogg page": opus[:47], "headers alone": opus[:600],
		"RIFF": []byte("RIFF....WAVE"), "RIFF of nothing": []byte("RIFF....WAVEfmt \x10\x00\x00\x00"), "AIFF": []byte("FORM....AIFF"),
		"WAV of 9 channels": wavOf(16, 9, 44100, 10, false), "WAV of 4 kHz": wavOf(16, 2, 4000, 10, false),
		"WAV of 384 kHz": wavOf(16, 2, 384_000, 10, false), "WAV of no samples": wavOf(16, 2, 44100, 0, false),
	} {
		var u *UnsupportedError
		if _, err := probeBytes(b); !errors.As(err, &u) || u.Reason == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is probed can be decoded, broken or not, for as long as its header says.
func FuzzFormats(f *testing.F) {
	for _, b := range tiny(f) {
		f.Add(b, uint32(0), uint16(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, broken uint32, seekMS uint16) {
		i, err := probeBytes(b)
		if err != nil {
			var u *UnsupportedError
			if !errors.As(err, &u) {
				t.Fatal(err)
			}
			return
		}
		h := i.Header(protocol.Track{})
		if _, err := protocol.ParseHeader(protocol.AppendHeader(nil, &h)); err != nil {
			t.Fatalf("%+v: %v", h, err)
		}
		if len(b) > 0 && broken > 0 {
			b = bytes.Clone(b)
			b[int(broken)%len(b)] ^= byte(broken>>24) | 1
		}
		decodeFuzzed(t, b, h, time.Duration(seekMS)*time.Millisecond)
	})
}

// A hostile header: nothing but an error, or sound.
func FuzzSetup(f *testing.F) {
	for _, b := range tiny(f) {
		h := header(f, b)
		f.Add(b, h.Setup, uint8(h.Format), h.SampleRate, uint8(h.Channels), uint16(h.Delay), uint32(h.Seek[0]))
	}
	f.Fuzz(func(t *testing.T, b, setup []byte, format uint8, rate int, channels uint8, delay uint16, start uint32) {
		h := protocol.Header{
			Track:  protocol.Track{Size: int64(len(b))},
			Format: protocol.Format(format), SampleRate: rate, Channels: int(channels), Delay: int(delay),
			Samples: 50_000, Seek: []int64{int64(start), int64(start)}, Setup: setup,
		}
		if h.Seek[0] > h.Size {
			return
		}
		decodeFuzzed(t, b, h, 20*time.Millisecond)
	})
}

func decodeFuzzed(t *testing.T, b []byte, h protocol.Header, from time.Duration) {
	if _, err := NewDecoder(bytes.NewReader(b), h); err != nil {
		return
	}
	c, err := newCodec(bytes.NewReader(b), h)
	if err != nil {
		t.Fatal(err)
	}
	if err := decodeSome(c, h, from, 16<<10); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkFormats costs a second of sound of each format.
func BenchmarkFormats(b *testing.B) {
	for _, s := range conforming(b) {
		b.Run(fmt.Sprint(s.name), func(b *testing.B) {
			h := header(b, s.file)
			b.ReportAllocs()
			for b.Loop() {
				d, err := s.open(bytes.NewReader(s.file), h)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, d); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(h.Duration.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
		})
	}
}
