package protocol

import (
	"errors"
	"reflect"
	"testing"
)

func TestLoudnessComesBackAsItWasWritten(t *testing.T) {
	for _, l := range []Loudness{
		{}, {TrackGain: -6500, AlbumGain: -6500}, {TrackGain: -6500}, {AlbumGain: maxGain, TrackGain: -maxGain},
		{TrackPeak: 1}, {-6500, -6100, 32_000, maxPeak},
	} {
		h := sampleHeader()
		h.Loudness = l
		got, err := ParseHeader(AppendHeader(nil, &h))
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("%+v: %v, %+v", l, err, got.Loudness)
		}
	}
}

// A header written when there was one gain is read as it was meant.
func TestAGainAloneIsThatOfTheAlbumToo(t *testing.T) {
	d := decoder{b: appendSigned(nil, -6500)}
	if l := d.loudness(); l != (Loudness{TrackGain: -6500, AlbumGain: -6500}) || d.err != nil {
		t.Errorf("%+v, %v", l, d.err)
	}
}

func TestLoudnessOutOfBoundsIsRefused(t *testing.T) {
	for _, l := range []Loudness{{TrackGain: maxGain + 2}, {AlbumGain: -maxGain - 1}, {TrackPeak: maxPeak + 1}, {AlbumPeak: maxPeak + 1}} {
		h := sampleHeader()
		h.Loudness = l
		if _, err := ParseHeader(AppendHeader(nil, &h)); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%+v: %v", l, err)
		}
	}
}
