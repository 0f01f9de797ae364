package protocol

import (
	"net/netip"
	"time"
)

// Format is how a track is encoded. Numbers are on the wire: never renumber.
type Format uint8

// The formats.
const (
	FormatUnknown Format = 0
	FormatMP3     Format = 1 // MPEG-1 audio layer III, of fixed format and without intensity stereo
	FormatMPEG    Format = 2 // any other MPEG-1, 2 or 2.5 audio
	FormatFLAC    Format = 3
	FormatVorbis  Format = 4 // in Ogg
	FormatOpus    Format = 5 // in Ogg
	FormatWAV     Format = 6 // PCM in RIFF
	FormatAIFF    Format = 7 // PCM in AIFF or AIFF-C
)

// String returns the format's usual name.
func (f Format) String() string {
	names := [...]string{"unknown", "mp3", "mpeg", "flac", "vorbis", "opus", "wav", "aiff"}
	if int(f) < len(names) {
		return names[f]
	}
	return names[FormatUnknown]
}

// Track is one entry of the catalogue: what people search for and see.
type Track struct {
	ID       ID            `json:"id"`
	Title    string        `json:"title"`
	Artist   string        `json:"artist"`
	Album    string        `json:"album"`
	Disc     int           `json:"disc,omitempty"`
	Number   int           `json:"number,omitempty"` // within the disc, from 1; 0 if unknown
	Year     int           `json:"year,omitempty"`
	Duration time.Duration `json:"-"` // of the trimmed sound
	Size     int64         `json:"size"`
	Bitrate  int           `json:"bitrate"` // mean, bits a second
}

// Header is what a player must know of a track before its first byte, so that
// any later part of it can be fetched and decoded alone.
type Header struct {
	Track
	Format     Format `json:"format"`
	SampleRate int    `json:"sample_rate"` // Hz
	Channels   int    `json:"channels"`

	// Delay and Padding are the samples (per channel) that the encoder added
	// before and behind the sound; a player drops them.
	Delay   int `json:"delay"`
	Padding int `json:"padding"`

	// Samples is the number of samples per channel that are left.
	Samples int64 `json:"samples"`

	Loudness Loudness `json:"loudness,omitzero"`

	// Seek is the seek table: Seek[s] is the byte offset of the frame that
	// holds the sample at s seconds of the trimmed sound. Seek[0] is the first
	// frame of sound, behind any tag and Xing frame. Never empty, never
	// falling, never beyond Size.
	Seek []int64 `json:"-"`

	// Setup is what a decoder must have read before it can begin at any entry of
	// Seek, at most MaxSetup bytes, as package audio writes it for each format: so
	// nothing before Seek[0] need be fetched. FormatMP3 has none. Begin looks at its
	// first two bytes.
	Setup []byte `json:"-"`
}

// Begin returns the byte that a decoder reads first to play from a place on: at the
// beginning of a second, and so early that the sound is to the bit what it would have
// been there. Package audio holds its decoders to that.
func (h *Header) Begin(from time.Duration) int64 {
	early := time.Second // of music in Opus, that much; of MPEG-2, its bit reservoir
	switch {
	case h.Format == FormatMP3: // 17 frames at 44.1 kHz, 18 at 48, 14 at 32
		early = 550 * time.Millisecond
	case h.Format == FormatOpus && len(h.Setup) > 1 && h.Setup[0] == 0 && h.Setup[1] == 1: // speech
		early = 6 * time.Second
	case h.Format == FormatFLAC && len(h.Setup) > 0 && h.Setup[0] == 0: // in Ogg: it may begin pages before it ends
	case h.Format == FormatFLAC || h.Format == FormatWAV || h.Format == FormatAIFF:
		early = 0
		if h.SampleRate != 44100 { // the resampler looks back: 6 ms at 8 kHz
			early = 10 * time.Millisecond
		}
	}
	return h.OffsetAt(from - early)
}

// Run returns the chunks that hold length of the track from a place on, with what
// a decoder needs before it: one at the least where any length is asked for, and
// MaxHead at most.
func (h *Header) Run(from, length time.Duration) (first, count int) {
	if length <= 0 {
		return 0, 0
	}
	first = int(h.Begin(from) / ChunkSize)
	count = min(Chunks(h.OffsetBefore(from+length))-first, MaxHead/ChunkSize)
	return first, max(count, 1)
}

// OffsetBefore is where what plays before t ends, to a fraction of a second.
func (h *Header) OffsetBefore(t time.Duration) int64 {
	if t >= h.Duration {
		return h.Size
	}
	at, next := h.OffsetAt(t), h.Size
	if int(t/time.Second)+1 < len(h.Seek) {
		next = h.OffsetAt(t + time.Second)
	}
	return at + int64(float64(next-at)*(t%time.Second).Seconds())
}

// OffsetAt returns the byte offset of the frame at t, to a second's grain
// downwards; times out of range give the first or last entry.
func (h *Header) OffsetAt(t time.Duration) int64 {
	if len(h.Seek) == 0 {
		return 0
	}
	return h.Seek[min(max(int(t/time.Second), 0), len(h.Seek)-1)]
}

// TimeAt returns when the byte at offset is played, interpolated within its
// second. It is the inverse of OffsetAt and gives every chunk its deadline.
func (h *Header) TimeAt(offset int64) time.Duration {
	n := len(h.Seek)
	if n == 0 || offset <= h.Seek[0] {
		return 0
	}
	lo, hi := 0, n-1 // the last entry at or below offset
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if h.Seek[mid] <= offset {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	end, length := h.Size, h.Duration-time.Duration(n-1)*time.Second
	if lo < n-1 {
		end, length = h.Seek[lo+1], time.Second
	}
	at := time.Duration(lo) * time.Second
	if span := end - h.Seek[lo]; span > 0 {
		at += time.Duration(float64(length) * float64(min(offset, end)-h.Seek[lo]) / float64(span))
	}
	return min(at, h.Duration)
}

// Coordinate is a network coordinate (Vivaldi with height; Dabek et al.,
// SIGCOMM 2004) in seconds, as hashicorp/serf/coordinate computes it. The zero
// value means unknown.
type Coordinate struct {
	Vec        [CoordinateDims]float64
	Error      float64
	Adjustment float64
	Height     float64
}

// CoordinateDims is the dimension that Serf found to fit the Internet.
const CoordinateDims = 8

// IsZero reports whether the coordinate is unknown.
func (c Coordinate) IsZero() bool { return c == Coordinate{} }

// Peer is a node that may be asked for a track: who it is and where.
type Peer struct {
	Node NodeID
	// Public is its address as the server sees it.
	Public netip.AddrPort
	// Local are its addresses on its own LAN, at most MaxLocalAddrs; given
	// only to nodes with the same public IP address.
	Local      []netip.AddrPort
	Coordinate Coordinate
}

// MaxLocalAddrs bounds Peer.Local: one each for wire, radio, IPv4 and IPv6.
const MaxLocalAddrs = 4
