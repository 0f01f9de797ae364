package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"earshot/audio/dl"
	"earshot/protocol"
)

// tiny are files of every format and encoder, of a few frames each: what fuzzing begins
// with. Those of testdata/tiny were encoded by flac, oggenc and opusenc.
func tiny(t testing.TB) (all [][]byte) {
	files, err := filepath.Glob("testdata/tiny/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata/tiny", err)
	}
	for _, name := range files {
		all = append(all, loadFile(t, filepath.Join("tiny", filepath.Base(name))))
	}
	all = append(all, joined(t, "tiny/stereo.ogg", "tiny/speech.opus", "tiny/flac.ogg")) // its rate changes
	for _, name := range []string{"joint", "mono", "crc", "mpeg2", "mpeg25", "layer2", "layer2joint", "free"} {
		b := load(t, name)
		all = append(all, b[:min(len(b), 1500)])
	}
	return append(all,
		wavOf(16, 2, 44100, 60, false), wavOf(24, 8, 8000, 20, false), wavOf(32, 1, 48000, 60, true), wavOf(8, 1, 44100, 100, false),
		aiffOf(16, 2, 44100, 60), aiffOf(8, 3, 22050, 40),
	)
}

// mutate changes a file as broken disks, networks and people do, up to eight times.
func mutate(r *rand.Rand, file []byte) []byte {
	b := bytes.Clone(file)
	for range 1 + r.IntN(8) {
		if len(b) < 8 {
			break
		}
		at := r.IntN(len(b))
		if r.IntN(3) == 0 {
			at = r.IntN(min(len(b), 128)) // headers are worth more
		}
		n := 1 + r.IntN(min(64, len(b)-at))
		switch r.IntN(9) {
		case 0, 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			b[at] = byte(r.Uint32())
		case 3:
			b[at] = [...]byte{0, 1, 0x7f, 0x80, 0xff}[r.IntN(5)]
		case 4:
			numbers := [...]uint32{0, 1, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, uint32(len(b))}
			v := numbers[r.IntN(len(numbers))]
			if at = min(at, len(b)-4); r.IntN(2) == 0 {
				binary.LittleEndian.PutUint32(b[at:], v)
			} else {
				binary.BigEndian.PutUint32(b[at:], v)
			}
		case 5:
			b = splice(b, at, at+n, nil)
		case 6:
			from := r.IntN(len(b))
			b = splice(b, at, at, bytes.Clone(b[from:min(len(b), from+n)]))
		case 7:
			copy(b[at:], b[r.IntN(len(b)):])
		case 8:
			b = b[:max(8, at)]
		}
	}
	return b
}

// mend makes the checksums right of what was changed, so that it gets past them.
func mend(b []byte) {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(oggMagic))
		if i < 0 {
			break
		}
		page := b[at+i:]
		if at += i + len(oggMagic); len(page) < oggHeaderSize || len(page) < oggHeaderSize+int(page[26]) {
			continue
		}
		size := oggHeaderSize + int(page[26])
		for _, n := range page[oggHeaderSize:size] {
			size += int(n)
		}
		if size <= len(page) {
			binary.LittleEndian.PutUint32(page[oggCRCAt:], new(oggCRC).of(page[:size]))
		}
	}
	if i := bytes.Index(b, []byte(flacMagic)); i >= 0 && !begins(b, oggMagic) {
		mendFLAC(b[i:])
	}
}

func mendFLAC(b []byte) {
	s, pos, err := flacMetadata(bytes.NewReader(b), 0, int64(len(b)))
	if err != nil {
		return
	}
	var dec flacDecoder
	for ; pos+flacHeaderMax < int64(len(b)); pos++ {
		frame := b[pos:]
		if frame[0] != 0xff || frame[1]&0xfe != 0xf8 {
			continue
		}
		for n := flacHeaderMin - 1; n < flacHeaderMax; n++ {
			was := frame[n]
			frame[n] = crc8(frame[:n])
			h, ok := parseFLACHeader(frame)
			if !ok || h.size != n+1 {
				frame[n] = was
				continue
			}
			r := flacBits{b: frame, more: func(int) []byte { return frame }}
			dec.bits = s.bits
			if n := dec.decode(&r, h); n == 0 && r.used()+2 <= len(frame) {
				binary.BigEndian.PutUint16(frame[r.used():], crc16(frame[:r.used()]))
			}
			break
		}
	}
}

