package control_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/node/control"
)

// named is a player that tells its name, and nothing else.
type named struct {
	control.Player
	name string
}

func (n named) PlayerState(context.Context) (control.PlayerState, error) {
	return control.PlayerState{Problem: n.name}, nil
}

// servePlayer serves a player until the test ends or the function is called.
func servePlayer(t *testing.T, dir, name string) (end func()) {
	t.Helper()
	l, err := control.ListenPlayer(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- control.ServePlayer(ctx, l, named{name: name}, nil) }()
	end = func() {
		if cancel(); done != nil {
			if err := <-done; err != nil {
				t.Error(err)
			}
			done = nil
		}
	}
	t.Cleanup(end)
	return end
}

// whoPlays asks the player of a folder for its name.
func whoPlays(t *testing.T, dir string) (string, error) {
	c, err := control.DialPlayer(t.Context(), dir)
	if err != nil {
		return "", err
	}
	defer c.Close()
	s, err := c.PlayerState(t.Context())
	return s.Problem, err
}

func TestTheNewestPlayerIsAskedAndRemovesItsOwnSocketOnly(t *testing.T) {
	dir := t.TempDir()
	if _, err := whoPlays(t, dir); !errors.Is(err, control.ErrNoPlayer) {
		t.Errorf("where nothing plays: %v", err)
	}
	endFirst := servePlayer(t, dir, "first")
	endSecond := servePlayer(t, dir, "second")
	if who, err := whoPlays(t, dir); who != "second" || err != nil {
		t.Errorf("%q answers, %v", who, err)
	}
	endFirst()
	if who, err := whoPlays(t, dir); who != "second" || err != nil {
		t.Errorf("after the first one's end %q answers, %v", who, err)
	}
	info, err := os.Stat(filepath.Join(dir, "player.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	endSecond()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAPlayersRequestsAreBounded(t *testing.T) {
	dir := t.TempDir()
	servePlayer(t, dir, "x")
	c := httpClient(t, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "player.sock"))
	}})
	resp, err := c.Post("http://earshot/v1/player/command", "", strings.NewReader(`{"do":"`+strings.Repeat("x", 2<<20)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s", resp.Status)
	}
}
