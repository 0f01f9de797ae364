package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/node/control"
	"earshot/protocol"
)

// within fails the test if what is waited for does not come at all.
func within[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: still waiting", what)
	}
	return v
}

// gone waits until the node has no track open.
func gone(t *testing.T, n *fakeNode) {
	t.Helper()
	for n.open.Load() > 0 {
		within(t, n.closed, "the node to close its track")
	}
}

// readStalled reads the stalled track until that ends, and returns once the
// half that is there was read.
func readStalled(t *testing.T, src control.Source, id protocol.ID) (track control.Track, end <-chan error) {
	t.Helper()
	track, err := src.Open(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, track, track.Header().Size/2); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, track)
		read <- err
	}()
	return track, read
}

func TestFirstBytesDoNotWaitForTheRest(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	// readStalled itself needs every byte that is there, and gets it though
	// the range that it asks for never comes whole.
	track, end := readStalled(t, dial(t, dir), f.Stalled)
	track.Close()
	if err := within(t, end, "Read"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a Read ended by Close: %v; want fs.ErrClosed", err)
	}
	gone(t, n)
}

func TestClosingTheClientClosesItsTracks(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	c := dial(t, dir)
	track, end := readStalled(t, c, f.Stalled)
	c.Close()
	if err := within(t, end, "Read"); err == nil {
		t.Error("Read succeeds on a closed client")
	}
	gone(t, n)
	if err := track.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close: %v", err)
	}
	if _, err := c.Status(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Status on a closed client: %v; want net.ErrClosed", err)
	}
}

func TestOwnerGoingAwayEndsReads(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, stop := serve(t, n)
	c := dial(t, dir)
	track, end := readStalled(t, c, f.Stalled)
	stop()
	if err := within(t, end, "Read"); err == nil {
		t.Error("Read succeeds without an owner")
	}
	if got := n.open.Load(); got != 0 {
		t.Errorf("%d tracks open after Serve returned", got)
	}
	if err := track.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := c.Status(t.Context()); !errors.Is(err, control.ErrNoOwner) {
		t.Errorf("Status: %v; want ErrNoOwner", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stopping what is not there: %v", err)
	}
}

// openingForever opens no track before its context ends.
type openingForever struct {
	control.Node
	began chan struct{}
	ended chan struct{}
}

func (o openingForever) Open(ctx context.Context, _ protocol.ID, _ time.Duration) (control.Track, error) {
	o.began <- struct{}{}
	<-ctx.Done()
	o.ended <- struct{}{}
	return nil, ctx.Err()
}

func TestCancellingOpenReachesTheOwner(t *testing.T) {
	n, f := newFake(control.RoleListener)
	o := openingForever{n, make(chan struct{}), make(chan struct{})}
	dir, stop := serve(t, o)
	c := dial(t, dir)
	for _, cancelling := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		opened := make(chan error, 1)
		go func() {
			_, err := c.Open(ctx, f.Tracks[0].ID, 0)
			opened <- err
		}()
		within(t, o.began, "Open")
		want := control.ErrNoOwner
		if cancelling {
			want = context.Canceled
			cancel()
			within(t, o.ended, "the owner's Open to end")
		} else {
			go func() { <-o.ended }()
			stop()
		}
		if err := within(t, opened, "Open"); !errors.Is(err, want) {
			t.Errorf("Open: %v; want %v", err, want)
		}
		cancel()
	}
}

// readAsChild is the process that the next test kills: it reads the stalled
// track of the node at dir until it dies.
func readAsChild(dir, id string) int {
	track, err := func() (control.Track, error) {
		want, err := protocol.ParseID(id)
		if err != nil {
			return nil, err
		}
		c, err := control.Dial(context.Background(), dir)
		if err != nil {
			return nil, err
		}
		return c.Open(context.Background(), want, 0)
	}()
	if err == nil {
		_, err = io.CopyN(io.Discard, track, track.Header().Size/2)
	}
	if err == nil {
		fmt.Println("reading")
		_, err = io.Copy(io.Discard, track)
	}
	fmt.Println("ended:", err)
	return 1
}

func TestKilledReadersLeaveNothingOpen(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONTROL_TEST_DIR="+dir, "CONTROL_TEST_ID="+f.Stalled.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len("reading"))
	if _, err := io.ReadFull(out, b); err != nil || string(b) != "reading" {
		t.Errorf("the child says %q, %v", b, err)
	}
	if n.open.Load() != 1 {
		t.Errorf("%d tracks open, want the child's", n.open.Load())
	}
	cmd.Process.Kill() // SIGKILL
	cmd.Wait()
	gone(t, n)
}

