package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"earshot/node/control"
)

// notifySocket is a service manager's end of the socket, which is there for the test.
func notifySocket(t *testing.T, path string) *net.UnixConn {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

// hear returns the next datagram.
func hear(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestTheServiceManagerHearsHowItGoes(t *testing.T) {
	paths := map[string]string{"file": filepath.Join(t.TempDir(), "notify")}
	if runtime.GOOS == "linux" { // has the abstract namespace
		paths["abstract"] = fmt.Sprintf("@earshot-test-%d", os.Getpid())
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			conn := notifySocket(t, path)
			t.Setenv("WATCHDOG_USEC", "2000")
			t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
			s := findSupervisor()
			if os.Getenv("NOTIFY_SOCKET") != "" || s.watch != 2*time.Millisecond {
				t.Errorf("the environment is left as it was, or the watchdog is %v", s.watch)
			}
			s.starting("reading music")
			if got := hear(t, conn); got != "STATUS=reading music\nEXTEND_TIMEOUT_USEC=30000000" {
				t.Errorf("at the start: %q", got)
			}
			stopping := s.attend(t.Context(), newFakeNode("Prelude"))
			const status = "STATUS=sharing 0 tracks with 1 neighbour, 0 B sent"
			if got := hear(t, conn); got != "READY=1\n"+status {
				t.Errorf("when ready: %q", got)
			}
			if got := hear(t, conn); got != "WATCHDOG=1\n"+status {
				t.Errorf("later: %q", got)
			}
			stopping()
			got := hear(t, conn)
			for strings.HasPrefix(got, "WATCHDOG=1") {
				got = hear(t, conn)
			}
			if got != "STOPPING=1" {
				t.Errorf("at the end: %q", got)
			}
		})
	}
}

// unwell fails to tell how it is.
type unwell struct{ control.Node }

func (unwell) Status(context.Context) (control.Status, error) {
	return control.Status{}, control.ErrNoOwner
}

func TestANodeThatDoesNotAnswerIsSilent(t *testing.T) {
	conn := notifySocket(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "2000")
	stopping := findSupervisor().attend(t.Context(), unwell{})
	if got := hear(t, conn); !strings.HasPrefix(got, "READY=1") {
		t.Errorf("when ready: %q", got)
	}
	conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond)) // fifteen watchdogs
	if n, err := conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes of good news", n)
	}
	stopping()
}

func TestWithoutAServiceManagerNobodyIsTold(t *testing.T) {
	for _, path := range []string{"", "relative", "vsock:2:1234", filepath.Join(t.TempDir(), "nobody")} {
		t.Setenv("NOTIFY_SOCKET", path)
		t.Setenv("WATCHDOG_USEC", "nonsense")
		s := findSupervisor()
		s.starting("reading music")
		s.attend(t.Context(), nil)()
	}
}
