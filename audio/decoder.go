package audio

import (
	"errors"
	"fmt"
	"io"
	"time"

	"earshot/protocol"
)

// The PCM that decoders give and outputs take.
const (
	SampleRate = 44100 // Hz
	sampleSize = 4     // bytes: two channels of 16 bits
)

// PreRoll is how far before t Seek(t) may begin to read, at the most; for each format
// the byte that it seeks to is not below protocol.Header.Begin(t). The speech modes of Opus
// need that much: see speechPreRoll.
const PreRoll = speechPreRoll

// Decoder gives a track's sound as PCM. It reads its source in order, a frame or
// two further than what it gives, and seeks in it only where it begins or is told
// to go elsewhere.
type Decoder interface {
	// Read gives whole samples, as soon as there are any. It returns io.EOF at the
	// end of the sound. After an error of the source it can be called again, and
	// goes on.
	Read(pcm []byte) (int, error)
	// Seek goes to the moment t of the sound, to the nearest sample: what Read
	// gives next is to the bit what it would have given there. Beyond the end Read
	// gives io.EOF.
	Seek(t time.Duration) error
}

// codec decodes one format, at the track's own rate. Its samples are numbered from
// the first that is heard. After an error of the source either method can be called
// again, and goes on.
type codec interface {
	// seek makes decode begin at sample n or before it: early enough for n to be
	// to the bit what it is when all is decoded from the start.
	seek(n int64) error
	// decode returns the next PCM and the number of its first sample, which is
	// below 0 in an encoder's delay. Numbers rise; what was broken is left out. The
	// PCM holds until the next call. The error is io.EOF behind the last frame, and
	// wraps io.ErrUnexpectedEOF where the source lacks what belongs to the file.
	decode() (at int64, pcm []byte, err error)
}

// maxRate and minRate bound the sample rates that are played, in Hz.
const (
	minRate = 8000
	maxRate = 192_000
)

// NewDecoder returns a decoder of the track with the header h, at its start. src
// is not touched before the first Read or Seek, and holds the whole file
// from its first byte; its reads may block. h may be hostile. The error is an
// *UnsupportedError where this program cannot play such a track.
func NewDecoder(src io.ReadSeeker, h protocol.Header) (Decoder, error) {
	if h.SampleRate < minRate || h.SampleRate > maxRate {
		return nil, &UnsupportedError{fmt.Sprintf("a sample rate of %d Hz", h.SampleRate)}
	}
	if len(h.Seek) == 0 || h.Samples <= 0 || h.Delay < 0 {
		return nil, errors.New("decoding: the track's header is incomplete")
	}
	c, err := newCodec(src, h)
	if err != nil {
		return nil, err
	}
	return newTrack(c, h), nil
}

func newTrack(c codec, h protocol.Header) *track {
	spans := []span{{rate: h.SampleRate, samples: h.Samples}}
	if chain, ok := c.(*oggCodec); ok && chain.mixed() {
		spans = chain.spans()
	}
	last := spans[len(spans)-1]
	d := &track{codec: c, spans: spans, samples: last.start + last.samples}
	d.enter(0)
	return d
}

func newCodec(src io.ReadSeeker, h protocol.Header) (codec, error) {
	switch h.Format {
	case protocol.FormatMP3, protocol.FormatMPEG:
		return newMPEG(src, h)
	case protocol.FormatFLAC:
		if inOgg(h) {
			return newOgg(src, h, newOpusEngine)
		}
		return newFLAC(src, h)
	case protocol.FormatVorbis, protocol.FormatOpus:
		return newOgg(src, h, newOpusEngine)
	case protocol.FormatWAV, protocol.FormatAIFF:
		return newPCM(src, h)
	}
	return nil, &UnsupportedError{fmt.Sprintf("format %d is not known here", h.Format)}
}

// track is the Decoder of any format: it trims what a codec gives, puts silence
// where something is missing, and converts the rate.
type track struct {
	codec   codec
	spans   []span // one, or the links of a chain whose rate changes
	span    int    // that is played
	samples int64  // in all, each at its own rate
	next    int64  // the sample that comes next
	placed  bool   // the codec has been told of it

	at  int64 // of the first sample of pcm
	pcm []byte

	resample  *resampler // of converted, kept for the next span of that rate
	converted int        // Hz
}

