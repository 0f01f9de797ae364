package stream

import (
	"bytes"
	"errors"
	"testing"

	"earshot/protocol"
)

// sliceable has a disc know what verifies chunk i slice by slice.
func (d *disc) sliceable(t *testing.T, i int) {
	t.Helper()
	d.learn(i, 1, protocol.Path(d.tree, d.header.Size, i, 1))
	if _, ok := d.learnSlices(i, protocol.Slices(i, d.chunk(i))); !ok {
		t.Fatalf("the slices of chunk %d are refused", i)
	}
}

// passedOn returns what others can have of chunk i.
func (d *disc) passedOn(t *testing.T, i int) []byte {
	t.Helper()
	b := make([]byte, protocol.ChunkSize)
	n, err := sharing{d.track, d.pieces}.ReadSlices(i, b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

const slice = protocol.SliceSize

func TestAPeersChunkIsReadAndPassedOnSliceBySlice(t *testing.T) {
	d := newDisc(t, 3, nil)
	d.sliceable(t, 1)
	c := &piece{data: d.chunk(1)}
	for _, step := range []struct{ arrived, want int }{{slice - 1, 0}, {slice, slice}, {slice + 100, slice}, {3*slice + 5, 3 * slice}, {4 * slice, 4 * slice}} {
		before := c.sure
		more, err := d.arrived(1, c, step.arrived, fromPeers)
		if err != nil || more != (step.want > before) {
			t.Fatalf("after %d bytes: more %v, %v", step.arrived, more, err)
		}
		if got := d.readable(t, 1); !bytes.Equal(got, d.chunk(1)[:step.want]) {
			t.Errorf("after %d bytes %d can be read, want %d", step.arrived, len(got), step.want)
		}
		if got := d.passedOn(t, 1); !bytes.Equal(got, d.chunk(1)[:step.want]) {
			t.Errorf("after %d bytes %d can be passed on, want %d", step.arrived, len(got), step.want)
		}
	}
}

func TestAWrongSliceIsNeitherReadNorPassedOn(t *testing.T) {
	d := newDisc(t, 3, nil)
	d.sliceable(t, 1)
	c := &piece{data: d.chunk(1)}
	c.data[slice+1] ^= 1
	d.arrived(1, c, slice, fromPeers)
	if _, err := d.arrived(1, c, 3*slice, fromPeers); !errors.Is(err, errCorrupt) {
		t.Errorf("it is taken: %v", err)
	}
	if read, passed := len(d.readable(t, 1)), len(d.passedOn(t, 1)); read != slice || passed != slice {
		t.Errorf("%d bytes can be read and %d passed on, want those that verify, %d", read, passed, slice)
	}
	right := &piece{data: d.chunk(1)}
	if more, err := d.arrived(1, right, 3*slice, fromPeers); !more || err != nil || len(d.readable(t, 1)) != 3*slice {
		t.Errorf("the right ones afterwards: more %v, %v, %d bytes can be read", more, err, len(d.readable(t, 1)))
	}
}

func TestAServersBytesArePassedOnWhenTheirSlicesAreKnown(t *testing.T) {
	d := newDisc(t, 3, nil)
	c := &piece{data: d.chunk(1)}
	d.arrived(1, c, 2*slice+10, fromServer)
	if read, passed := len(d.readable(t, 1)), len(d.passedOn(t, 1)); read != 2*slice+10 || passed != 0 {
		t.Errorf("before: %d bytes can be read, %d passed on", read, passed)
	}
	d.learn(1, 1, protocol.Path(d.tree, d.header.Size, 1, 1))
	if more, ok := d.learnSlices(1, protocol.Slices(1, d.chunk(1))); !more || !ok {
		t.Errorf("what verifies them: more %v, %v", more, ok)
	}
	if passed := len(d.passedOn(t, 1)); passed != 2*slice {
		t.Errorf("afterwards %d bytes can be passed on", passed)
	}
}

func TestSlicesThatCannotBeVerifiedAreNobodysFault(t *testing.T) {
	d := newDisc(t, 3, nil)
	if more, ok := d.learnSlices(1, protocol.Slices(1, d.chunk(1))); more || !ok || d.sliced(1) {
		t.Errorf("without a path: more %v, %v, kept %v", more, ok, d.sliced(1))
	}
	if _, _, err := d.prove(d.tree); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.learnSlices(1, protocol.Slices(1, d.chunk(1))); !ok || !d.sliced(1) {
		t.Error("with the whole proof tree they are not taken")
	}
	if _, ok := d.learnSlices(2, protocol.Slices(1, d.chunk(1))); ok {
		t.Error("those of another chunk are taken")
	}
}

func TestWhatIsStoredIsNotHiddenByWhatComesLater(t *testing.T) {
	d := newDisc(t, 3, nil)
	d.sliceable(t, 1)
	if _, _, err := d.prove(d.tree); err != nil {
		t.Fatal(err)
	}
	if _, err := d.complete(1, d.chunk(1), fromPeers); err != nil {
		t.Fatal(err)
	}
	d.arrived(1, &piece{data: d.chunk(1)}, slice, fromPeers) // of one who was slower
	if got := d.passedOn(t, 1); !bytes.Equal(got, d.chunk(1)) {
		t.Errorf("%d bytes can be passed on", len(got))
	}
}
