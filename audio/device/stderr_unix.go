//go:build cgo && unix

package device

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// silenceStderr sends what is written to stderr nowhere, C libraries included,
// until the function returned is called.
func silenceStderr() (restore func(), err error) {
	const stderr = 2
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	saved, err := unix.FcntlInt(stderr, unix.F_DUPFD_CLOEXEC, stderr+1)
	if err != nil {
		return func() {}, nil // it is closed, and so silent
	}
	if err := unix.Dup2(int(null.Fd()), stderr); err != nil {
		unix.Close(saved)
		return nil, fmt.Errorf("silencing stderr: %w", err)
	}
	return func() {
		unix.Dup2(saved, stderr)
		unix.Close(saved)
	}, nil
}
