package audio

import (
	"os"

	"golang.org/x/sys/unix"
)

// limitPipe makes a pipe hold no more than pipeSize. It holds more where that fails.
func limitPipe(w *os.File) {
	if c, err := w.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
}