// tortureRounds is how many inputs TestMutatedFilesDoNoHarm tries: a second or two, or
// as many as the environment's EARSHOT_MUTATIONS says.
func tortureRounds(t *testing.T) (n int, seed uint64) {
	n = fewer(3000)
	if s := os.Getenv("EARSHOT_MUTATIONS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	if s := os.Getenv("EARSHOT_MUTATIONS_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n, seed
}

// Whatever is done to a file, it is refused, or it sounds for as long as is said of it:
// nothing panics or hangs, by any decoder. Millions of inputs, from a seed of one's own:
//
//	EARSHOT_MUTATIONS=10000000 EARSHOT_MUTATIONS_SEED=1 go test -timeout 0 -run Mutated -v ./audio
func TestMutatedFilesDoNoHarm(t *testing.T) {
	rounds, seed := tortureRounds(t)
	files := tiny(t)
	headers := make([]protocol.Header, len(files))
	for i, b := range files {
		headers[i] = header(t, b)
	}
	var b []byte
	round := 0
	kept := func() string {
		name := filepath.Join(os.TempDir(), fmt.Sprintf("earshot-mutation-%d-%d", seed, round))
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return err.Error()
		}
		return name
	}
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("panic: %v, by %s\n%s", p, kept(), debug.Stack())
		}
	}()
	begin := time.Now()
	var probed int
	for round = range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		i := r.IntN(len(files))
		if b = mutate(r, files[i]); r.IntN(4) > 0 {
			mend(b)
		}
		before := time.Now()
		info, err := probeBytes(b)
		var u *UnsupportedError
		h := headers[i] // as a library has it of the file before it was changed
		switch {
		case err == nil:
			probed++
			h = info.Header(protocol.Track{})
			if _, err := protocol.ParseHeader(protocol.AppendHeader(nil, &h)); err != nil {
				t.Fatalf("%+v: %v, by %s", h, err, kept())
			}
		case !errors.As(err, &u):
			t.Fatalf("%v, by %s", err, kept())
		}
		h.Size = int64(len(b))
		if c, err := codecs[round%len(codecs)](bytes.NewReader(b), h); err == nil {
			if err := decodeSome(c, h, 3*time.Millisecond, 6<<10); err != nil {
				t.Fatalf("%v, by %s", err, kept())
			}
		}
		// An input takes microseconds, but the machine may have other things to do.
		if took := time.Since(before); took > 5*time.Second {
			t.Fatalf("%v, by %s", took, kept())
		}
	}
	t.Logf("%d inputs, %d of them playable, %.0f a second", rounds, probed, float64(rounds)/time.Since(begin).Seconds())
}

// codecs are the ways to decode; of what one does not decode it makes an error.
var codecs = []func(io.ReadSeeker, protocol.Header) (codec, error){
	newCodec,
	func(src io.ReadSeeker, h protocol.Header) (codec, error) { return newLayer3(src, h, dl.ErrUnavailable) },
	newCodec,
	func(src io.ReadSeeker, h protocol.Header) (codec, error) { return newOgg(src, h, newPionOpus) },
}

// decodeSome decodes the beginning of a track, and from a moment on, most bytes of PCM each,
// without converting the rate. The error is what it should not do.
func decodeSome(c codec, h protocol.Header, from time.Duration, most int64) error {
	d := unconverted(c, h)
	for _, at := range []time.Duration{0, from} {
		if err := d.Seek(at); err != nil {
			return err
		}
		if n, _ := io.CopyN(io.Discard, d, most); n > d.samples*sampleSize {
			return fmt.Errorf("%d bytes of PCM, of %d samples", n, d.samples)
		}
	}
	return nil
}

// piece is what a decoder takes at a time: a frame or a packet.
type piece struct {
	b      []byte
	decode func([]byte)
}

// piecesOf are the frames and packets of the tiny files, each with a decoder that goes on
// from input to input, as one does that meets broken ones in the middle of a track.
func piecesOf(t *testing.T) (all []piece) {
	for _, b := range tiny(t) {
		h := header(t, b)
		switch h.Format {
		case protocol.FormatMP3, protocol.FormatMPEG:
			all = append(all, framesOfMPEG(t, b, h)...)
		case protocol.FormatFLAC:
			if !inOgg(h) {
				all = append(all, framesOfFLAC(b)...)
			}
		case protocol.FormatVorbis, protocol.FormatOpus:
			_, headers, _, err := parseOggSetup(h)
			if err != nil {
				t.Fatal(err)
			}
			for _, engine := range []func(opusHead) (opusEngine, error){newOpusEngine, newPionOpus} {
				dec, err := headers[0].decoder(engine)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, packetsOf(b, h.Seek[0], dec)...)
			}
		}
	}
	return all
}

