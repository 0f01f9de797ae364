package node

import (
	"fmt"
	"io"
	"testing"
	"time"
)

// soundFrom opens a track and returns how long it takes until a decoder has what it
// needs to sound from a place on: it reads a little before that.
func (n *Node) soundFrom(t *testing.T, track labTrack, from time.Duration) time.Duration {
	t.Helper()
	asked := time.Now()
	r, err := n.Open(t.Context(), track.header.ID, from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	begin := track.header.Begin(from)
	if _, err := r.Seek(begin, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, r, int64(from.Seconds()*float64(track.header.Bitrate)/8)+firstSound-begin); err != nil {
		t.Fatal(err)
	}
	return time.Since(asked)
}

// A play from far inside a track is one round trip, and the time that its bytes take:
// up to a second of the track goes before the place, as far as decoders begin early. For
// a new process that may be more than QUIC sends at first, which is one round trip more.
func TestAPlayFromInsideATrackIsOneRoundTrip(t *testing.T) {
	const roundTrip, slack = 50 * time.Millisecond, 25 * time.Millisecond
	for _, bitrate := range []int{128_000, 192_000} {
		var tracks []labTrack
		for i := range uint64(6) {
			tracks = append(tracks, newLabTrack(i, 2*time.Minute, bitrate))
		}
		for _, from := range []time.Duration{0, 42 * time.Second, 90*time.Second + 700*time.Millisecond, 100 * time.Second} {
			t.Run(fmt.Sprintf("%d kbit/s, from %v", bitrate/1000, from), func(t *testing.T) {
				labWith(serverLine, tracks...).run(t, func(t *testing.T, l *lab) {
					h := l.host(homeLine)
					line := l.roaming(h.ip, homeLine)
					defer line.end()
					start := func() *Node {
						line.reopen()
						n, err := Start(Config{Data: h.data, Packet: line, Private: true, Log: l.log})
						if err != nil {
							t.Fatal(err)
						}
						return n
					}
					n := start()
					n.soundFrom(t, tracks[0], 0) // the server is known from now on
					for _, track := range tracks[1:3] {
						time.Sleep(time.Second)
						if took := n.soundFrom(t, track, from); took > roundTrip+slack {
							t.Errorf("it takes %v", took)
						}
					}
					n.Close()
					for _, track := range tracks[3:] {
						n = start()
						if took := n.soundFrom(t, track, from); took > 2*roundTrip+slack {
							t.Errorf("a new process takes %v", took)
						}
						n.Close()
					}
				})
			})
		}
	}
}
