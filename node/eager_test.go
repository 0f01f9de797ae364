package node

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// readAll reads a track as fast as it comes, as players do by HTTP, and returns how
// long that took.
func (n *Node) readAll(t *testing.T, track labTrack) time.Duration {
	t.Helper()
	began := time.Now()
	r, err := n.Open(t.Context(), track.header.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(data, track.data) {
		t.Fatalf("%d bytes of %d, %v", len(data), len(track.data), err)
	}
	return time.Since(began)
}

func TestWhoReadsFarAheadIsServedFromPeers(t *testing.T) {
	track := newLabTrack(1, 4*time.Minute, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		for range 2 {
			noStutter(t, []heard{l.node(withUp(homeLine, 2e6)).play(t.Context(), track, 0)})
		}
		n := l.node(homeLine)
		before := l.server.swarm.Traffic().Uploaded
		took := n.readAll(t, track)
		sent := l.server.swarm.Traffic().Uploaded - before
		if sent > track.header.Size/40 {
			t.Errorf("the server sent %d bytes of %d", sent, track.header.Size)
		}
		if took > track.header.Duration/4 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestWhoIsAloneWithTheServerReadsFarAheadAtHalfOfWhatItCanSend(t *testing.T) {
	track := newLabTrack(1, 4*time.Minute, 192_000)
	for _, line := range []int{100e6, 2e6} {
		labWith(withUp(serverLine, line), track).run(t, func(t *testing.T, l *lab) {
			took := l.node(homeLine).readAll(t, track)
			whole := time.Duration(float64(track.header.Size*8) / float64(line) * float64(time.Second))
			if took > track.header.Duration/8 && took > 3*whole {
				t.Errorf("with %d bit/s 4 minutes came in %v", line, took)
			}
			if took < whole*3/2 {
				t.Errorf("with %d bit/s 4 minutes came in %v: nothing was left to others", line, took)
			}
			if sent := l.server.swarm.Traffic().Uploaded; sent > track.header.Size*102/100 {
				t.Errorf("the server sent %d bytes of %d", sent, track.header.Size)
			}
		})
	}
}