func TestOpenTracksAreBounded(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	c := dial(t, dir)
	var tracks []control.Track
	var err error
	for range 1000 {
		var track control.Track
		if track, err = c.Open(t.Context(), f.Tracks[0].ID, 0); err != nil {
			break
		}
		tracks = append(tracks, track)
	}
	if err == nil || int(n.open.Load()) != len(tracks) {
		t.Errorf("%d tracks were opened, %d are open, %v", len(tracks), n.open.Load(), err)
	}
	for _, track := range tracks {
		track.Close()
	}
	gone(t, n)
	track, err := c.Open(t.Context(), f.Tracks[0].ID, 0)
	if err != nil {
		t.Fatalf("opening after all were closed: %v", err)
	}
	track.Close()
}

// raw sends bytes to the socket and returns the answer.
func raw(t testing.TB, dir, request string) string {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	go io.Copy(conn, strings.NewReader(request))
	b, _ := io.ReadAll(io.LimitReader(conn, 1<<20))
	return string(b)
}

func TestHostileRequestsAreRefused(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	get := func(path, extra string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + extra + "\r\n"
	}
	for _, test := range []struct{ name, request, want string }{
		{"garbage", "\x00\xff\x16\x03\x01 garbage\r\n\r\n", "400"},
		{"no JSON", post("/v1/search", "{kind"), "400"},
		{"other JSON", post("/v1/search", `[1,2]`), "400"},
		{"a number out of range", post("/v1/search", `{"kind":1e99}`), "400"},
		{"a huge body", post("/v1/search", strings.Repeat(" ", 1<<20)), "400"},
		{"a huge header", get("/v1/status", "X: "+strings.Repeat("x", 1<<20)+"\r\n"), "431"},
		{"deep JSON", post("/v1/search", strings.Repeat("[", 60_000)), "400"},
		{"no such path", get("/v2/status", ""), "404"},
		{"no such method", post("/v1/status", ""), "405"},
		{"a bad ID", "DELETE /v1/cache/tracks/zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "400"},
		{"an unknown ID", post("/v1/opens", `{"id":"`+protocol.ID{}.String()+`"}`), "404"},
		{"a bad ID to open", post("/v1/opens", `{"id":"12"}`), "400"},
		{"a wrong handle", get("/v1/opens/nonsense/bytes", "Range: bytes=0-\r\n"), "410"},
		{"a wrong handle to close", "DELETE /v1/opens/nonsense HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "410"},
		{"unknown fields", post("/v1/search", `{"kind":2,"colour":"blue"}`), "200"},
	} {
		if got := raw(t, dir, test.request); !strings.HasPrefix(got, "HTTP/1.1 "+test.want) {
			t.Errorf("%s: got %.60q; want %s", test.name, got, test.want)
		}
	}
	if got, err := dial(t, dir).Search(t.Context(), protocol.Query{Kind: protocol.QueryWords, Text: f.Words}); err != nil || got.Total != 1 {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
	if n.open.Load() != 0 {
		t.Errorf("%d tracks open", n.open.Load())
	}
}

// TestStrangeOwnersDoNotHarm talks to something else on the socket.
func TestStrangeOwnersDoNotHarm(t *testing.T) {
	huge := `{"handle":"` + strings.Repeat("x", 16<<20)
	for name, answer := range map[string]string{
		"garbage":        "\x00\x01\x02",
		"nothing":        "",
		"no JSON":        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"too short":      "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n{",
		"huge":           "HTTP/1.1 200 OK\r\n\r\n" + huge,
		"no header":      "HTTP/1.1 200 OK\r\n\r\n{}",
		"another error":  "HTTP/1.1 500 Oh\r\n\r\n<html>",
		"a bodyless 404": "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := control.Listen(dir)
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					conn.SetDeadline(time.Now().Add(20 * time.Second))
					io.CopyN(io.Discard, conn, 10)
					io.Copy(conn, bytes.NewReader([]byte(answer)))
					conn.Close()
				}
			}()
			c := dial(t, dir)
			if track, err := c.Open(t.Context(), protocol.ID{1}, 0); err == nil {
				track.Close()
				t.Error("Open succeeds")
			}
			if _, err := c.Verify(t.Context(), nil); err == nil {
				t.Error("Verify succeeds")
			}
			if _, err := c.Status(t.Context()); err == nil && answer != "" && !strings.HasSuffix(answer, "{}") {
				t.Error("Status succeeds")
			}
			c.Close()
			l.Close()
			within(t, served, "the strange owner")
		})
	}
}
