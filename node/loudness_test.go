package node

import (
	"testing"
	"time"

	"earshot/protocol"
)

// TestATrackThatWasCachedBeforeItWasMeasuredGetsItsLoudness: from the play after the
// one in which the server could tell, and without the server having to be asked again.
func TestATrackThatWasCachedBeforeItWasMeasuredGetsItsLoudness(t *testing.T) {
	track := newLabTrack(1, 30*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		loudness := func() protocol.Loudness {
			t.Helper()
			h := n.play(t.Context(), track, 0)
			noStutter(t, []heard{h})
			time.Sleep(time.Second) // the lease ends
			r, err := n.Open(t.Context(), track.header.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			return r.Header().Loudness
		}
		if got := loudness(); got.Known() {
			t.Errorf("%+v before it was measured", got)
		}
		measured := track
		measured.header.Loudness = protocol.Loudness{TrackGain: -5000, AlbumGain: -4000, TrackPeak: protocol.FullScale}
		l.server.tracks[track.header.ID] = measured
		if got := loudness(); got != measured.header.Loudness {
			t.Errorf("%+v in the play after one that could learn of it", got)
		}
		l.server.close()
		if got := loudness(); got != measured.header.Loudness {
			t.Errorf("%+v once the server is gone", got)
		}
	})
}
