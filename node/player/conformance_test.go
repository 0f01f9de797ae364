package player_test

import (
	"context"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"earshot/audio"
	"earshot/node/control"
	"earshot/node/control/controltest"
	"earshot/node/player"
	"earshot/protocol"
)

func TestPlayerConforms(t *testing.T) {
	controltest.RunPlayer(t, func(t *testing.T) controltest.PlayerFixture {
		p, tracks := runPlayer(t, nil)
		return controltest.PlayerFixture{Player: p, Tracks: tracks}
	})
}

func TestPlayerConformsThroughItsSocket(t *testing.T) {
	controltest.RunPlayer(t, func(t *testing.T) controltest.PlayerFixture {
		dir := t.TempDir()
		_, tracks := runPlayer(t, func(ctx context.Context, p control.Player) error {
			l, err := control.ListenPlayer(dir)
			if err != nil {
				return err
			}
			return control.ServePlayer(ctx, l, p, nil)
		})
		var c *control.PlayerClient
		for c == nil {
			var err error
			if c, err = control.DialPlayer(t.Context(), dir); err != nil {
				select {
				case <-time.After(time.Millisecond):
				case <-t.Context().Done():
					t.Fatal(err)
				}
			}
		}
		t.Cleanup(func() { c.Close() })
		return controltest.PlayerFixture{Player: c, Tracks: tracks}
	})
}

// runPlayer runs a player of three tracks, and what serves it until it ends.
func runPlayer(t *testing.T, serve func(context.Context, control.Player) error) (control.Player, []protocol.Track) {
	tracks := []protocol.Track{track(1), track(2), track(3)}
	out := audio.NewNull()
	p := player.New(player.Config{
		Source: library{}, Output: out, Queue: tracks,
		Decode: func(src io.ReadSeeker, _ protocol.Header) (player.Decoder, error) { return plain{src}, nil },
	})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	if serve == nil {
		serve = func(context.Context, control.Player) error { return nil }
	}
	serving, stop := context.WithCancel(ctx)
	go func() { served <- serve(serving, p) }()
	ran := make(chan error, 1)
	go func() {
		ran <- p.Run(ctx)
		stop()
	}()
	t.Cleanup(func() {
		cancel()
		<-ran
		if err := <-served; err != nil {
			t.Error(err)
		}
		out.Close()
	})
	return p, tracks
}

func track(k byte) protocol.Track {
	return protocol.Track{ID: protocol.ID{k}, Title: "Air", Duration: time.Minute, Size: 60 * 44100 * 4}
}

// library holds tracks of a minute, encoded as their PCM.
type library struct{}

func (library) Open(_ context.Context, id protocol.ID, _ time.Duration) (control.Track, error) {
	t := track(id[0])
	sound := io.NewSectionReader(noise{}, 0, t.Size)
	return &opened{sound, protocol.Header{Track: t, Samples: t.Size / 4}}, nil
}

func (l library) OpenCached(ctx context.Context, id protocol.ID) (control.Track, error) {
	return l.Open(ctx, id, 0)
}

func (library) Prefetch(context.Context, protocol.ID, control.Depth) error { return nil }

func (library) Report(context.Context, control.Report) error { return nil }

type opened struct {
	*io.SectionReader
	header protocol.Header
}

func (o *opened) Header() protocol.Header { return o.header }

func (o *opened) Shares() control.Shares { return control.Shares{} }

func (o *opened) Close() error { return nil }

// noise is PCM without end.
type noise struct{}

func (noise) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(off+int64(i))*0x9e3779b97f4a7c15)
		p[i] = b[7] >> 3
	}
	return len(p), nil
}

// plain decodes PCM.
type plain struct{ src io.ReadSeeker }

func (d plain) Read(p []byte) (int, error) { return d.src.Read(p) }

func (d plain) Seek(t time.Duration) error {
	_, err := d.src.Seek(int64(t*44100/time.Second)*4, io.SeekStart)
	return err
}
