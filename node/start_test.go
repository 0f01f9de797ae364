package node

import (
	"context"
	"io"
	"testing"
	"time"

	"earshot/node/control"
)

func TestOnALineTooThinForATrackTheSoundWaitsAndThenHasNoGap(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 320_000)
	labWith(withUp(serverLine, 250e3), track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		told := make(chan bool)
		go func() {
			time.Sleep(15 * time.Second)
			s, err := n.Status(context.Background())
			told <- err == nil && len(s.Playing) == 1 && s.Playing[0].Waiting && s.Playing[0].WaitsFor > time.Second && s.Playing[0].StartsIn > time.Second
		}()
		h := n.play(context.Background(), track, 0)
		noStutter(t, []heard{h})
		if least := 15 * time.Second; h.latency < least { // 60 s take 77 at least
			t.Errorf("it began after %v", h.latency)
		}
		if !<-told {
			t.Error("the status does not tell for what it waits")
		}
	})
}

func TestATrackThatWaitsForMoreBeginsWithWhatThereIsWhenTheServerGoes(t *testing.T) {
	track := newLabTrack(1, 60*time.Second, 320_000)
	labWith(withUp(serverLine, 100e3), track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		time.AfterFunc(30*time.Second, func() { l.server.packet.setLoss(1) })
		h := n.play(context.Background(), track, 0)
		if h.err == nil || h.played < 5*time.Second || h.latency > time.Minute {
			t.Errorf("%+v", h)
		}
	})
}

func TestASeekOverAThinLineThatWasMeasuredWaitsAtOnce(t *testing.T) {
	track := newLabTrack(1, 120*time.Second, 320_000)
	labWith(withUp(serverLine, 250e3), track).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		noStutter(t, []heard{n.play(context.Background(), track, 100*time.Second)})
		noStutter(t, []heard{n.play(context.Background(), track, 60*time.Second)})
	})
}

func TestASeekOnALineThatIsNotKnownYetIsNoLull(t *testing.T) {
	track := newLabTrack(1, 10*time.Minute, 192_000)
	far := line{up: 10e6, down: 50e6, delay: 100 * time.Millisecond}
	for _, test := range []struct {
		up   int
		most time.Duration // the round trip, what is under way, and the first bytes
	}{
		{4e6, 500 * time.Millisecond},
		{10e6, 400 * time.Millisecond},
		{100e6, 400 * time.Millisecond},
	} {
		labWith(withUp(serverLine, test.up), track).run(t, func(t *testing.T, l *lab) {
			n := l.node(far)
			r, err := n.Open(t.Context(), track.header.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for i := range 3 {
				if took := seek(t, r, track, time.Duration(2*i)*time.Minute); i > 0 && took > test.most {
					t.Errorf("at %d bit/s a seek to %v took %v", test.up, time.Duration(2*i)*time.Minute, took)
				}
				time.Sleep(2 * time.Second)
			}
		})
	}
}

// seek returns how long it takes until a decoder could sound again.
func seek(t *testing.T, r control.Track, track labTrack, at time.Duration) time.Duration {
	began := time.Now()
	if _, err := r.Seek(track.header.OffsetAt(at), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, firstSound)); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}
