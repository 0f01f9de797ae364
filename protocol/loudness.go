package protocol

// Loudness is how much louder or softer a track, and its album as a whole, is to be
// played for all music to be equally loud, and how high they peak. The zero value
// means unknown.
type Loudness struct {
	// TrackGain and AlbumGain bring them to -18 LUFS (ReplayGain 2.0), in
	// thousandths of a dB, at most 100 dB either way.
	TrackGain int `json:"track_gain"`
	AlbumGain int `json:"album_gain"`
	// TrackPeak and AlbumPeak are their highest true peaks, where FullScale is the
	// highest that a sample can be; 0 where they are unknown.
	TrackPeak int `json:"track_peak,omitempty"`
	AlbumPeak int `json:"album_peak,omitempty"`
}

// FullScale is 0 dBFS, as a peak.
const FullScale = 32768

const (
	maxGain = 100_000
	maxPeak = 100 * FullScale // +40 dB: nothing that was once sampled rings so high

	// loudnessFollows stands in the place of a gain where a whole Loudness follows.
	loudnessFollows = maxGain + 1
)

// Known reports whether there is anything to go by.
func (l Loudness) Known() bool { return l != Loudness{} }

// appendLoudness writes a Loudness: as the one gain that there was in this place
// before, where that says it all.
func appendLoudness(b []byte, l Loudness) []byte {
	if l == (Loudness{TrackGain: l.TrackGain, AlbumGain: l.TrackGain}) {
		return appendSigned(b, int64(l.TrackGain))
	}
	b = appendSigned(b, loudnessFollows)
	b = appendSigned(b, int64(l.TrackGain))
	b = appendInt(b, l.TrackPeak)
	b = appendSigned(b, int64(l.AlbumGain))
	return appendInt(b, l.AlbumPeak)
}

func (d *decoder) loudness() (l Loudness) {
	gain := d.signed()
	if gain != loudnessFollows {
		return Loudness{TrackGain: d.gain(gain), AlbumGain: d.gain(gain)}
	}
	l.TrackGain = d.gain(d.signed())
	l.TrackPeak = d.int(maxPeak)
	l.AlbumGain = d.gain(d.signed())
	l.AlbumPeak = d.int(maxPeak)
	return l
}

// gain is v where that is a gain.
func (d *decoder) gain(v int64) int {
	if v < -maxGain || v > maxGain {
		d.fail(ErrMalformed)
		return 0
	}
	return int(v)
}
