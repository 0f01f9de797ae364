package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"earshot/node/control"
)

// wires is a listener whose connections are pipes in this process: HTTP in virtual
// time. A pipe holds nothing, so that what a client does not read is not sent.
type wires struct {
	dialled chan net.Conn
	done    chan struct{}
}

func (w *wires) Accept() (net.Conn, error) {
	select {
	case c := <-w.dialled:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

func (w *wires) Close() error   { close(w.done); return nil }
func (w *wires) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (w *wires) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case w.dialled <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// web is another player on the node's machine, by HTTP.
type web struct {
	t      *testing.T
	track  labTrack
	client *http.Client
}

// serveWeb serves a node's tracks by HTTP until the test ends.
func (n *Node) serveWeb(t *testing.T, track labTrack) *web {
	l := &wires{dialled: make(chan net.Conn), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- control.ServeTracks(ctx, l, n, n.log) }()
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &web{t, track, &http.Client{Transport: transport}}
}

// get asks for the track from a byte on.
func (w *web) get(ctx context.Context, from int64) io.ReadCloser {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/tracks/"+w.track.header.ID.String(), nil)
	if err != nil {
		w.t.Error(err)
		return http.NoBody
	}
	want := http.StatusOK
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		want = http.StatusPartialContent
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Error(err)
		return http.NoBody
	}
	if resp.StatusCode != want {
		w.t.Errorf("from %d: %s", from, resp.Status)
	}
	return resp.Body
}

// hear reads so much sound from a body that begins at a byte, at its pace, and
// returns where it ended. What is late by more than it has in hand is told of.
func (w *web) hear(who string, body io.Reader, from int64, long time.Duration) int64 {
	h := &w.track.header
	buf := make([]byte, 2000)
	at, until := from, min(h.OffsetAt(h.TimeAt(from)+long), h.Size)
	var base time.Time // when the track's beginning would have been heard
	for at < until {
		n, err := io.ReadFull(body, buf[:min(int64(len(buf)), until-at)])
		if !bytes.Equal(buf[:n], w.track.data[at:at+int64(n)]) {
			w.t.Errorf("%s: wrong bytes at %d", who, at)
			return at
		}
		at += int64(n)
		if err != nil {
			w.t.Errorf("%s: at %v: %v", who, h.TimeAt(at), err)
			return at
		}
		if base.IsZero() {
			base = time.Now().Add(-h.TimeAt(from))
		}
		if late := time.Since(base.Add(h.TimeAt(at))); late > 0 {
			w.t.Errorf("%s: stalled for %v at %v", who, late, h.TimeAt(at))
			base = base.Add(late)
		}
		time.Sleep(time.Until(base.Add(h.TimeAt(at) - playerAhead)))
	}
	return at
}

// TestSeveralPlayersReadOneTrackByHTTP: one plays it through, one seeks, one goes away
// in its middle, and one pauses for so long that it is none of those who read it.
func TestSeveralPlayersReadOneTrackByHTTP(t *testing.T) {
	const length = 2 * time.Minute
	track := newLabTrack(1, length, 192_000)
	for _, up := range []int{1_000_000, 100_000_000} {
		t.Run(fmt.Sprintf("%d kbit/s", up/1000), func(t *testing.T) {
			labWith(withUp(serverLine, up), track).run(t, func(t *testing.T, l *lab) {
				n := l.node(homeLine)
				w := n.serveWeb(t, track)
				var all sync.WaitGroup
				all.Go(func() {
					body := w.get(t.Context(), 0)
					defer body.Close()
					w.hear("who plays", body, 0, length)
				})
				all.Go(func() {
					time.Sleep(2 * time.Second)
					for _, at := range []time.Duration{100 * time.Second, 40 * time.Second, 70 * time.Second} {
						from := track.header.OffsetAt(at)
						asked := time.Now()
						body := w.get(t.Context(), from)
						if took := time.Since(asked); took > time.Second {
							t.Errorf("a seek to %v took %v", at, took)
						}
						w.hear("who seeks", body, from, 10*time.Second)
						body.Close()
					}
				})
				all.Go(func() {
					time.Sleep(3 * time.Second)
					ctx, leave := context.WithCancel(t.Context())
					body := w.get(ctx, 0)
					w.hear("who leaves", body, 0, 30*time.Second)
					leave()
					body.Close()
				})
				paused := w.get(t.Context(), 0)
				defer paused.Close()
				at := w.hear("who pauses", paused, 0, 20*time.Second)
				all.Wait()
				time.Sleep(2 * time.Minute)
				if s, err := n.Status(t.Context()); err != nil || len(s.Playing) > 0 {
					t.Errorf("while one is paused, and the others are gone: %+v, %v", s.Playing, err)
				}
				w.hear("who pauses", paused, at, length)
			})
		})
	}
}
