package protocol

import (
	"time"
)

// Bounds of what a header may say.
const (
	MaxText     = 256      // bytes of a title, an artist or an album
	MaxSetup    = 16 << 10 // bytes: Vorbis has 3 to 8 KB, and the first second must find room beside it
	MaxSeconds  = 24 << 10 // entries of a seek table: 6.8 hours, a MaxTrackSize at 350 kbit/s
	maxRate     = 768_000  // Hz: the highest sample rate sold
	maxPadding  = 1 << 16  // samples: more than any encoder adds
	maxDuration = MaxSeconds * time.Second
)

// AppendHeader appends the wire form of h; the cache keeps it on disk as well.
func AppendHeader(b []byte, h *Header) []byte {
	b = appendTrack(b, &h.Track)
	b = appendInt(b, h.Format)
	b = appendInt(b, h.SampleRate)
	b = appendInt(b, h.Channels)
	b = appendInt(b, h.Delay)
	b = appendInt(b, h.Padding)
	b = appendInt(b, h.Samples)
	b = appendLoudness(b, h.Loudness)
	b = appendSeek(b, h.Seek)
	if h.Format != FormatMP3 {
		b = appendBytes(b, h.Setup)
	}
	return b
}

// ParseHeader reads what AppendHeader wrote. The result is sound (its seek
// table never falls and stays within the track), whoever wrote the bytes.
func ParseHeader(b []byte) (Header, error) {
	d := decoder{b: b}
	h := d.header()
	return h, d.err
}

func (d *decoder) header() (h Header) {
	h.Track = d.track()
	h.Format = Format(d.varint(255))
	h.SampleRate = d.int(maxRate)
	h.Channels = d.int(8)
	h.Delay = d.int(maxPadding)
	h.Padding = d.int(maxPadding)
	h.Samples = int64(d.varint(maxRate * MaxSeconds))
	h.Loudness = d.loudness()
	h.Seek = d.seek(h.Size)
	if h.Format != FormatMP3 {
		h.Setup = d.bytes(MaxSetup)
	}
	if d.err == nil && (h.Size == 0 || h.SampleRate == 0 || h.Channels == 0) {
		d.fail(ErrMalformed)
	}
	return h
}

func appendTrack(b []byte, t *Track) []byte {
	b = append(b, t.ID[:]...)
	b = appendText(b, t.Title, MaxText)
	b = appendText(b, t.Artist, MaxText)
	b = appendText(b, t.Album, MaxText)
	b = appendInt(b, t.Disc)
	b = appendInt(b, t.Number)
	b = appendInt(b, t.Year)
	b = appendInt(b, int64(t.Duration/time.Microsecond))
	b = appendInt(b, t.Size)
	return appendInt(b, t.Bitrate)
}

func (d *decoder) track() (t Track) {
	t.ID = d.id()
	t.Title = d.text(MaxText)
	t.Artist = d.text(MaxText)
	t.Album = d.text(MaxText)
	t.Disc = d.int(9999)
	t.Number = d.int(99999)
	t.Year = d.int(9999)
	t.Duration = time.Duration(d.varint(uint64(maxDuration/time.Microsecond))) * time.Microsecond
	t.Size = int64(d.varint(MaxTrackSize))
	t.Bitrate = d.int(100_000_000)
	return t
}

// appendSeek writes a seek table as the differences between its seconds'
// lengths: about one byte a second at a constant bitrate, two at a variable one.
func appendSeek(b []byte, seek []int64) []byte {
	b = appendInt(b, len(seek))
	var offset, length int64
	for _, s := range seek {
		b = appendSigned(b, s-offset-length)
		offset, length = s, s-offset
	}
	return b
}

func (d *decoder) seek(size int64) []int64 {
	n := d.int(MaxSeconds)
	if n == 0 || n > len(d.b) { // each entry takes a byte at the least
		d.fail(ErrMalformed)
		return nil
	}
	seek := make([]int64, n)
	var offset, length int64
	for i := range seek {
		length += d.signed()
		if length < 0 || length > size-offset {
			d.fail(ErrMalformed)
			return nil
		}
		offset += length
		seek[i] = offset
	}
	if d.err != nil {
		return nil
	}
	return seek
}
