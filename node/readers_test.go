package node

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"earshot/node/control"
)

// readFrom reads a track from a place to its end as fast as it comes, and returns how
// long that took.
func (n *Node) readFrom(t *testing.T, track labTrack, from time.Duration) time.Duration {
	began := time.Now()
	r, err := n.Open(t.Context(), track.header.ID, from)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer r.Close()
	offset := track.header.OffsetAt(from)
	if _, err := r.Seek(offset, io.SeekStart); err != nil {
		t.Error(err)
	}
	if k, err := io.Copy(io.Discard, r); err != nil || k != track.header.Size-offset {
		t.Errorf("from %v: %d bytes, %v", from, k, err)
	}
	return time.Since(began)
}

// Two programs read one track by HTTP, or one does while another plays it.
func TestWhoReadsATrackElsewhereHoldsNobodyUp(t *testing.T) {
	const length = 4 * time.Minute
	track := newLabTrack(1, length, 192_000)
	for _, up := range []int{500_000, 2_000_000, 100_000_000} {
		t.Run(fmt.Sprintf("%d kbit/s, one plays, one reads ahead", up/1000), func(t *testing.T) {
			labWith(withUp(serverLine, up), track).run(t, func(t *testing.T, l *lab) {
				n := l.node(homeLine)
				var all sync.WaitGroup
				all.Go(func() { noStutter(t, []heard{n.play(t.Context(), track, 0)}) })
				all.Go(func() {
					time.Sleep(5 * time.Second)
					if took := n.readFrom(t, track, length-time.Minute); took > time.Minute {
						t.Errorf("the last minute came in %v", took)
					}
				})
				all.Wait()
			})
		})
		if up < 3*192_000 {
			continue
		}
		t.Run(fmt.Sprintf("%d kbit/s, three play", up/1000), func(t *testing.T) {
			labWith(withUp(serverLine, up), track).run(t, func(t *testing.T, l *lab) {
				n := l.node(homeLine)
				var all sync.WaitGroup
				for i := range 3 {
					all.Go(func() {
						time.Sleep(time.Duration(i) * 3 * time.Second)
						noStutter(t, []heard{n.play(t.Context(), track, time.Duration(i)*time.Minute)})
					})
				}
				all.Wait()
			})
		})
	}
}

func TestWhoWaitsForWhatNobodyHoldsHoldsNobodyUp(t *testing.T) {
	track := newLabTrack(1, 4*time.Minute, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		friend, n := l.node(lan), l.node(lan)
		held, err := friend.Open(t.Context(), track.header.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		if _, err := io.CopyN(io.Discard, held, track.header.OffsetAt(100*time.Second)); err != nil {
			t.Fatal(err)
		}
		n.swarm.Connect(t.Context(), peersOf([]*Node{friend}))
		l.server.close()
		far, err := n.Open(t.Context(), track.header.ID, 3*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		told := make(chan error, 1)
		go func() {
			_, err := far.Seek(track.header.OffsetAt(3*time.Minute), io.SeekStart)
			for err == nil {
				_, err = far.Read(make([]byte, 1000))
			}
			told <- err
		}()
		near, err := n.Open(t.Context(), track.header.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		began := time.Now()
		if _, err := io.CopyN(io.Discard, near, track.header.OffsetAt(80*time.Second)); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 80*time.Second {
			t.Errorf("80 s of what a neighbour holds came in %v", took)
		}
		if err := <-told; !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("the other one is told %v", err)
		}
	})
}
