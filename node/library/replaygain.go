package library

import (
	"math"
	"strconv"
	"strings"

	"earshot/protocol"
)

const (
	// maxTagGain bounds what a tag's gain is believed, in dB: ReplayGain 2.0 has
	// four digits at most, and music lies far within.
	maxTagGain = 60
	// maxTagPeak bounds a tag's peak, 1 being full scale.
	maxTagPeak = 16

	// r128Offset is how far ReplayGain's reference, -18 LUFS, is above that of the
	// R128 tags of Opus, -23 LUFS (RFC 7845, 5.2.1), in dB.
	r128Offset = 5
)

// replayGain is the loudness that a file's tags tell of
// (wiki.hydrogenaudio.org, ReplayGain 2.0 specification, "Metadata format").
type replayGain struct {
	protocol.Loudness
	track, album bool // the gain is known
}

// field takes a tag of any format. Of several for one thing the first counts.
func (g *replayGain) field(name, value string) {
	value = strings.Trim(value, " \t\ufeff") // each value in UTF-16 has a mark of its own
	switch strings.ToUpper(strings.Trim(name, "\ufeff")) {
	case "REPLAYGAIN_TRACK_GAIN":
		setGain(&g.TrackGain, &g.track, value, 1, 0)
	case "REPLAYGAIN_ALBUM_GAIN":
		setGain(&g.AlbumGain, &g.album, value, 1, 0)
	case "R128_TRACK_GAIN":
		setGain(&g.TrackGain, &g.track, value, 1./256, r128Offset)
	case "R128_ALBUM_GAIN":
		setGain(&g.AlbumGain, &g.album, value, 1./256, r128Offset)
	case "REPLAYGAIN_TRACK_PEAK":
		setPeak(&g.TrackPeak, value)
	case "REPLAYGAIN_ALBUM_PEAK":
		setPeak(&g.AlbumPeak, value)
	}
}

func setGain(gain *int, known *bool, value string, unit, offset float64) {
	if len(value) > 2 && strings.EqualFold(value[len(value)-2:], "dB") {
		value = strings.TrimSpace(value[:len(value)-2])
	}
	v, err := strconv.ParseFloat(value, 64)
	if v = v*unit + offset; err != nil || *known || !(math.Abs(v) <= maxTagGain) {
		return
	}
	*gain, *known = int(math.Round(v*1000)), true
}

func setPeak(peak *int, value string) {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || *peak != 0 || !(v > 0 && v <= maxTagPeak) {
		return
	}
	*peak = max(1, int(math.Round(v*protocol.FullScale)))
}

// userText takes the text of an ID3v2 frame of the user's own: a name and a value.
func (g *replayGain) userText(text string) {
	if name, value, ok := strings.Cut(text, valueSeparator); ok {
		g.field(name, value)
	}
}
