package library

import (
	"bytes"
	"encoding/binary"
	"testing"

	"earshot/protocol"
)

func TestGainTagsAreReadAndBounded(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        protocol.Loudness
	}{
		{"REPLAYGAIN_TRACK_GAIN", "-6.50 dB", protocol.Loudness{TrackGain: -6500}},
		{"replaygain_track_gain", " +3.1 db", protocol.Loudness{TrackGain: 3100}},
		{"replaygain_album_gain", "-7", protocol.Loudness{AlbumGain: -7000}},
		{"R128_TRACK_GAIN", "-2944", protocol.Loudness{TrackGain: -6500}}, // -11.5 dB to -23 LUFS
		{"R128_ALBUM_GAIN", "0", protocol.Loudness{AlbumGain: 5000}},
		{"REPLAYGAIN_TRACK_PEAK", "0.5", protocol.Loudness{TrackPeak: 16384}},
		{"REPLAYGAIN_ALBUM_PEAK", "1.25", protocol.Loudness{AlbumPeak: 40960}},
		{"REPLAYGAIN_TRACK_GAIN", "\ufeff-6.50 dB", protocol.Loudness{TrackGain: -6500}},

		{"REPLAYGAIN_TRACK_GAIN", "99 dB", protocol.Loudness{}},
		{"REPLAYGAIN_TRACK_GAIN", "NaN dB", protocol.Loudness{}},
		{"REPLAYGAIN_TRACK_GAIN", "-Inf", protocol.Loudness{}},
		{"REPLAYGAIN_TRACK_GAIN", "dB", protocol.Loudness{}},
		{"REPLAYGAIN_TRACK_GAIN", "loud", protocol.Loudness{}},
		{"REPLAYGAIN_TRACK_PEAK", "-1", protocol.Loudness{}},
		{"REPLAYGAIN_TRACK_PEAK", "1e9", protocol.Loudness{}},
		{"TITLE", "-6.50 dB", protocol.Loudness{}},
	} {
		var g replayGain
		g.field(c.name, c.value)
		if g.Loudness != c.want {
			t.Errorf("%s=%q: %+v, want %+v", c.name, c.value, g.Loudness, c.want)
		}
	}
}

func TestGainIsReadFromVorbisComments(t *testing.T) {
	var x texts
	x.comment("replaygain_track_gain", "-4.40 dB")
	x.comment("R128_ALBUM_GAIN", "256")
	if want := (protocol.Loudness{TrackGain: -4400, AlbumGain: 6000}); x.gain.Loudness != want {
		t.Errorf("%+v", x.gain.Loudness)
	}
}

// apeTag makes an APEv2 tag without a header, as mp3gain does.
func apeTag(items ...string) []byte {
	var b []byte
	for i := 0; i < len(items); i += 2 {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(items[i+1])))
		b = append(append(append(binary.LittleEndian.AppendUint32(b, 0), items[i]...), 0), items[i+1]...)
	}
	foot := append([]byte("APETAGEX"), 0xd0, 7, 0, 0)
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(b)+apeFrame))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(items)/2))
	return append(b, append(foot, make([]byte, 12)...)...)
}

func TestGainIsReadFromAPETags(t *testing.T) {
	tag := apeTag("MP3GAIN_MINMAX", "010,196", "REPLAYGAIN_TRACK_GAIN", "-4.40 dB", "REPLAYGAIN_TRACK_PEAK", "0.750000")
	want := protocol.Loudness{TrackGain: -4400, TrackPeak: 24576}
	sound := make([]byte, 1000)
	for name, file := range map[string][]byte{
		"at the end":     append(append([]byte{}, sound...), tag...),
		"before ID3v1":   append(append(append([]byte{}, sound...), tag...), id3v1("a", "b", "c", "2000", 1)...),
		"the whole file": tag,
	} {
		if got := readTags(bytes.NewReader(file), int64(len(file))).loudness; got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzAPE(f *testing.F) {
	f.Add(apeTag("REPLAYGAIN_TRACK_GAIN", "-4.40 dB"))
	f.Add(append(apeTag("REPLAYGAIN_TRACK_PEAK", "1"), id3v1("a", "b", "c", "2000", 1)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var read texts
		read.readAPE(bytes.NewReader(b), int64(len(b)))
		if g := read.gain; g.TrackGain < -maxTagGain*1000 || g.TrackGain > maxTagGain*1000 || g.TrackPeak < 0 {
			t.Errorf("%+v", g.Loudness)
		}
	})
}