func packetsOf(b []byte, from int64, dec packetDecoder) (all []piece) {
	pages := oggPages{win: &blocks{r: bytes.NewReader(b), size: int64(len(b))}, pos: from, end: int64(len(b))}
	var packets oggPackets
	for p, err := pages.next(); err == nil; p, err = pages.next() {
		packets.of(p, func(packet []byte) bool {
			all = append(all, piece{bytes.Clone(packet), func(b []byte) { dec.decode(b) }})
			return true
		})
	}
	return all
}

func framesOfFLAC(b []byte) (all []piece) {
	s, pos, err := flacMetadata(bytes.NewReader(b), 0, int64(len(b)))
	if err != nil {
		return nil
	}
	dec := flacDecoder{bits: s.bits}
	k := flacWalker{win: &blocks{r: bytes.NewReader(b), size: int64(len(b))}, stream: s, pos: pos, end: int64(len(b))}
	if k.begin() != nil {
		return nil
	}
	for f, err := k.next(); err == nil; f, err = k.next() {
		all = append(all, piece{b[f.pos:min(len(b), int(f.pos)+2000)], func(b []byte) {
			if h, ok := parseFLACHeader(b); ok {
				dec.decode(&flacBits{b: b, more: func(int) []byte { return b }}, h)
			}
		}})
	}
	return all
}

// framesOfMPEG goes through both decoders. What reaches them has the header of the stream,
// and is as long as it says.
func framesOfMPEG(t *testing.T, b []byte, h protocol.Header) (all []piece) {
	first, free, err := mpegStream(h)
	if err != nil {
		t.Fatal(err)
	}
	f := newFramer(bytes.NewReader(b), h, first, free)
	if _, err := f.seek(0); err != nil {
		t.Fatal(err)
	}
	c, err := newMPEG(bytes.NewReader(nil), h)
	if err != nil {
		return nil // without libmpg123
	}
	var l3 layer3
	l3.reset()
	pcm := make([]byte, frameBytes)
	for range 3 {
		frame, err := f.next()
		if err != nil {
			break
		}
		frame = bytes.Clone(frame)
		size := len(frame)
		all = append(all, piece{frame, func(b []byte) {
			if len(b) < size {
				return
			}
			const kept = streamMask | sizeMask
			binary.BigEndian.PutUint32(b, uint32(readHeader(b)&^kept|readHeader(frame)&kept))
			if m, ok := c.(*mpegCodec); ok {
				m.dec.Decode(withinBands(b[:size]))
			}
			if h.Format == protocol.FormatMP3 {
				copy(b, frame[:3])
				if fh := readHeader(b); fh.plain() && fh.size() == size {
					l3.load(b[:size], false)
					l3.decode(pcm)
				}
			}
		}})
		f.advance()
	}
	return all
}

// What libraries have to say of broken files would land on the screen of the player.
func TestBrokenFilesPrintNothing(t *testing.T) {
	if underRace {
		t.Skip("its output is the detector's")
	}
	for _, test := range []string{"TestMutatedFilesDoNoHarm", "TestMutatedFramesDoNoHarm"} {
		cmd := exec.Command(os.Args[0], "-test.run", "^"+test+"$")
		cmd.Env = append(os.Environ(), "EARSHOT_MUTATIONS=1000", "EARSHOT_MUTATIONS_SEED=7")
		var printed bytes.Buffer
		cmd.Stderr = &printed
		if out, err := cmd.Output(); err != nil || printed.Len() > 0 {
			t.Errorf("%s: %v\n%s%s", test, err, out, printed.Bytes())
		}
	}
}

// The same of single frames and packets, many times as fast: EARSHOT_MUTATIONS as above.
func TestMutatedFramesDoNoHarm(t *testing.T) {
	rounds, seed := tortureRounds(t)
	pieces := piecesOf(t)
	r := rand.New(rand.NewPCG(seed, 13))
	round := 0
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("panic: %v, in round %d of seed %d\n%s", p, round, seed, debug.Stack())
		}
	}()
	begin := time.Now()
	for round = range rounds {
		p := pieces[r.IntN(len(pieces))]
		before := time.Now()
		p.decode(mutate(r, p.b))
		if took := time.Since(before); took > 5*time.Second {
			t.Fatalf("%v, in round %d of seed %d", took, round, seed)
		}
	}
	t.Logf("%d inputs, %.0f a second", rounds, float64(rounds)/time.Since(begin).Seconds())
}
