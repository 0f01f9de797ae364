package control_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/node/control"
	"earshot/node/control/controltest"
	"earshot/protocol"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("CONTROL_TEST_DIR"); dir != "" {
		os.Exit(readAsChild(dir, os.Getenv("CONTROL_TEST_ID")))
	}
	goleak.VerifyTestMain(m)
}

func TestNodeConforms(t *testing.T) {
	for _, role := range []control.Role{control.RoleServer, control.RoleListener} {
		t.Run(string(role), func(t *testing.T) {
			controltest.Run(t, func(t *testing.T) controltest.Fixture {
				_, f := newFake(role)
				return f
			})
		})
	}
}

func TestClientConforms(t *testing.T) {
	for _, role := range []control.Role{control.RoleServer, control.RoleListener} {
		t.Run(string(role), func(t *testing.T) {
			controltest.Run(t, func(t *testing.T) controltest.Fixture {
				n, f := newFake(role)
				dir, _ := serve(t, n)
				f.Node = dial(t, dir)
				return f
			})
		})
	}
}

func TestEverythingCrossesTheSocketWhole(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	c := dial(t, dir)
	ctx := t.Context()
	same := func(name string, call func(control.Node) (any, error)) {
		t.Helper()
		want, err := call(n)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := call(c)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, want)
		}
	}
	same("Status", func(n control.Node) (any, error) { return n.Status(ctx) })
	same("Skipped", func(n control.Node) (any, error) { return n.Skipped(ctx) })
	same("CacheStats", func(n control.Node) (any, error) { return n.CacheStats(ctx) })
	same("CacheTracks", func(n control.Node) (any, error) { return n.CacheTracks(ctx) })
	same("Search", func(n control.Node) (any, error) {
		return n.Search(ctx, protocol.Query{Kind: protocol.QueryTracks, Offset: 1})
	})
	same("Open", func(n control.Node) (any, error) {
		track, err := n.Open(ctx, f.Tracks[0].ID, time.Second)
		if err != nil {
			return nil, err
		}
		return track.Header(), track.Close()
	})
	want := control.Report{
		Play: "p", ID: f.Tracks[0].ID, State: control.StatePlaying,
		Position: 5 * time.Second, Latency: time.Millisecond, Stutters: 2, StutterNS: 3,
	}
	if err := c.Report(ctx, want); err != nil {
		t.Fatal(err)
	}
	if got := <-n.reports; got != want {
		t.Errorf("Report: got %+v, want %+v", got, want)
	}
}

// failing answers Status and Search with an error.
type failing struct {
	control.Node
	err error
}

func (f failing) Status(context.Context) (control.Status, error) {
	return control.Status{}, f.err
}

func TestErrorsSurviveTheSocket(t *testing.T) {
	for _, want := range []error{
		control.ErrUnknownTrack, control.ErrUnavailable, control.ErrNotServer, control.ErrNotMember, control.ErrNoCache,
		control.ErrServerAway, control.ErrBadLimit, control.ErrNoOwner, context.DeadlineExceeded,
	} {
		n, _ := newFake(control.RoleListener)
		wrapped := errors.Join(want)
		dir, _ := serve(t, failing{n, wrapped})
		_, err := dial(t, dir).Status(t.Context())
		if !errors.Is(err, want) || err.Error() != wrapped.Error() {
			t.Errorf("%v came as %v", want, err)
		}
	}
	n, _ := newFake(control.RoleListener)
	dir, _ := serve(t, failing{n, errors.New("something <else>")})
	if _, err := dial(t, dir).Status(t.Context()); err == nil || err.Error() != "something <else>" {
		t.Errorf("an error without a name came as %v", err)
	}
}

func TestNobodyAnswersWithoutAnOwner(t *testing.T) {
	dir := t.TempDir()
	if _, err := control.Dial(t.Context(), dir); !errors.Is(err, control.ErrNoOwner) {
		t.Errorf("an empty folder: %v; want ErrNoOwner", err)
	}
	if _, err := control.Dial(t.Context(), filepath.Join(dir, "missing")); !errors.Is(err, control.ErrNoOwner) {
		t.Errorf("no folder: %v; want ErrNoOwner", err)
	}
}

func TestTheSocketIsItsUsersAlone(t *testing.T) {
	n, _ := newFake(control.RoleListener)
	dir, stop := serve(t, n)
	path := filepath.Join(dir, "control.sock")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %o, want 600", got)
	}
	stop()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there after the end: %v", err)
	}
}

func TestDeepDataFoldersWork(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := control.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- control.Serve(ctx, l, n, nil) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("%v is left behind", entries)
		}
	}()
	c := dial(t, dir)
	track, err := c.Open(t.Context(), f.Tracks[0].ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(track); err != nil || !bytes.Equal(got, f.Tracks[0].Data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	track.Close()
}

func TestOnlyOneOwnerListens(t *testing.T) {
	n, _ := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	if l, err := control.Listen(dir); err == nil {
		l.Close()
		t.Error("two owners listen on one data folder")
	}
	if _, err := dial(t, dir).Status(t.Context()); err != nil {
		t.Errorf("the first owner is cut off: %v", err)
	}
}

func TestListenLeavesOtherFilesAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "control.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := control.Listen(dir); err == nil {
		l.Close()
		t.Error("a file in the way was replaced")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file is %q, %v", b, err)
	}
}

func TestACoverCrossesTheSocket(t *testing.T) {
	n, f := newFake(control.RoleListener)
	dir, _ := serve(t, n)
	c := dial(t, dir)
	if got, err := c.Cover(t.Context(), f.Tracks[0].ID); string(got) != "\x89PNG\x00" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := c.Cover(t.Context(), f.Tracks[1].ID); len(got) > 0 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
