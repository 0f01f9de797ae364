package audio

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"earshot/protocol"
)

// UnsupportedError says why a file cannot be played, in words for people.
type UnsupportedError struct{ Reason string }

// Error returns the reason.
func (e *UnsupportedError) Error() string { return "cannot be played: " + e.Reason }

// Info is what Probe finds out: the part of a protocol.Header that is in the
// frames of the file rather than in its tags.
type Info struct {
	Format     protocol.Format
	Size       int64 // of the file, bytes
	SampleRate int   // Hz
	Channels   int   // of the first frame

	// Delay and Padding are the samples per channel to drop before and behind
	// the sound. The decoder's own delay of 529 samples is in them: with LAME's
	// figures they are its delay + 529 and its padding - 529.
	Delay, Padding int

	Samples  int64         // per channel, without Delay and Padding
	Duration time.Duration // of Samples
	Bitrate  int           // of the frames, mean, bit/s
	Seek     []int64       // as in protocol.Header
	Setup    []byte        // as in protocol.Header
}

// Header returns the header of the track t, whose ID and tags are t's, and whose
// size, duration and bitrate are the file's.
func (i *Info) Header(t protocol.Track) protocol.Header {
	t.Size, t.Duration, t.Bitrate = i.Size, i.Duration, i.Bitrate
	return protocol.Header{
		Track: t, Format: i.Format, SampleRate: i.SampleRate, Channels: i.Channels,
		Delay: i.Delay, Padding: i.Padding, Samples: i.Samples, Seek: i.Seek, Setup: i.Setup,
	}
}

// errTooLong refuses what a header has no seek table for.
var errTooLong = &UnsupportedError{fmt.Sprintf("longer than %v", protocol.MaxSeconds*time.Second)}

// maxBitrate is the most that a header can tell, in bit/s. Sound takes less; a file that
// is mostly something else can come to more.
const maxBitrate = 100_000_000

// meanBitrate is that of so many bytes which hold so many samples.
func meanBitrate(bytes, samples int64, rate int) int {
	return int(min(maxBitrate, (bytes*8*int64(rate)+samples/2)/samples))
}

// seconds is how many entries the seek table has.
func (i *Info) seconds() int64 { return (i.Samples + int64(i.SampleRate) - 1) / int64(i.SampleRate) }

// measure sets the duration, and refuses what is longer than a header may tell.
func (i *Info) measure() error {
	if i.seconds() > protocol.MaxSeconds {
		return errTooLong
	}
	i.Duration = samplesTime(i.Samples, i.SampleRate)
	return nil
}

// blockSize is how much Probe reads at once, in bytes: large enough that the
// system call costs little, small enough to stay in the processor's cache.
const blockSize = 128 << 10

// Probe finds out what the file r of size bytes holds, by what is in it rather than
// by a name. It walks all its frames, of which it looks at headers only, and reads no
// tag. The error is an *UnsupportedError where the file cannot be played, else r's.
func Probe(r io.ReaderAt, size int64) (Info, error) {
	switch {
	case size <= 0:
		return Info{}, &UnsupportedError{"the file is empty"}
	case size > protocol.MaxTrackSize:
		return Info{}, &UnsupportedError{fmt.Sprintf("larger than %d MiB", protocol.MaxTrackSize>>20)}
	}
	info, err := probeFormat(r, size)
	var u *UnsupportedError
	if err != nil && !errors.As(err, &u) {
		err = fmt.Errorf("reading frames: %w", err)
	}
	return info, err
}

// probeFormat tells formats apart by their first bytes, which may follow ID3 tags.
func probeFormat(r io.ReaderAt, size int64) (Info, error) {
	win := &blocks{r: r, size: size}
	start, err := soundStart(win, size)
	if err != nil {
		return Info{}, err
	}
	b, err := win.view(start, 12)
	if err != nil {
		return Info{}, err
	}
	isForm := func(form string, kinds ...string) bool {
		return start == 0 && len(b) == 12 && begins(b, form) && slices.Contains(kinds, string(b[8:]))
	}
	switch {
	case isForm("RIFF", "WAVE"), isForm("RF64", "WAVE"), isForm("BW64", "WAVE"):
		return probeWAV(r, size)
	case isForm("FORM", "AIFF", "AIFC"):
		return probeAIFF(r, size)
	}
	switch {
	case begins(b, flacMagic):
		return probeFLAC(r, start, size)
	case begins(b, oggMagic):
		return probeOgg(r, start, size)
	}
	return probeMPEG(r, win, start, size)
}

func probeMPEG(r io.ReaderAt, win *blocks, start, size int64) (Info, error) {
	end, err := audioEnd(r, size)
	if err != nil {
		return Info{}, err
	}
	s := survey{walk: walker{win: win, pos: start, end: end}}
	if err := s.run(); err != nil {
		return Info{}, err
	}
	if s.frames == 0 {
		return Info{}, s.nothing(start)
	}
	return s.info(size)
}

