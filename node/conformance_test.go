package node

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lukechampine.com/blake3"

	"earshot/audio/music"
	"earshot/node/control"
	"earshot/node/control/controltest"
	"earshot/protocol"
)

// TestNodesConform runs the suite of control.Node on real nodes over real
// sockets, alone and through their control sockets.
func TestNodesConform(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "music")
	if err := os.CopyFS(folder, music.Files()); err != nil {
		t.Fatal(err)
	}
	var samples []controltest.Sample
	for _, name := range []string{"03-invention.mp3", "02-minuet.mp3"} {
		data, err := fs.ReadFile(music.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, controltest.Sample{ID: protocol.ID(blake3.Sum256(data)), Data: data})
	}
	serve := func(t *testing.T) *Server {
		s, err := Serve(t.Context(), ServeConfig{Data: shortDir(t), Music: folder, Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	fixture := func(n control.Node) controltest.Fixture {
		return controltest.Fixture{Node: n, Tracks: samples, Words: "invention"}
	}
	through := func(t *testing.T, data string) control.Node {
		c, err := control.Dial(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}

	server := serve(t)
	member := memberWith(t, server, samples)
	start := func(t *testing.T) *Node {
		data := shortDir(t)
		if err := os.CopyFS(data, os.DirFS(member)); err != nil {
			t.Fatal(err)
		}
		n, err := Start(Config{Data: data})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n
	}
	t.Run("listener", func(t *testing.T) {
		controltest.Run(t, func(t *testing.T) controltest.Fixture { return fixture(start(t)) })
	})
	t.Run("listener through its socket", func(t *testing.T) {
		controltest.Run(t, func(t *testing.T) controltest.Fixture {
			return fixture(through(t, start(t).config.Data))
		})
	})
	t.Run("server", func(t *testing.T) {
		controltest.Run(t, func(t *testing.T) controltest.Fixture { return fixture(serve(t)) })
	})
	t.Run("server through its socket", func(t *testing.T) {
		controltest.Run(t, func(t *testing.T) controltest.Fixture {
			return fixture(through(t, serve(t).config.Data))
		})
	})
}

// memberWith makes a data folder that has joined, with the tracks in its cache.
func memberWith(t *testing.T, s *Server, tracks []controltest.Sample) string {
	data := shortDir(t)
	link, err := s.Invite(t.Context(), control.Invitation{Uses: 1, Expires: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Join(t.Context(), data, link); err != nil {
		t.Fatal(err)
	}
	withoutTicket(t, data)
	n, err := Start(Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	for _, track := range tracks {
		r, err := n.Open(t.Context(), track.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	withoutTicket(t, data)
	return data
}

// withoutTicket has the next start do without 0-RTT, which on loopback makes
// quic-go v0.65.0 race with itself (see the Makefile).
func withoutTicket(t *testing.T, data string) {
	if err := os.Remove(filepath.Join(data, ticketsFile)); err != nil {
		t.Fatal(err)
	}
}

// shortDir makes a folder whose control socket's path is short enough for
// sun_path, which has 104 bytes on some systems.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
