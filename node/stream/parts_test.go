package stream

import (
	"strings"
	"testing"
)

func TestPartsTellWhereEachStretchCameFrom(t *testing.T) {
	d := newDisc(t, 6, nil)
	if got := d.parts(); got != "      " {
		t.Errorf("at first %q", got)
	}
	d.arrived(0, &piece{data: d.chunk(0)}, 100, fromServer)
	if got := d.parts(); got != "      " {
		t.Errorf("with a part of a chunk %q", got)
	}
	d.complete(1, d.chunk(1), fromServer) // not proven yet, but there to play
	if got := d.parts(); got != " S    " {
		t.Errorf("before the proof %q", got)
	}
	if _, _, err := d.prove(d.tree); err != nil {
		t.Fatal(err)
	}
	d.complete(0, d.chunk(0), fromServer)
	d.complete(3, d.chunk(3), fromPeers)
	if got := d.parts(); got != "SS P  " {
		t.Errorf("got %q", got)
	}
	again := newPieces(d.header, d.track)
	if got := again.parts(); got != "CC C  " {
		t.Errorf("opened again %q", got)
	}
}

func TestPartsAreAHundredAtMost(t *testing.T) {
	d := newDisc(t, 250, nil)
	if _, _, err := d.prove(d.tree); err != nil {
		t.Fatal(err)
	}
	for i := range 250 {
		from := fromPeers
		if i < 100 {
			from = fromServer
		}
		if i != 249 {
			d.complete(i, d.chunk(i), from)
		}
	}
	if got, want := d.parts(), strings.Repeat("S", 40)+strings.Repeat("P", 59)+" "; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
