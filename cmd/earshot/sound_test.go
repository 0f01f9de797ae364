package main

import (
	"testing"

	"earshot/protocol"
)

func TestTheGainIsThatOfTheTrackOrItsAlbum(t *testing.T) {
	of := protocol.Loudness{TrackGain: -6500, AlbumGain: 2250, TrackPeak: protocol.FullScale / 2, AlbumPeak: protocol.FullScale}
	for mode, want := range map[loudness]float64{byTrack: -6.5, byAlbum: 2.25, loudnessOff: 0} {
		if gain, peak := mode.gain(of); gain != want || mode != loudnessOff && peak != 0.5 {
			t.Errorf("%s: %v dB, a peak of %v", mode, gain, peak)
		}
	}
}
