package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/node/swarm"
	"earshot/protocol"
)

// badPeer is a member that offers a track and does harm with it: a real swarm
// over a store that lies.
type badPeer struct {
	labTrack
	read func(i int, buf []byte, data []byte) (int, error)
	asks chan struct{} // one for each chunk asked for
	have protocol.Bitmap
}

func (b *badPeer) Acquire(id protocol.ID) (swarm.Stored, bool) { return b, id == b.header.ID }
func (b *badPeer) Header() protocol.Header                     { return b.header }
func (b *badPeer) Have() protocol.Bitmap                       { return b.have }
func (b *badPeer) Proof() ([]byte, bool)                       { return b.proof, true }
func (b *badPeer) Path(first, count int) ([]byte, bool) {
	return protocol.Path(b.proof, b.header.Size, first, count), true
}
func (b *badPeer) Release() {}

func (b *badPeer) ReadChunk(i int, buf []byte) (int, error) {
	select {
	case b.asks <- struct{}{}:
	default:
	}
	n := protocol.ChunkLen(b.header.Size, i)
	return b.read(i, buf[:n], b.data[i*protocol.ChunkSize:][:n])
}

// bad starts a bad peer near the listeners and has the server list it.
func (l *lab) bad(track labTrack, read func(i int, buf, data []byte) (int, error)) (*badPeer, *swarm.Swarm) {
	near := homeLine
	near.delay = time.Millisecond // the first choice
	return l.badAt(near, track, read)
}

func (l *lab) badAt(at line, track labTrack, read func(i int, buf, data []byte) (int, error)) (*badPeer, *swarm.Swarm) {
	b := &badPeer{track, read, make(chan struct{}, 1000), protocol.FullBitmap(protocol.Chunks(track.header.Size))}
	h := l.host(at)
	f, err := own(h.data)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.release()
	m, err := loadMember(f)
	if err != nil {
		l.t.Fatal(err)
	}
	s, err := swarm.New(swarm.Config{
		Packet: l.plug(h.ip, h.at), Self: m.identity.NodeID(), AcceptTLS: m.accept, DialTLS: m.dial,
		Store: b, Catalogue: garbage{}, ServerAddr: m.joined.Server,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	conn, err := s.Server(l.t.Context())
	if err == nil {
		err = conn.Announce(l.t.Context(), []protocol.Announced{{ID: track.header.ID, Complete: true}})
	}
	if err != nil {
		l.t.Fatal(err)
	}
	time.Sleep(time.Second)
	return b, s
}

// TestTheMusicGoesOnWhateverAPeerSends: play checks every byte that it reads.
func TestTheMusicGoesOnWhateverAPeerSends(t *testing.T) {
	track := newLabTrack(1, 40*time.Second, 192_000)
	for name, test := range map[string]struct {
		read    func(i int, buf, data []byte) (int, error)
		counted func(f control.Faults) int64
		asked   int // chunks, at most
	}{
		"wrong chunks": {
			func(_ int, buf, data []byte) (int, error) {
				n := copy(buf, data)
				buf[n-1] ^= 1
				return n, nil
			},
			func(f control.Faults) int64 { return f.BadChunks }, 64,
		},
		"nothing for long": {
			func(int, []byte, []byte) (int, error) {
				time.Sleep(time.Minute)
				return 0, errors.New("late")
			}, nil, 1000,
		},
		"half of it": {
			func(i int, buf, data []byte) (int, error) {
				if i%2 == 1 {
					return 0, errors.New("enough")
				}
				return copy(buf, data), nil
			}, func(f control.Faults) int64 { return f.Disconnected }, 1000,
		},
	} {
		t.Run(name, func(t *testing.T) {
			labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
				bad, s := l.bad(track, test.read)
				defer s.Close()
				n := l.node(homeLine)
				h := n.play(context.Background(), track, 0)
				noStutter(t, []heard{h})
				if len(bad.asks) == 0 {
					t.Fatal("the peer was asked for nothing: this tests nothing")
				}
				if len(bad.asks) > test.asked {
					t.Errorf("it was asked for %d chunks", len(bad.asks))
				}
				status, err := n.Status(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if test.counted != nil && test.counted(status.Faults) == 0 {
					t.Errorf("it is not counted: %+v", status.Faults)
				}
				result, err := n.Verify(t.Context(), nil)
				if err != nil || result.Damaged != 0 || result.Bytes < track.header.Size {
					t.Errorf("what was stored: %+v, %v", result, err)
				}
			})
		})
	}
}

func TestAPeerThatSentAWrongChunkIsNotAskedAgain(t *testing.T) {
	tracks := []labTrack{newLabTrack(1, 40*time.Second, 192_000), newLabTrack(2, 40*time.Second, 192_000)}
	labWith(serverLine, tracks...).run(t, func(t *testing.T, l *lab) {
		bad, s := l.bad(tracks[0], func(i int, buf, data []byte) (int, error) {
			n := copy(buf, data)
			buf[0] ^= 1
			return n, nil
		})
		defer s.Close()
		n := l.node(homeLine)
		noStutter(t, []heard{n.play(context.Background(), tracks[0], 0)})
		asked := len(bad.asks)
		if asked == 0 {
			t.Fatal("it was not asked at all")
		}
		if err := n.Remove(t.Context(), tracks[0].header.ID); err != nil {
			t.Fatal(err)
		}
		noStutter(t, []heard{n.play(context.Background(), tracks[0], 0)})
		if got := len(bad.asks); got != asked {
			t.Errorf("it was asked for %d chunks more", got-asked)
		}
	})
}

func TestAnUnknownTrackIsToldAsSuch(t *testing.T) {
	labWith(serverLine).run(t, func(t *testing.T, l *lab) {
		n := l.node(homeLine)
		if _, err := n.Open(t.Context(), protocol.ID{9}, 0); !errors.Is(err, control.ErrUnknownTrack) {
			t.Errorf("it is told as %v", err)
		}
	})
}

func TestMembersAreListedForWhatTheyHoldWhileTheyAreHere(t *testing.T) {
	track := newLabTrack(1, 10*time.Second, 192_000)
	labWith(serverLine, track).run(t, func(t *testing.T, l *lab) {
		listed := func(want int) {
			t.Helper()
			time.Sleep(2 * gatherAnnounce)
			if got, err := l.server.origin.Tracker.Count(t.Context(), track.header.ID); got != want || err != nil {
				t.Errorf("%d are listed, %v: want %d", got, err, want)
			}
		}
		host := l.host(homeLine)
		n := host.start()
		listed(0)
		noStutter(t, []heard{n.play(context.Background(), track, 0)})
		listed(1)
		if err := n.Remove(t.Context(), track.header.ID); err != nil {
			t.Fatal(err)
		}
		listed(0)
		noStutter(t, []heard{n.play(context.Background(), track, 0)})
		n.Close()
		listed(0)
		n = host.start()
		listed(1) // it says what its cache holds
		n.Close()
		silent, err := Start(Config{Data: l.host(homeLine).data, Packet: l.plug("203.0.113.251", homeLine), Private: true, NoUpload: true})
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		noStutter(t, []heard{silent.play(context.Background(), track, 0)})
		listed(0)
	})
}