// soundStart returns where the ID3v2 tags at the start of the file end.
func soundStart(win window, size int64) (pos int64, err error) {
	for {
		b, err := win.view(pos, id3HeaderSize)
		if err != nil {
			return 0, err
		}
		n := id3Size(b)
		if n == 0 {
			return pos, nil
		}
		if pos += n; pos >= size {
			return 0, &UnsupportedError{"truncated: it ends within its ID3 tag"}
		}
	}
}

// survey collects what a walk over all frames tells.
type survey struct {
	walk   walker
	first  frameHeader
	tag    infoFrame
	frames int64 // of sound
	bytes  int64 // of their lengths
	delay  int
	rate   int
	seek   []int64
	due    int64 // the frame that the next entry of seek points to
	plain  bool  // all frames are
}

func (s *survey) run() error {
	for {
		f, err := s.walk.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if s.first == 0 {
			if done, err := s.begin(f); err != nil {
				return err
			} else if done {
				continue
			}
		}
		s.plain = s.plain && f.header.plain()
		for s.frames == s.due {
			if len(s.seek) == protocol.MaxSeconds {
				return errTooLong
			}
			s.seek = append(s.seek, f.pos)
			s.due = secondFrame(len(s.seek), s.rate, s.delay, int64(s.first.samples()))
		}
		s.frames++
		s.bytes += int64(f.size)
	}
}

// begin takes the first frame, and reports whether that is no sound.
func (s *survey) begin(f frame) (bool, error) {
	s.first, s.rate, s.plain = f.header, f.header.sampleRate(), true
	if f.header.layer() != layerIII {
		return false, nil
	}
	b, err := s.walk.win.view(f.pos, f.size)
	if err != nil {
		return false, err
	}
	tag, ok := parseInfo(f.header, b)
	if !ok {
		return false, nil
	}
	s.tag = tag
	if tag.known {
		s.delay = tag.delay + decoderDelay
	}
	return true, nil
}

// secondFrame returns the number of the frame that holds the sample at second s
// of the sound, where each holds so many. At second 0 it is the first of all, where
// decoding begins.
func secondFrame(s, rate, delay int, samples int64) int64 {
	if s == 0 {
		return 0
	}
	return (int64(s)*int64(rate) + int64(delay)) / samples
}

// nothing returns why there is no frame at all.
func (s *survey) nothing(start int64) error {
	if s.first != 0 {
		return &UnsupportedError{"truncated: no frame of sound is complete"}
	}
	b := make([]byte, headerSize)
	if n, _ := s.walk.win.(*blocks).r.ReadAt(b, start); n == headerSize {
		if h := readHeader(b); h.valid() && start+int64(h.size()) > s.walk.end {
			return &UnsupportedError{"truncated: no frame of sound is complete"}
		}
	}
	return &UnsupportedError{"not an MP3 file: it has no MPEG audio frames"}
}

func (s *survey) info(size int64) (Info, error) {
	i := Info{
		Format: protocol.FormatMP3, Size: size, SampleRate: s.rate, Channels: s.first.channels(),
		Delay: s.delay, Seek: s.seek,
	}
	if !s.plain {
		i.Format, i.Setup = protocol.FormatMPEG, mpegSetup(s.first, s.walk.free)
	}
	total := s.frames * int64(s.first.samples())
	// Some encoders count the Xing frame too. Where the count is another one
	// the file was cut or continued, and its end is not the encoder's.
	whole := s.tag.frames == 0 || s.tag.frames == s.frames || s.tag.frames == s.frames+1
	if s.tag.known && whole {
		i.Padding = max(0, s.tag.padding-decoderDelay)
	}
	i.Samples = total - int64(i.Delay) - int64(i.Padding)
	if i.Samples <= 0 {
		return Info{}, &UnsupportedError{"truncated: it has no sound but the encoder's padding"}
	}
	i.Bitrate = meanBitrate(s.bytes, total, s.rate)
	i.Seek = i.Seek[:min(int64(len(i.Seek)), i.seconds())]
	return i, i.measure()
}

// samplesTime is how long n samples at rate Hz sound.
func samplesTime(n int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(n/r)*time.Second + time.Duration(n%r)*time.Second/time.Duration(r)
}

// blocks is the window on a file.
type blocks struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	pos  int64 // of buf
	n    int   // bytes of buf that are read
}

func (w *blocks) view(pos int64, n int) ([]byte, error) {
	if off := pos - w.pos; off >= 0 && off+int64(n) <= int64(w.n) {
		return w.buf[off : off+int64(n)], nil
	}
	n = int(min(int64(n), max(0, w.size-pos)))
	if n == 0 {
		return nil, nil
	}
	if w.buf == nil {
		w.buf = make([]byte, min(blockSize, w.size))
	}
	if off := pos - w.pos; off < 0 || off+int64(n) > int64(w.n) {
		w.pos, w.n = pos, int(min(int64(len(w.buf)), w.size-pos))
		if err := readAt(w.r, w.buf[:w.n], pos); err != nil {
			w.n = 0
			return nil, err
		}
	}
	off := pos - w.pos
	return w.buf[off : off+int64(n)], nil
}
