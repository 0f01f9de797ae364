package main

import (
	"testing"

	"earshot/protocol"
)

func TestTheGainIsThatOfTheTrackOrItsAlbum(t *testing.T) {
	of := protocol.Loudness{TrackGain: -6500, AlbumGain: 2250, TrackPeak: protocol.FullScale / 2, AlbumPeak: protocol.FullScale}
	for mode, want := range map[loudness]float64{byTrack: -6.5, byAlbum: 2.25, loudnessOff: 0} {
		if l := mode.level(protocol.Header{Loudness: of}); l.Gain != want || l.Peak != 0.5 {
			t.Errorf("%s: %+v", mode, l)
		}
	}
}
