package control

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	// socketName and playerSocketName are the sockets' names in the data folder.
	socketName       = "control.sock"
	playerSocketName = "player.sock"

	// maxSocketPath is the longest path that every system takes as a socket's
	// address: sun_path has 104 bytes on BSD and macOS (108 on Linux), a zero
	// at the end included.
	maxSocketPath = 103

	// maxTempFolder is the longest temporary folder that leaves room for
	// shortcut's own names in maxSocketPath.
	maxTempFolder = 64
)

// Listen listens on the control socket of a data folder. The caller holds the
// folder's lock, so a socket that nobody answers on is a dead owner's and goes.
// Closing the listener removes the socket; do that before the lock is released.
func Listen(dataDir string) (net.Listener, error) {
	path, err := socketPath(dataDir, socketName)
	if err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("opening the control socket: %w", err)
	}
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("opening the control socket %s: %w", path, err)
	}
	return l, nil
}

// ListenPlayer listens on the player's socket of a data folder. Several may play
// at once: the newest one is who is asked, so it takes the socket's name over.
// Closing the listener removes the socket if it is still this one's.
func ListenPlayer(dataDir string) (net.Listener, error) {
	path, err := socketPath(dataDir, playerSocketName)
	if err != nil {
		return nil, err
	}
	own := path + "." + rand.Text()[:8] // for a moment
	l, err := listen(own)
	if err == nil {
		if err = os.Rename(own, path); err != nil {
			l.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the player's socket %s: %w", path, err)
	}
	l.path = path
	return l, nil
}

// listen makes a socket that its user alone may connect to.
func listen(path string) (*listener, error) {
	var l *net.UnixListener
	err := shortcut(path, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it knows the short path only
	if err = os.Chmod(path, 0o600); err == nil {
		var made fs.FileInfo
		if made, err = os.Lstat(path); err == nil {
			return &listener{UnixListener: l, path: path, made: made}, nil
		}
	}
	l.Close()
	os.Remove(path)
	return nil, err
}

// listener accepts connections of the node's own user.
type listener struct {
	*net.UnixListener
	path   string
	made   fs.FileInfo // the socket itself
	remove sync.Once
}

// Accept returns the next connection that is allowed. Mode 0600 alone leaves
// the moment between bind and chmod; what comes in there is refused here.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if allowed(conn) {
			return conn, nil
		}
		conn.Close()
	}
}

// Close ends listening and removes the socket, unless another one has its name.
func (l *listener) Close() error {
	l.remove.Do(func() {
		if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.made) {
			os.Remove(l.path)
		}
	})
	return l.UnixListener.Close()
}

// dial connects to who listens on a socket; ErrNoOwner if nobody does.
func dial(ctx context.Context, path string) (net.Conn, error) {
	var conn net.Conn
	err := shortcut(path, func(short string) (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	if isDead(err) {
		return nil, ErrNoOwner
	}
	return conn, err
}

// isDead reports whether an error of connecting says that nobody listens.
func isDead(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// removeStale removes the socket of an owner that died.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is in the way and is no socket: move it away", path)
	}
	conn, err := dial(context.Background(), path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("another program answers on %s: end it first", path)
	}
	if !errors.Is(err, ErrNoOwner) {
		return err
	}
	return os.Remove(path)
}

// socketPath is where a socket of a data folder is.
func socketPath(dataDir, name string) (string, error) {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return "", fmt.Errorf("finding the socket %s: %w", name, err)
	}
	return filepath.Join(dir, name), nil
}

// shortcut calls f with a path to the same file that fits a socket's address:
// path itself, or one through a symbolic link to its folder, which is there
// only while f runs. So the socket is in the data folder however deep that is,
// and no two processes need agree on another place.
func shortcut(path string, f func(short string) error) error {
	if len(path) <= maxSocketPath {
		return f(path)
	}
	temp := os.TempDir()
	if len(temp) > maxTempFolder {
		temp = "/tmp"
	}
	dir, err := os.MkdirTemp(temp, "earshot-") // mode 0700, a new name
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	link := filepath.Join(dir, "d")
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		return err
	}
	return f(filepath.Join(link, filepath.Base(path)))
}
