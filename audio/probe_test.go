package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

func TestProbeTellsWhatAPlayerNeeds(t *testing.T) {
	for _, c := range []struct {
		name           string
		rate, channels int
		delay, padding int
		samples        int64 // what LAME was given
		bitrate        int
	}{
		{"joint", 44100, 2, 1105, 712, 66151, 112},
		{"vbr", 44100, 2, 1105, 712, 66151, 124},
		{"crc", 44100, 2, 1105, 712, 66151, 64},
		{"mono", 44100, 1, 0, 0, 150 * 1152, 32},
		{"48khz", 48000, 2, 1105, 610, 72013, 80},
		{"32khz", 32000, 2, 1105, 414, 48017, 64},
		{"click", 44100, 2, 1105, 1016, 14007, 160},
	} {
		b := load(t, c.name)
		i, err := probeBytes(b)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if i.SampleRate != c.rate || i.Channels != c.channels || i.Delay != c.delay || i.Padding != c.padding || i.Samples != c.samples {
			t.Errorf("%s: %+v", c.name, i)
		}
		if (i.Bitrate+500)/1000 != c.bitrate {
			t.Errorf("%s: %d bit/s", c.name, i.Bitrate)
		}
		h := i.Header(protocol.Track{Title: "t"})
		if h.Title != "t" || h.Size != int64(len(b)) || h.Format != protocol.FormatMP3 {
			t.Errorf("%s: %+v", c.name, h)
		}
		if want := time.Duration(float64(c.samples) / float64(c.rate) * 1e9); (h.Duration - want).Abs() > time.Microsecond {
			t.Errorf("%s: takes %v, want %v", c.name, h.Duration, want)
		}
		// The wire takes no other.
		if _, err := protocol.ParseHeader(protocol.AppendHeader(nil, &h)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSeekTableHoldsTheFrameOfEachSecond(t *testing.T) {
	for _, name := range files {
		b := load(t, name)
		h := header(t, b)
		at := offsets(b)
		if h.Delay > 0 {
			at = at[1:] // the Info frame
		}
		if want := int((h.Samples + int64(h.SampleRate) - 1) / int64(h.SampleRate)); len(h.Seek) != want {
			t.Errorf("%s: %d seconds, want %d", name, len(h.Seek), want)
		}
		if h.Seek[0] != int64(at[0]) {
			t.Errorf("%s: sound begins at %d, want %d", name, h.Seek[0], at[0])
		}
		for s, pos := range h.Seek[1:] {
			if want := at[((s+1)*h.SampleRate+h.Delay)/frameSamples]; pos != int64(want) {
				t.Errorf("%s: second %d at %d, want %d", name, s+1, pos, want)
			}
		}
	}
}

// id3 is an ID3v2 tag of n bytes.
func id3(n int) []byte {
	b := make([]byte, n)
	n -= id3HeaderSize
	copy(b, []byte{'I', 'D', '3', 4, 0, 0, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)})
	return b
}

func apeTag(n int) []byte {
	b := make([]byte, n+apeFooterSize)
	f := b[n:]
	copy(f, apeMagic)
	binary.LittleEndian.PutUint32(f[12:], uint32(len(b)))
	return b
}

func TestProbeStepsOverTagsAndJunk(t *testing.T) {
	b := load(t, "mono")
	at := offsets(b)
	want := header(t, b)
	junk := make([]byte, 3000)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range junk {
		junk[i] = byte(rnd.Uint32())
	}
	ones := bytes.Repeat([]byte{0xff}, 5000)
	frames := func(n int) []byte { return bytes.Repeat(b[at[0]:at[1]], n) } // what a tag may hold
	for name, c := range map[string][]byte{
		"ID3v2":              append(id3(500), b...),
		"two of ID3v2":       append(append(id3(77), id3(4000)...), b...),
		"padding behind it":  append(append(id3(77), make([]byte, 70_000)...), b...),
		"junk before":        append(junk[:2999:2999], b...),
		"ones before":        append(ones[:4999:4999], b...),
		"ID3v1":              splice(b, len(b), len(b), append([]byte("TAG"), ones[:125]...)),
		"APE":                splice(b, len(b), len(b), apeTag(9000)),
		"APE with frames":    splice(b, len(b), len(b), append(frames(9), apeTag(0)...))[:len(b)],
		"APE and ID3v1":      splice(b, len(b), len(b), append(apeTag(300), append([]byte("TAG"), junk[:125]...)...)),
		"Lyrics3":            splice(b, len(b), len(b), append(append([]byte("LYRICSBEGIN"), junk[:100]...), "000111LYRICS200"...)),
		"junk between":       splice(b, at[70], at[70], junk),
		"ones between":       splice(b, at[70], at[70], ones),
		"ID3v2 between":      splice(b, at[70], at[70], id3(100_000)),
		"a cut frame at end": splice(b, len(b), len(b), b[at[0]:at[1]-1]),
		"three odd bytes":    splice(b, len(b), len(b), []byte{0xff, 0xfb, 0x10}),
	} {
		i, err := probeBytes(c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if i.Samples != want.Samples || len(i.Seek) != len(want.Seek) {
			t.Errorf("%s: %d samples, %d seconds, want %d, %d", name, i.Samples, len(i.Seek), want.Samples, len(want.Seek))
		}
	}
}

func TestFramesWithinATagAreNoSound(t *testing.T) {
	b := load(t, "mono")
	tag := apeTag(2000)
	copy(tag, b[:1500])
	if i := header(t, append(b, tag...)); i.Samples != header(t, b).Samples {
		t.Errorf("%d samples, want %d", i.Samples, header(t, b).Samples)
	}
}

// A file that was cut ends where it was cut: the encoder's padding is not there.
func TestACutFilePlaysToItsLastFrame(t *testing.T) {
	b := load(t, "joint")
	at := offsets(b)
	h := header(t, b[:at[31]+100])
	if h.Padding != 0 || h.Samples != 30*frameSamples-int64(h.Delay) {
		t.Errorf("padding %d, %d samples", h.Padding, h.Samples)
	}
}

// sparse is a file of which a part is zeros. It counts what is read.
type sparse struct {
	head, tail []byte
	hole       int64
	read       int64
}

func (s *sparse) size() int64 { return int64(len(s.head)) + s.hole + int64(len(s.tail)) }

func (s *sparse) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < s.size() {
		switch k := off - int64(len(s.head)); {
		case k < 0:
			p[n] = s.head[off]
		case k < s.hole:
			p[n] = 0
		default:
			p[n] = s.tail[k-s.hole]
		}
		n++
		off++
	}
	s.read += int64(n)
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

func TestACoverIsNotRead(t *testing.T) {
	const size = 20 << 20
	f := &sparse{head: id3(size)[:100], hole: size - 100, tail: load(t, "joint")}
	i, err := Probe(f, f.size())
	if err != nil || i.Samples != 66151 {
		t.Fatal(i, err)
	}
	if most := int64(len(f.tail) + blockSize + 1000); f.read > most {
		t.Errorf("it read %d bytes, want at most %d", f.read, most)
	}
}

// framesOf makes n frames of silence with the header h.
func framesOf(h frameHeader, size, n int) []byte {
	frame := make([]byte, size)
	binary.BigEndian.PutUint32(frame, uint32(h))
	return bytes.Repeat(frame, n)
}

func TestProbeRefuses(t *testing.T) {
	joint, mono := load(t, "joint"), load(t, "mono")
	at := offsets(joint)
	info := joint[:at[1]]
	noise := make([]byte, 100_000)
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":             {nil, "empty"},
		"noise":               {noise, "not an MP3"},
		"text":                {[]byte(strings.Repeat("ID3 is a tag. ", 5000)), "not an MP3"},
		"one byte":            {[]byte{0xff}, "not an MP3"},
		"another rate behind": {append(joint[:at[30]:at[30]], load(t, "48khz")...), "changes from 44100 to 48000"},
		"cut within its tag":  {id3(5000)[:3000], "within its ID3 tag"},
		"nothing but a tag":   {id3(5000), "within its ID3 tag"},
		"half a frame":        {mono[:60], "truncated"},
		"an Info frame alone": {info, "truncated"},
		"padding alone":       {joint[:at[2]-5], "truncated"},
	} {
		_, err := probeBytes(c.file)
		var u *UnsupportedError
		if !errors.As(err, &u) || !strings.Contains(u.Reason, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	_, err := Probe(bytes.NewReader(nil), protocol.MaxTrackSize+1)
	if err == nil || !strings.Contains(err.Error(), "1024 MiB") {
		t.Error(err)
	}
}

func TestOtherMPEGAudioIsToldApart(t *testing.T) {
	joint := load(t, "joint")
	at := offsets(joint)
	intensity := splice(joint, at[20]+3, at[20]+4, []byte{joint[at[20]+3]&0x0f | 0x50})
	std := func(version, layer, bitrate int) frameHeader {
		return frameHeader(0x7ff<<21|version<<19|layer<<17|1<<16|bitrate<<12) | 0<<10
	}
	frames := func(version, layer int) []byte {
		h := std(version, layer, 5)
		return framesOf(h, h.size(), 9)
	}
	for name, c := range map[string]struct {
		file    []byte
		rate    int
		samples int64
		free    int
	}{
		"MPEG-2":           {load(t, "mpeg2"), 22050, 9216, 0},
		"MPEG-2.5":         {frames(0, 1), 11025, 9 * 576, 0},
		"layer I":          {frames(3, 3), 44100, 9 * 384, 0},
		"layer II":         {frames(3, 2), 44100, 9 * 1152, 0},
		"free format":      {framesOf(std(3, 1, 0), 600, 9), 44100, 9 * 1152, 600},
		"intensity stereo": {intensity, 44100, 66151, 0},
	} {
		i, err := probeBytes(c.file)
		if err != nil || i.Format != protocol.FormatMPEG || i.SampleRate != c.rate || i.Samples != c.samples {
			t.Errorf("%s: %+v, %v", name, i, err)
			continue
		}
		if _, free, err := mpegStream(i.Header(protocol.Track{})); free != c.free || err != nil {
			t.Errorf("%s: frames of %d bytes, %v", name, free, err)
		}
	}
}

func TestATrackLongerThanTheWireAllowsIsRefused(t *testing.T) {
	b := load(t, "mono")
	at := offsets(b)
	frame := b[at[3]:at[4]]
	long := bytes.Repeat(frame, (protocol.MaxSeconds+2)*44100/frameSamples)
	var u *UnsupportedError
	if _, err := probeBytes(long); !errors.As(err, &u) || !strings.Contains(u.Reason, "longer than") {
		t.Error(err)
	}
}

func TestProbePassesOnAReadError(t *testing.T) {
	broken := errors.New("broken disk")
	_, err := Probe(readerAt(func([]byte, int64) (int, error) { return 0, broken }), 1000)
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	// A file that was cut while it is read.
	b := load(t, "joint")
	if _, err := Probe(bytes.NewReader(b[:5000]), int64(len(b))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

type readerAt func([]byte, int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func FuzzProbe(f *testing.F) {
	for _, name := range append(files, "mpeg2") {
		b := load(f, name)
		f.Add(b[:min(len(b), 4000)])
	}
	f.Add(id3(300))
	f.Add(apeTag(30))
	f.Add(bytes.Repeat([]byte{0xff, 0xfb, 0x00, 0x00}, 500))
	f.Fuzz(func(t *testing.T, b []byte) {
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
	})
}

func BenchmarkProbe(b *testing.B) {
	mp3, ogg := load(b, "vbr"), loadFile(b, "tune.ogg")
	at := offsets(mp3)
	sound := int(header(b, ogg).Seek[0])
	for name, long := range map[string][]byte{ // 10 MB each
		"MP3": bytes.Repeat(mp3[at[1]:at[len(at)-1]], 400),
		"Ogg": splice(ogg, sound, sound, bytes.Repeat(ogg[sound:], 400)),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(long)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := probeBytes(long); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