// span is sound of one rate. Spans are converted each by itself, as a track of its own
// would be.
type span struct {
	rate    int
	start   int64 // the number of its first sample
	samples int64
	place   int64 // of the first sample that it gives, at SampleRate
}

// resampled is how many samples at rate to come of so many at rate from.
func resampled(samples int64, from, to int) int64 {
	return (samples*int64(to) + int64(from) - 1) / int64(from)
}

// enter goes to the beginning of a span.
func (d *track) enter(i int) {
	d.span = i
	rate := d.spans[i].rate
	if rate == SampleRate {
		return
	}
	if d.converted != rate {
		d.resample, d.converted = newResampler(rate), rate
	}
	d.resample.seek(0)
}

// Seek goes to a moment of the sound.
func (d *track) Seek(t time.Duration) error {
	second, rest := max(t, 0)/time.Second, max(t, 0)%time.Second
	n := int64(second)*SampleRate + int64((rest*SampleRate+time.Second/2)/time.Second)
	i := len(d.spans) - 1
	for d.spans[i].place > n {
		i--
	}
	d.enter(i)
	p := &d.spans[i]
	if n -= p.place; p.rate != SampleRate {
		n = d.resample.seek(n)
	}
	if err := d.seek(p.start + min(n, p.samples)); err != nil {
		return fmt.Errorf("seeking to %v: %w", t, err)
	}
	return nil
}

func (d *track) seek(n int64) (err error) {
	d.next, d.at, d.pcm = n, n, nil
	if n < d.samples {
		err = d.codec.seek(n)
	}
	d.placed = err == nil
	return err
}

// Read gives PCM.
func (d *track) Read(p []byte) (n int, err error) {
	p = p[:len(p)/sampleSize*sampleSize]
	if len(p) == 0 {
		return 0, io.ErrShortBuffer
	}
	for {
		if d.spans[d.span].rate != SampleRate {
			n, err = d.readResampled(p)
		} else {
			var pcm []byte
			pcm, err = d.pull(len(p))
			n = copy(p, pcm)
		}
		if err != io.EOF || d.span == len(d.spans)-1 {
			return n, err
		}
		d.enter(d.span + 1)
	}
}

func (d *track) readResampled(p []byte) (int, error) {
	for {
		if n := d.resample.pull(p); n > 0 {
			return n, nil
		}
		pcm, err := d.pull(len(silence))
		switch {
		case err == io.EOF:
			if !d.resample.finish(d.spans[d.span].samples) {
				return 0, io.EOF
			}
		case err != nil:
			return 0, err
		}
		d.resample.push(pcm)
	}
}

// silence is what is heard where PCM is missing.
var silence [16 << 10]byte

// pull returns PCM of the span's next samples, at most so many bytes; at least one sample.
func (d *track) pull(most int) ([]byte, error) {
	if !d.placed {
		if err := d.seek(d.next); err != nil {
			return nil, fmt.Errorf("starting to decode: %w", err)
		}
	}
	end := d.spans[d.span].start + d.spans[d.span].samples
	if d.next >= end {
		return nil, io.EOF
	}
	if err := d.fill(); err != nil {
		return nil, err
	}
	pcm := d.pcm
	if gap := d.at - d.next; gap > 0 {
		pcm = silence[:min(gap*sampleSize, int64(len(silence)))]
	}
	pcm = pcm[:min(int64(len(pcm)), int64(most), (end-d.next)*sampleSize)]
	d.next += int64(len(pcm) / sampleSize)
	return pcm, nil
}

// fill decodes until there is PCM of the next sample or of one behind it.
func (d *track) fill() error {
	for {
		if d.at < d.next {
			n := min((d.next-d.at)*sampleSize, int64(len(d.pcm)))
			d.pcm, d.at = d.pcm[n:], d.at+n/sampleSize
		}
		if len(d.pcm) > 0 || d.at > d.next {
			return nil
		}
		at, pcm, err := d.codec.decode()
		switch {
		case err == io.EOF:
			at, pcm = d.samples, nil // what could not be decoded is silence
		case err != nil:
			return err
		}
		// A stream may number its samples as it likes: what is far off is before or behind all.
		d.at, d.pcm = min(max(at, d.next-int64(len(pcm)/sampleSize)), d.samples), pcm
	}
}
