package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// folder is a data folder that this process owns.
type folder struct {
	path string
	lock *os.File
}

// What lies in a data folder.
const (
	lockFile        = "lock"
	memberDir       = "member"
	authorityDir    = "authority"
	cacheDir        = "cache"
	libraryDir      = "library"
	ticketsFile     = "tickets"
	tokensFile      = "tokens"
	neighboursFile  = "neighbours.json"
	secretFile      = "secret"
	joinedFile      = "joined.json"
	servedFile      = "served.json"
	invitationsFile = "invitations.json"
)

// HeldError says that another process owns the data folder.
type HeldError struct {
	Path string
	PID  int // 0 if unknown
}

// Error names the owner.
func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("another earshot owns the data folder %s: use --data for another one", e.Path)
	}
	return fmt.Sprintf("process %d owns the data folder %s: use --data for another one, or `earshot stop`", e.PID, e.Path)
}

// own takes the data folder for this process, making it where it is missing. It
// fails with *HeldError.
func own(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		held := &HeldError{Path: path, PID: ownerPID(lock)}
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, held
		}
		return nil, fmt.Errorf("locking the data folder %s: %w", path, err)
	}
	lock.Truncate(0)
	lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0) // for people: the lock is what counts
	return &folder{path: path, lock: lock}, nil
}

func ownerPID(lock *os.File) int {
	var b [16]byte
	n, _ := lock.ReadAt(b[:], 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	return pid
}

func (f *folder) join(name string) string { return filepath.Join(f.path, name) }

// release gives the folder up.
func (f *folder) release() error { return f.lock.Close() }
